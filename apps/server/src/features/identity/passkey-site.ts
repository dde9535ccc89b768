import { isIP } from 'node:net'
import { ProblemError } from '@hearthold/contract'
import type { IdentityParts } from './parts.ts'

/** Whom passkeys are made for: both from the public URL, never from a request (OPS-14). */
export type PasskeySite = { readonly rpId: string; readonly origin: string }

const isLocal = (host: string): boolean => host === 'localhost' || host.endsWith('.localhost')

/** Undefined where browsers offer no passkeys: under an IP address, and without TLS except on localhost. */
export const passkeySiteOf = (publicUrl: string): PasskeySite | undefined => {
  const { hostname, origin, protocol } = new URL(publicUrl)
  if (isIP(hostname.replace(/^\[(.*)\]$/, '$1')) !== 0) return undefined
  return protocol === 'https:' || isLocal(hostname) ? { rpId: hostname, origin } : undefined
}

/** @throws ProblemError `passkeys_unavailable` with the remedy */
export const getPasskeySite = ({ publicUrl }: Pick<IdentityParts, 'publicUrl'>): PasskeySite => {
  const site = passkeySiteOf(publicUrl())
  if (site) return site
  throw new ProblemError(
    'passkeys_unavailable',
    'Browsers offer passkeys only for a host name reached by HTTPS, not for an IP address. A host can give this server a name by HEARTHOLD_PUBLIC_URL.',
  )
}
