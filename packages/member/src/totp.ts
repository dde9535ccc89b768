import { Secret, TOTP } from 'otpauth'

/** Seconds of one step, and digits of a code: what authenticator apps all know (RFC 6238). */
const stepMs = 30_000
const digits = 6
/** The server accepts the step before and after its own. */
const windowSteps = 1
/** A code that runs out sooner may be refused by the time it arrives; a wrong code counts against its owner. */
const leastValidMs = 5_000

export type TotpResult =
  | { readonly code: string; readonly step: number }
  /** No unused step is left within the window: the next one is usable after this long. */
  | { readonly waitMs: number }

/**
 * The code of the lowest unused step within one of now (details.md): the server takes each step once, so that
 * the lowest first leaves the later ones for the next sign-ins. One that the server takes for less than five more
 * seconds is passed over. `secret` is base32 as the server gave it, `now` ms since 1970, `lastUsedStep` the newest
 * step that was used, as far as known. Throws RangeError for a secret that is not base32.
 */
export const totpCode = (secret: string, now: number, lastUsedStep?: number): TotpResult => {
  const current = Math.floor(now / stepMs)
  const oldest = Math.floor((now + leastValidMs) / stepMs) - windowSteps
  const step = Math.max(oldest, (lastUsedStep ?? -1) + 1)
  if (step > current + windowSteps) return { waitMs: (step - windowSteps) * stepMs - now }
  return { code: codeOf(secret, step), step }
}

const codeOf = (secret: string, step: number): string => {
  const text = secret.replaceAll(/[\s-]/g, '').toUpperCase()
  if (!/^[A-Z2-7]{16,}=*$/.test(text)) throw new RangeError('not a base32 authenticator secret')
  const totp = new TOTP({
    secret: Secret.fromBase32(text),
    algorithm: 'SHA1',
    digits,
    period: stepMs / 1000,
  })
  return totp.generate({ timestamp: step * stepMs })
}
