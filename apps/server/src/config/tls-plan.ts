import { isIP } from 'node:net'
import type { Listen } from './parse.ts'

/** How connections are protected. `plain` is only ever chosen where nobody else can listen in (OPS-3). */
export type TlsPlan =
  | { readonly kind: 'plain'; readonly reason: 'loopback' | 'unix socket' | 'behind a proxy' }
  | { readonly kind: 'files'; readonly certFile: string; readonly keyFile: string }
  | { readonly kind: 'self-signed' }

/** True for names and addresses that never leave this machine. */
export const isLoopback = (host: string): boolean => {
  const name = host.replace(/^\[|\]$/g, '').toLowerCase()
  if (name === 'localhost' || name.endsWith('.localhost') || name === '::1') return true
  return isIP(name) === 4 && name.startsWith('127.')
}

export type TlsFacts = {
  readonly listen: Listen
  readonly publicUrl: string
  readonly publicUrlIsDefault: boolean
  readonly trustedProxies: readonly string[]
  readonly certFile: string | undefined
  readonly keyFile: string | undefined
}

const howToBeReached =
  'Set HEARTHOLD_PUBLIC_URL to the address people will use, such as https://home.example.org:8765, or listen on 127.0.0.1.'

/** Mistakes that only show when settings are seen together; each names the two that fight. */
export const tlsMistakes = (facts: TlsFacts): { name: string; message: string }[] => {
  const { listen, publicUrl, trustedProxies } = facts
  const mistakes: { name: string; message: string }[] = []
  const reachable = listen.kind === 'tcp' && !isLoopback(listen.host)
  const url = new URL(publicUrl)
  if ((facts.certFile === undefined) !== (facts.keyFile === undefined)) {
    mistakes.push({ name: 'tlsCertFile and tlsKeyFile', message: 'must be set together' })
  }
  if (reachable && facts.publicUrlIsDefault) {
    mistakes.push({
      name: 'listen',
      message: `is reachable from other devices, but publicUrl is still http://localhost:8765. ${howToBeReached}`,
    })
  } else if (url.protocol === 'http:' && (reachable || !isLoopback(url.hostname))) {
    mistakes.push({
      name: 'publicUrl',
      message: 'must begin with https:// unless the server is only for this machine (localhost)',
    })
  } else if (url.protocol === 'http:' && facts.certFile !== undefined) {
    mistakes.push({
      name: 'publicUrl',
      message: 'must begin with https:// when a certificate is set',
    })
  }
  if (
    reachable &&
    facts.certFile === undefined &&
    trustedProxies.length > 0 &&
    trustedProxies.every((proxy) => proxy === 'unix')
  ) {
    mistakes.push({
      name: 'trustedProxies',
      message: 'lists only "unix", but listen is not a unix socket',
    })
  }
  return mistakes
}

/**
 * The rule OPS-3: own certificate files where given; plain HTTP only on loopback, a unix socket or behind a listed
 * proxy; otherwise a self-signed certificate. A loopback server whose public URL is https and which has no proxy
 * must itself speak TLS, else nobody could reach it under that URL.
 */
export const planTls = (facts: TlsFacts): TlsPlan => {
  const { certFile, keyFile, listen, trustedProxies } = facts
  if (certFile !== undefined && keyFile !== undefined) return { kind: 'files', certFile, keyFile }
  if (listen.kind === 'unix') return { kind: 'plain', reason: 'unix socket' }
  if (trustedProxies.length > 0) return { kind: 'plain', reason: 'behind a proxy' }
  if (isLoopback(listen.host) && new URL(facts.publicUrl).protocol === 'http:')
    return { kind: 'plain', reason: 'loopback' }
  return { kind: 'self-signed' }
}
