import { X509Certificate } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { isIP } from 'node:net'
import { join } from 'node:path'
import { FileModeError } from '#platform/file-modes.ts'
import { readCertificateFiles } from '#platform/tls/certificate.ts'
import { version, versionDate } from '#platform/version.ts'
import type { Config } from '../config/load.ts'
import { isLoopback } from '../config/tls-plan.ts'
import { attention, type Check, type Finding, ok, problem } from './check.ts'

const dayMs = 24 * 60 * 60 * 1000

/** Own files: readable, secret, belonging together, for the right name, and not about to end. */
const lookAtFiles = (
  certFile: string,
  keyFile: string,
  publicUrl: string,
  now: number,
): Finding => {
  let certificate: X509Certificate
  try {
    certificate = new X509Certificate(readCertificateFiles(certFile, keyFile).certPem)
  } catch (error) {
    if (error instanceof FileModeError)
      return problem('Others on this machine can read the private key.', error.remedy)
    return problem(
      'The certificate or its key cannot be used.',
      `Check ${certFile} and ${keyFile}: PEM, and belonging together.`,
    )
  }
  const host = new URL(publicUrl).hostname.replace(/^\[|\]$/g, '')
  const named = isIP(host) === 0 ? certificate.checkHost(host) : certificate.checkIP(host)
  if (named === undefined)
    return problem(
      `The certificate is not for ${host}.`,
      'Get one for the name in HEARTHOLD_PUBLIC_URL.',
    )
  const days = Math.floor((Date.parse(certificate.validTo) - now) / dayMs)
  const renew = 'Renew it; the server reads the new files by itself.'
  if (days < 0) return problem('The certificate has expired.', renew)
  return days < 14
    ? attention(`The certificate ends in ${days} days.`, renew)
    : ok(`Your certificate is good for ${days} more days.`)
}

const lookAtSelfSigned = ({ dataDir }: Config, now: number): Finding => {
  const file = join(dataDir, 'tls', 'certificate.pem')
  if (!existsSync(file))
    return ok(
      'The first start makes a certificate; devices compare its key by the pin that serve prints.',
    )
  const days = Math.floor(
    (Date.parse(new X509Certificate(readFileSync(file)).validTo) - now) / dayMs,
  )
  const finding = `The certificate is the server's own (${days} more days, renewed by itself): browsers warn, and passkeys need it accepted.`
  return attention(
    finding,
    'For browsers without a warning, set HEARTHOLD_TLS_CERT_FILE and HEARTHOLD_TLS_KEY_FILE, or use a reverse proxy.',
  )
}

export const tls: Check = {
  name: 'TLS',
  look: ({ config }, now) => {
    const { tls: plan, publicUrl } = config
    if (plan.kind === 'files') return lookAtFiles(plan.certFile, plan.keyFile, publicUrl, now)
    if (plan.kind === 'self-signed') return lookAtSelfSigned(config, now)
    if (plan.reason !== 'loopback')
      return ok(`Plain HTTP, because a proxy stands in front (${plan.reason}).`)
    return ok('Plain HTTP that never leaves this machine.')
  },
}

const runsAsRoot = (): boolean => process.getuid?.() === 0

export const exposure: Check = {
  name: 'exposure',
  look: ({ config }) => {
    const { listen, trustedProxies, publicUrl } = config
    const reachable = listen.kind === 'tcp' && !isLoopback(listen.host)
    if (reachable && runsAsRoot()) {
      return attention(
        'This user is root, and the server would be reachable from other devices.',
        'Run it as a user of its own; see docs/operating.',
      )
    }
    if (!reachable)
      return ok(
        `Only this machine${trustedProxies.length > 0 ? ' and what its proxies pass on' : ''} can reach it.`,
      )
    if (config.tls.kind === 'plain')
      return ok(`Reachable only through the listed proxies, as ${publicUrl}.`)
    return ok(`Reachable from other devices by HTTPS, as ${publicUrl}.`)
  },
}

/** Half a year without an update is long for something that faces a network. */
const oldAfterDays = 180

export const versionAge: Check = {
  name: 'version',
  look: (_loaded, now) => {
    const days = Math.max(0, Math.floor((now - Date.parse(versionDate)) / dayMs))
    const finding = `Hearthold ${version} of ${versionDate}, ${days} days old, on Node ${process.versions.node}.`
    return days > oldAfterDays
      ? attention(finding, 'Look for a newer release. Nothing here calls home to ask.')
      : ok(finding)
  },
}
