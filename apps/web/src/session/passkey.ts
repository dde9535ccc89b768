/**
 * Passkey ceremonies on the page, for the worker, which has no `navigator.credentials`. What goes back holds exactly
 * the fields that the server verifies, and beside them the PRF output: never `credential.toJSON()`, whose extension
 * results hold the PRF output too and must not be posted anywhere.
 */
import type { CeremonyJson, PasskeyCeremonies } from '../workers/account/passkey-ceremonies.ts'

/** Why passkeys cannot work on this page. */
export type PasskeyObstacle = 'insecure' | 'address' | 'browser' | 'server'

const isAddress = (host: string): boolean =>
  host.startsWith('[') || /^\d{1,3}(?:\.\d{1,3}){3}$/.test(host)

/** What stands in the way of passkeys here, or undefined. `offered`: whether the server takes them. */
export const passkeyObstacle = (
  offered: boolean,
  page: { isSecureContext: boolean; host: string; hasWebAuthn: boolean } = {
    isSecureContext: globalThis.isSecureContext,
    host: location.hostname,
    hasWebAuthn: 'credentials' in navigator && 'PublicKeyCredential' in globalThis,
  },
): PasskeyObstacle | undefined => {
  if (isAddress(page.host)) return 'address'
  if (!page.isSecureContext) return 'insecure'
  if (!page.hasWebAuthn) return 'browser'
  return offered ? undefined : 'server'
}

const fromB64 = (text: unknown): Uint8Array<ArrayBuffer> => {
  if (typeof text !== 'string') throw new TypeError('a passkey option is not text')
  const binary = atob(text.replaceAll('-', '+').replaceAll('_', '/'))
  return Uint8Array.from(binary, (character) => character.charCodeAt(0))
}

const toB64 = (bytes: ArrayBuffer): string => {
  let binary = ''
  for (const byte of new Uint8Array(bytes)) binary += String.fromCharCode(byte)
  return btoa(binary).replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '')
}

/** The same for every account and passkey: who signs in without a name cannot be looked up before. */
const prfSalt = (): Promise<ArrayBuffer> =>
  crypto.subtle.digest('SHA-256', new TextEncoder().encode('hearthold/v1/passkey-prf'))

const withPrf = async (): Promise<AuthenticationExtensionsClientInputs> => ({
  prf: { eval: { first: await prfSalt() } },
})

type Descriptors = readonly { id: string; transports?: AuthenticatorTransport[] }[]

const descriptorsOf = (list: unknown): PublicKeyCredentialDescriptor[] =>
  ((list ?? []) as Descriptors).map(({ id, transports }) => ({
    id: fromB64(id),
    type: 'public-key',
    ...(transports ? { transports } : {}),
  }))

const creationOptions = async (
  options: CeremonyJson,
): Promise<PublicKeyCredentialCreationOptions> => {
  const { user, ...rest } = options as unknown as PublicKeyCredentialCreationOptionsJSON
  return {
    ...(rest as unknown as PublicKeyCredentialCreationOptions),
    challenge: fromB64(rest.challenge),
    user: { ...user, id: fromB64(user.id) },
    excludeCredentials: descriptorsOf(rest.excludeCredentials),
    extensions: await withPrf(),
  }
}

const requestOptions = async (
  options: CeremonyJson,
): Promise<PublicKeyCredentialRequestOptions> => ({
  ...(options as unknown as PublicKeyCredentialRequestOptions),
  challenge: fromB64(options['challenge']),
  allowCredentials: descriptorsOf(options['allowCredentials']),
  extensions: await withPrf(),
})

const prfBytes = 32

/** The PRF output of a ceremony: 32 bytes, or nothing. An absent one must never become a key that anyone can compute. */
export const prfOf = (results: AuthenticationExtensionsClientOutputs): Uint8Array | undefined => {
  const first: unknown = results.prf?.results?.first
  const bytes =
    first instanceof ArrayBuffer
      ? new Uint8Array(first.slice(0))
      : ArrayBuffer.isView(first)
        ? new Uint8Array(first.buffer.slice(first.byteOffset, first.byteOffset + first.byteLength))
        : undefined
  return bytes?.length === prfBytes ? bytes : undefined
}

const credentialOf = (credential: Credential | null): PublicKeyCredential => {
  if (credential instanceof PublicKeyCredential) return credential
  throw new DOMException('The browser gave no passkey.', 'NotAllowedError')
}

const assertionJson = (credential: PublicKeyCredential): CeremonyJson => {
  const response = credential.response as AuthenticatorAssertionResponse
  return {
    id: credential.id,
    rawId: credential.id,
    type: 'public-key',
    response: {
      clientDataJSON: toB64(response.clientDataJSON),
      authenticatorData: toB64(response.authenticatorData),
      signature: toB64(response.signature),
      ...(response.userHandle === null ? {} : { userHandle: toB64(response.userHandle) }),
    },
    clientExtensionResults: {},
  }
}

const registrationJson = (credential: PublicKeyCredential): CeremonyJson => {
  const response = credential.response as AuthenticatorAttestationResponse
  return {
    id: credential.id,
    rawId: credential.id,
    type: 'public-key',
    response: {
      clientDataJSON: toB64(response.clientDataJSON),
      attestationObject: toB64(response.attestationObject),
      transports: response.getTransports(),
    },
    clientExtensionResults: {},
  }
}

/** Asks once more for the PRF output of a passkey that was just made; the challenge proves nothing and goes nowhere. */
const askPrf = async (
  made: PublicKeyCredential,
  options: PublicKeyCredentialCreationOptions,
): Promise<Uint8Array | undefined> => {
  const asked = credentialOf(
    await navigator.credentials.get({
      publicKey: {
        challenge: crypto.getRandomValues(new Uint8Array(32)),
        ...(options.rp.id === undefined ? {} : { rpId: options.rp.id }),
        ...(options.timeout === undefined ? {} : { timeout: options.timeout }),
        allowCredentials: [{ id: made.rawId, type: 'public-key' }],
        userVerification: 'required',
        extensions: await withPrf(),
      },
    }),
  )
  return asked.id === made.id ? prfOf(asked.getClientExtensionResults()) : undefined
}

const makePasskey: PasskeyCeremonies['makePasskey'] = async (json) => {
  const options = await creationOptions(json)
  const made = credentialOf(await navigator.credentials.create({ publicKey: options }))
  const results = made.getClientExtensionResults()
  const now = prfOf(results)
  const prf = now ?? (results.prf?.enabled === true ? await askPrf(made, options) : undefined)
  return { response: registrationJson(made), prf }
}

const getAssertion: PasskeyCeremonies['getAssertion'] = async (json) => {
  const publicKey = await requestOptions(json)
  const asked = credentialOf(await navigator.credentials.get({ publicKey }))
  return { response: assertionJson(asked), prf: prfOf(asked.getClientExtensionResults()) }
}

/** What went wrong in the last ceremony, in the page's own terms. */
export type CeremonyFailure = 'cancelled' | 'exists' | 'no-prf' | 'failed'

const failureOf = (error: unknown): CeremonyFailure => {
  const name = error instanceof DOMException ? error.name : ''
  if (name === 'NotAllowedError' || name === 'AbortError') return 'cancelled'
  return name === 'InvalidStateError' ? 'exists' : 'failed'
}

export type Ceremonies = PasskeyCeremonies & {
  /** What the browser refused; errors lose their kind on the way through the worker. */
  readonly failure: () => CeremonyFailure | undefined
}

/** Ceremonies for one act, with a memory of how they ended. */
export const passkeyCeremonies = (): Ceremonies => {
  let failure: CeremonyFailure | undefined
  const watched =
    (run: PasskeyCeremonies['makePasskey']): PasskeyCeremonies['makePasskey'] =>
    async (options) => {
      failure = undefined
      try {
        const done = await run(options)
        if (done.prf === undefined) failure = 'no-prf'
        return done
      } catch (error) {
        failure = failureOf(error)
        throw error
      }
    }
  return {
    makePasskey: watched(makePasskey),
    getAssertion: watched(getAssertion),
    failure: () => failure,
  }
}
