import { randomBytes } from '@hearthold/crypto'
import { Secret, TOTP } from 'otpauth'

/** RFC 6238 as every authenticator app has it: SHA-1, 6 digits, 30 s; a step earlier or later is taken too. */
const period = 30
const options = { algorithm: 'SHA1', digits: 6, period, issuer: 'Hearthold' } as const

export const newTotpSecret = (): Uint8Array => randomBytes(20)

const secretOf = (bytes: Uint8Array): Secret => new Secret({ buffer: bytes.slice().buffer })

/** The secret as people type it (base 32), and as a QR code carries it (otpauth URI, with the name). */
export const totpTexts = (
  secret: Uint8Array,
  name: string,
): { totpSecret: string; totpUri: string } => {
  const totp = new TOTP({ ...options, label: name, secret: secretOf(secret) })
  return { totpSecret: totp.secret.base32, totpUri: totp.toString() }
}

export const isTotpCode = (code: string): boolean => /^[0-9]{6}$/.test(code)

/** The time step that the code is of, within one of now; undefined for a wrong code. `now` in ms. */
export const matchTotp = (secret: Uint8Array, code: string, now: number): number | undefined => {
  if (!isTotpCode(code)) return undefined
  const delta = TOTP.validate({
    ...options,
    secret: secretOf(secret),
    token: code,
    timestamp: now,
    window: 1,
  })
  return delta === null ? undefined : TOTP.counter({ period, timestamp: now }) + delta
}
