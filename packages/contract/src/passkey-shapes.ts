/**
 * What of a passkey (WebAuthn) travels. Options go to the browser in the JSON forms of WebAuthn level 3. What comes
 * back is not the browser's JSON, which may hold PRF results and so the member's secret, but exactly the fields that
 * are verified: any other field is refused.
 */
import { type Static, Type } from 'typebox'
import { Base64Url, Exact } from './schemas.ts'

const CredentialId = Type.String({
  pattern: '^[A-Za-z0-9_-]+$',
  minLength: 1,
  maxLength: Math.ceil((1023 * 4) / 3),
})
/** Hints of the authenticator on how it is reached, handed back to the browser as they came. */
const Transports = Type.Array(Type.String({ pattern: '^[a-z-]{1,32}$' }), { maxItems: 8 })

const Descriptor = Exact({
  id: CredentialId,
  type: Type.Literal('public-key'),
  transports: Type.Optional(Transports),
})

/**
 * `PublicKeyCredentialCreationOptionsJSON` without extensions: the client adds its constant PRF input itself. User
 * verification and a discoverable credential are required.
 */
export const PasskeyCreationOptions = Exact({
  rp: Exact({ id: Type.String(), name: Type.String() }),
  user: Exact({ id: Base64Url(32), name: Type.String(), displayName: Type.String() }),
  challenge: Base64Url(32),
  pubKeyCredParams: Type.Array(Exact({ type: Type.Literal('public-key'), alg: Type.Integer() })),
  /** ms. */
  timeout: Type.Integer(),
  attestation: Type.Literal('none'),
  authenticatorSelection: Exact({
    residentKey: Type.Literal('required'),
    requireResidentKey: Type.Literal(true),
    userVerification: Type.Literal('required'),
  }),
  excludeCredentials: Type.Array(Descriptor),
})

/** `PublicKeyCredentialRequestOptionsJSON` without extensions; no credential is named for a sign-in. */
export const PasskeyRequestOptions = Exact({
  challenge: Base64Url(32),
  /** ms. */
  timeout: Type.Integer(),
  rpId: Type.String(),
  allowCredentials: Type.Array(Descriptor),
  userVerification: Type.Literal('required'),
})

/** What `navigator.credentials.create` made, without anything secret. */
export const PasskeyRegistration = Exact({
  credential: CredentialId,
  clientDataJSON: Base64Url(4096),
  attestationObject: Base64Url(16 * 1024),
  transports: Transports,
})

/** What `navigator.credentials.get` answered, without anything secret. */
export const PasskeyAssertion = Exact({
  credential: CredentialId,
  clientDataJSON: Base64Url(4096),
  authenticatorData: Base64Url(4096),
  signature: Base64Url(1024),
  userHandle: Type.Optional(Base64Url(64)),
})

/** A passkey's name, sealed by the member (docs/formats/account-keys.md 8): the server cannot read it. */
export const PasskeyLabel = Base64Url(320)

export type PasskeyCreationOptions = Static<typeof PasskeyCreationOptions>
export type PasskeyRequestOptions = Static<typeof PasskeyRequestOptions>
export type PasskeyRegistration = Static<typeof PasskeyRegistration>
export type PasskeyAssertion = Static<typeof PasskeyAssertion>
