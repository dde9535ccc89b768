/** Shapes that sign-up, sign-in and sessions share. */
import { Type } from 'typebox'
import { Base64Url, Exact, Id, Time, Token } from './schemas.ts'

export const OpaqueRequest = Base64Url(32)
export const OpaqueAnswer = Base64Url(64)
export const OpaqueRecord = Base64Url(192)
/** An encoded append (packages/crypto, append.ts): genesis headers and entries over one or more logs. */
export const Append = Base64Url(96 * 1024)

/** What a session is, as its owner sees it. */
export const Session = Exact({
  id: Id,
  current: Type.Boolean(),
  createdAt: Time,
  lastUsedAt: Time,
  expiresAt: Time,
  staySignedIn: Type.Boolean(),
  method: Type.Union([
    Type.Literal('sign-up'),
    Type.Literal('password'),
    Type.Literal('recovery'),
    Type.Literal('device'),
    Type.Literal('passkey'),
  ]),
  device: Type.Union([Id, Type.Null()]),
  /** Last address, as the server saw it. */
  address: Type.String(),
  client: Type.String(),
})

/** `bearer` answers a token (CLI, API); `cookie` sets the session cookie and answers no token (web app). */
export const Transport = Type.Union([Type.Literal('bearer'), Type.Literal('cookie')])

export const SignedInFields = {
  next: Type.Literal('signed-in'),
  account: Id,
  log: Id,
  session: Id,
  expiresAt: Time,
  token: Type.Optional(Token),
}
export const SignedIn = Exact({
  ...SignedInFields,
  /** Set where a backup code was used and few remain. */
  backupCodesLeft: Type.Optional(Type.Integer()),
})
export const SecondFactorNext = Exact({ next: Type.Literal('second-factor'), pending: Id })
