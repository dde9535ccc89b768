/**
 * Between the browser's WebAuthn and us. The page runs the two ceremonies and hands their results in; all that must
 * not go wrong is here: the PRF input, what a PRF output must look like, and that nothing secret is sent on.
 */
import type {
  PasskeyAssertion,
  PasskeyCreationOptions,
  PasskeyRegistration,
  PasskeyRequestOptions,
} from '@hearthold/contract'
import {
  type Bytes,
  fromB64,
  methodType,
  passkeyId,
  passkeyPrfSalt,
  randomBytes,
  toB64,
} from '@hearthold/crypto'
import type { MethodSecret } from './unlock.ts'

/** The extension inputs of both ceremonies, in WebAuthn's JSON form: `first` is base64url. */
export type PasskeyExtensions = {
  readonly prf: { readonly eval: { readonly first: string } }
}

/**
 * `prf.results.first` of the credential's `getClientExtensionResults()`, before anything turned it into JSON;
 * undefined where there is none.
 */
export type PrfOutput = ArrayBuffer | Uint8Array | undefined

export type CreatedPasskey = {
  /** base64url, as `credential.id`. */
  readonly id: string
  /** base64url, as in `credential.toJSON().response`. */
  readonly clientDataJSON: string
  readonly attestationObject: string
  /** `credential.response.getTransports()`. */
  readonly transports?: readonly string[]
  readonly prf: PrfOutput
}

export type AnsweredPasskey = {
  readonly id: string
  readonly clientDataJSON: string
  readonly authenticatorData: string
  readonly signature: string
  readonly userHandle?: string | null | undefined
  readonly prf: PrfOutput
}

/**
 * What the page provides. `create` must call `navigator.credentials.create` with these options, `get` must call
 * `navigator.credentials.get`; both from a click, on the main thread. `get` may follow `create` at once, for the PRF output:
 * where the browser wants a click for each (Safari), wait for one in it. The options are the JSON forms that
 * `PublicKeyCredential.parseCreationOptionsFromJSON` and `parseRequestOptionsFromJSON` take. Where those are missing,
 * or with @simplewebauthn/browser, which converts no extension inputs, `extensions.prf.eval.first` must be replaced
 * by its bytes (`passkeyPrfSalt()`) first. Results are plain data that may pass through `postMessage`. What the browser
 * throws (NotAllowedError for a person who cancelled) comes out of the call here as it is. Never send or store
 * `credential.toJSON()`: it holds the PRF output.
 */
export type PasskeyAuthenticator = {
  readonly create: (
    options: PasskeyCreationOptions & { readonly extensions: PasskeyExtensions },
  ) => Promise<CreatedPasskey>
  readonly get: (
    options: PasskeyRequestOptions & { readonly extensions: PasskeyExtensions },
  ) => Promise<AnsweredPasskey>
}

/** All that a sign-in or a fresh proof needs. */
export type PasskeyReader = Pick<PasskeyAuthenticator, 'get'>

/**
 * A passkey gave no PRF output ('absent'), or something else in its place ('malformed'): it can sign in and never
 * unlock.
 */
export class PasskeyPrfError extends Error {
  readonly reason: 'absent' | 'malformed'

  constructor(reason: 'absent' | 'malformed') {
    super(
      reason === 'absent'
        ? 'This passkey gives no key to unlock with (its authenticator does not support PRF).'
        : 'What this passkey gave is no key to unlock with.',
    )
    this.name = 'PasskeyPrfError'
    this.reason = reason
  }
}

const prfBytes = 32

/**
 * The method secret of a PRF output: exactly 32 bytes, copied, never all zeros. Throws PasskeyPrfError for anything else: an
 * absent output must never become a key that anyone can compute (cryptography.md 2, pitfall 1).
 */
export const passkeySecret = (prf: unknown): Bytes => {
  if (prf === undefined || prf === null) throw new PasskeyPrfError('absent')
  const bytes =
    prf instanceof Uint8Array
      ? new Uint8Array(prf)
      : prf instanceof ArrayBuffer
        ? new Uint8Array(prf.slice(0))
        : undefined
  if (bytes?.length !== prfBytes || bytes.every((byte) => byte === 0)) {
    throw new PasskeyPrfError('malformed')
  }
  return bytes
}

const extensions = (): PasskeyExtensions => ({ prf: { eval: { first: toB64(passkeyPrfSalt()) } } })

/** What unlocks by a passkey; undefined where the authenticator gave no PRF output. */
const unlockByOf = (credential: string, prf: PrfOutput): Required<MethodSecret> | undefined =>
  prf === undefined
    ? undefined
    : {
        type: methodType.passkey,
        id: passkeyId(fromB64(credential)),
        secret: passkeySecret(prf),
      }

export type MadePasskey = {
  /** Id of the passkey: 16 bytes. */
  readonly id: Bytes
  readonly registration: PasskeyRegistration
  /** Undefined for a passkey that can only sign in. */
  readonly unlockBy: Required<MethodSecret> | undefined
}

/**
 * Makes a passkey. Many authenticators give no PRF output while they create one: then it is asked for it once more by
 * `get`, with a challenge that proves nothing and is sent nowhere. Throws PasskeyPrfError('malformed') for a wrong output.
 */
export const makePasskey = async (
  authenticator: PasskeyAuthenticator,
  options: PasskeyCreationOptions,
): Promise<MadePasskey> => {
  const created = await authenticator.create({ ...options, extensions: extensions() })
  const { id, clientDataJSON, attestationObject, transports = [] } = created
  const prf = created.prf ?? (await askPrf(authenticator, options, id, transports))
  return {
    id: passkeyId(fromB64(id)),
    // Field by field: nothing that the page added is sent.
    registration: {
      credential: id,
      clientDataJSON,
      attestationObject,
      transports: transports.filter((one) => /^[a-z-]{1,32}$/.test(one)).slice(0, 8),
    },
    unlockBy: unlockByOf(id, prf),
  }
}

const askPrf = async (
  authenticator: PasskeyReader,
  { rp, timeout }: PasskeyCreationOptions,
  id: string,
  transports: readonly string[],
): Promise<PrfOutput> => {
  const answered = await authenticator.get({
    challenge: toB64(randomBytes(32)),
    timeout,
    rpId: rp.id,
    allowCredentials: [{ id, type: 'public-key', transports: [...transports] }],
    userVerification: 'required',
    extensions: extensions(),
  })
  return answered.id === id ? answered.prf : undefined
}

export type AskedPasskey = {
  readonly id: Bytes
  readonly assertion: PasskeyAssertion
  readonly unlockBy: Required<MethodSecret> | undefined
}

/** Answers a challenge of the server by a passkey. Throws PasskeyPrfError('malformed') for a wrong PRF output. */
export const askPasskey = async (
  authenticator: PasskeyReader,
  options: PasskeyRequestOptions,
): Promise<AskedPasskey> => {
  const answered = await authenticator.get({ ...options, extensions: extensions() })
  const { id, clientDataJSON, authenticatorData, signature, userHandle } = answered
  return {
    id: passkeyId(fromB64(id)),
    assertion: {
      credential: id,
      clientDataJSON,
      authenticatorData,
      signature,
      ...(typeof userHandle === 'string' ? { userHandle } : {}),
    },
    unlockBy: unlockByOf(id, answered.prf),
  }
}
