import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
  webcrypto,
  X509Certificate,
} from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { isIP } from 'node:net'
import { networkInterfaces } from 'node:os'
import { join } from 'node:path'
import type { Clock } from '../clock.ts'
import { ensureFolder, readSecretFile, writeSecretFile } from '../file-modes.ts'
import { belongTogether, type Certificate } from './certificate.ts'

const dayMs = 24 * 60 * 60 * 1000
/** Browsers refuse certificates valid for more than 398 days; some count the first day twice. */
const validDays = 396
const renewBeforeDays = 30
/** For devices whose clock is behind. */
const backdatedDays = 1

export type SelfSignedDeps = {
  /** `data/tls`. */
  readonly folder: string
  readonly clock: Clock
  /** Names and addresses the certificate is for. */
  readonly names: readonly string[]
}

/** The public URL's host, localhost and this machine's addresses: all the names someone may reach it by. */
export const namesFor = (publicUrl: string): string[] => {
  const host = new URL(publicUrl).hostname.replace(/^\[|\]$/g, '')
  const addresses = Object.values(networkInterfaces())
    .flatMap((list) => list ?? [])
    // Link-local addresses of version 6 carry a zone, which a certificate cannot name.
    .filter(({ address }) => !address.startsWith('fe80:'))
    .map(({ address }) => address)
  return [...new Set([host, 'localhost', '127.0.0.1', '::1', ...addresses])].sort()
}

const readKey = (path: string): KeyObject => {
  if (existsSync(path)) return createPrivateKey(readSecretFile(path))
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  writeSecretFile(path, privateKey.export({ type: 'pkcs8', format: 'pem' }))
  return privateKey
}

const namesIn = (certificate: X509Certificate): Set<string> =>
  new Set(
    (certificate.subjectAltName ?? '')
      .split(', ')
      .map((entry) => entry.replace(/^(?:DNS|IP Address):/, '').toLowerCase()),
  )

/** As certificates print addresses: version 6 in full, upper case; see X509Certificate.subjectAltName. */
const asPrinted = (name: string): string => {
  if (isIP(name) !== 6) return name.toLowerCase()
  const [head = '', tail] = name.replace(/%.*$/, '').split('::')
  const groups = (text: string): string[] => (text === '' ? [] : text.split(':'))
  const left = groups(head)
  const right = tail === undefined ? [] : groups(tail)
  const middle =
    tail === undefined ? [] : Array.from({ length: 8 - left.length - right.length }, () => '0')
  return [...left, ...middle, ...right]
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(':')
}

const stillGood = (certificate: Certificate, deps: SelfSignedDeps): boolean => {
  if (!belongTogether(certificate)) return false
  const parsed = new X509Certificate(certificate.certPem)
  const named = namesIn(parsed)
  return (
    deps.names.every((name) => named.has(asPrinted(name))) &&
    Date.parse(parsed.validTo) - deps.clock.now() > renewBeforeDays * dayMs &&
    Date.parse(parsed.validFrom) <= deps.clock.now()
  )
}

const issue = async (key: KeyObject, { clock, names }: SelfSignedDeps): Promise<string> => {
  // Loaded only here: a server with its own certificate, or none, never pays for it.
  await import('reflect-metadata')
  const x509 = await import('@peculiar/x509')
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }
  const pkcs8 = key.export({ type: 'pkcs8', format: 'der' })
  const spki = createPublicKey(key).export({ type: 'spki', format: 'der' })
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    // Positive and of 64 bits of randomness or more (CA/Browser Forum baseline requirements, 7.1).
    serialNumber: `01${randomBytes(15).toString('hex')}`,
    name: 'CN=Hearthold',
    notBefore: new Date(clock.now() - backdatedDays * dayMs),
    notAfter: new Date(clock.now() + (validDays - backdatedDays) * dayMs),
    signingAlgorithm: algorithm,
    keys: {
      privateKey: await webcrypto.subtle.importKey(
        'pkcs8',
        new Uint8Array(pkcs8),
        algorithm,
        false,
        ['sign'],
      ),
      publicKey: await webcrypto.subtle.importKey('spki', new Uint8Array(spki), algorithm, true, [
        'verify',
      ]),
    },
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
      new x509.SubjectAlternativeNameExtension(
        names.map((name) => ({ type: isIP(name) === 0 ? 'dns' : 'ip', value: name })),
      ),
    ],
  })
  return certificate.toString('pem')
}

/**
 * The instance's own certificate: ECDSA P-256, at most 397 days, made again when 30 days are left or a name is
 * missing; the key is made once and kept, so that what clients pinned stays true.
 * @throws FileModeError if the key became readable for others
 */
export const selfSignedCertificate = async (deps: SelfSignedDeps): Promise<Certificate> => {
  ensureFolder(deps.folder)
  const key = readKey(join(deps.folder, 'key.pem'))
  const keyPem = key.export({ type: 'pkcs8', format: 'pem' })
  const certFile = join(deps.folder, 'certificate.pem')
  if (existsSync(certFile)) {
    const kept = { certPem: readFileSync(certFile, 'utf8'), keyPem }
    if (stillGood(kept, deps)) return kept
  }
  const made = { certPem: await issue(key, deps), keyPem }
  writeSecretFile(certFile, made.certPem)
  return made
}
