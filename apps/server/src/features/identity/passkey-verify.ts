import {
  type PasskeyAssertion,
  type PasskeyCreationOptions,
  type PasskeyRegistration,
  type PasskeyRequestOptions,
  ProblemError,
} from '@hearthold/contract'
import {
  type Bytes,
  equalBytes,
  fromB64,
  fromHex,
  passkeyId,
  passkeyUserHandle,
  randomBytes,
  toB64,
  toHex,
} from '@hearthold/crypto'
import type { PasskeySite } from './passkey-site.ts'
import type { PasskeyRow } from './passkey-store.ts'

/** EdDSA, ES256, RS256: what authenticators have. */
const algorithms = [-8, -7, -257]
/** How long the browser asks its person. */
const timeoutMs = 5 * 60_000
/** A challenge lives a little longer than that. */
export const passkeyChallengeMs = timeoutMs + 60_000

export const newPasskeyChallenge = (): Bytes => randomBytes(32)

type Known = Pick<PasskeyRow, 'credential' | 'transports'>

const transportsOf = (row: Known): string[] =>
  row.transports === '' ? [] : row.transports.split(' ')

const descriptorOf = (row: Known) => ({
  id: toB64(row.credential),
  type: 'public-key' as const,
  transports: transportsOf(row),
})

export const creationOptions = (
  { rpId }: PasskeySite,
  challenge: Uint8Array,
  who: { readonly account: string; readonly name: string; readonly known: readonly Known[] },
): PasskeyCreationOptions => ({
  rp: { id: rpId, name: 'Hearthold' },
  user: {
    id: toB64(passkeyUserHandle(fromHex(who.account))),
    name: who.name,
    displayName: who.name,
  },
  challenge: toB64(challenge),
  pubKeyCredParams: algorithms.map((alg) => ({ type: 'public-key' as const, alg })),
  timeout: timeoutMs,
  attestation: 'none',
  authenticatorSelection: {
    residentKey: 'required',
    requireResidentKey: true,
    userVerification: 'required',
  },
  excludeCredentials: who.known.map(descriptorOf),
})

/** `allowed` is empty for a sign-in, whose account nobody knows yet. */
export const requestOptions = (
  { rpId }: PasskeySite,
  challenge: Uint8Array,
  allowed: readonly Known[],
): PasskeyRequestOptions => ({
  challenge: toB64(challenge),
  timeout: timeoutMs,
  rpId,
  allowCredentials: allowed.map(descriptorOf),
  userVerification: 'required',
})

/** A passkey that has proven to be one of this site's; nothing is stored yet. */
export type NewPasskey = Pick<
  PasskeyRow,
  'passkey' | 'credential' | 'public_key' | 'counter' | 'transports' | 'synced'
>

/** Loaded when first needed: start-up and idle memory do without it. */
const webauthn = () => import('@simplewebauthn/server')
const webauthnHelpers = () => import('@simplewebauthn/server/helpers')

/**
 * The same attestation object without its statement. None was asked for, so none is looked at: certificates in one
 * would have the verifier fetch revocation lists from wherever they say.
 */
const withoutStatement = async (attestationObject: string): Promise<string> => {
  const { decodeAttestationObject, isoCBOR } = await webauthnHelpers()
  const authData = decodeAttestationObject(fromB64(attestationObject)).get('authData')
  const bare = new Map<string, string | Uint8Array | Map<string, string>>([
    ['fmt', 'none'],
    ['attStmt', new Map<string, string>()],
    ['authData', authData],
  ])
  return toB64(isoCBOR.encode(bare))
}

/** Our pages are never shown inside another's: what was answered there was answered for somebody else. */
const isFramed = (clientDataJSON: string): boolean => {
  const { crossOrigin } = JSON.parse(new TextDecoder().decode(fromB64(clientDataJSON))) as {
    crossOrigin?: unknown
  }
  return crossOrigin === true
}

const register = async (
  { rpId, origin }: PasskeySite,
  challenge: Uint8Array,
  sent: PasskeyRegistration,
): Promise<NewPasskey | undefined> => {
  if (isFramed(sent.clientDataJSON)) return undefined
  const { verifyRegistrationResponse } = await webauthn()
  const id = toB64(fromB64(sent.credential))
  const { verified, registrationInfo } = await verifyRegistrationResponse({
    response: {
      id,
      rawId: id,
      type: 'public-key',
      response: {
        clientDataJSON: sent.clientDataJSON,
        attestationObject: await withoutStatement(sent.attestationObject),
      },
      clientExtensionResults: {},
    },
    expectedChallenge: toB64(challenge),
    expectedOrigin: origin,
    expectedRPID: rpId,
    requireUserVerification: true,
    supportedAlgorithmIDs: algorithms,
  })
  if (!verified || registrationInfo.credential.id !== id) return undefined
  const { credential, credentialBackedUp } = registrationInfo
  const bytes = fromB64(id)
  return {
    passkey: toHex(passkeyId(bytes)),
    credential: bytes,
    public_key: credential.publicKey,
    counter: credential.counter,
    transports: sent.transports.join(' '),
    synced: credentialBackedUp ? 1 : 0,
  }
}

/** @throws ProblemError `passkey_invalid` */
export const verifyPasskeyRegistration = async (
  site: PasskeySite,
  challenge: Uint8Array,
  sent: PasskeyRegistration,
): Promise<NewPasskey> => {
  // The verifier throws for all that does not fit; its words name values of the request.
  const made = await register(site, challenge, sent).catch(() => undefined)
  if (made) return made
  throw new ProblemError(
    'passkey_invalid',
    'This passkey does not answer what was asked, or its device did not verify who you are.',
  )
}

/** The bytes of a credential's id; undefined for a text that is none. */
export const credentialOf = ({ credential }: PasskeyAssertion): Bytes | undefined => {
  try {
    return fromB64(credential)
  } catch {
    return undefined
  }
}

export type PasskeyUse = { readonly counter: number; readonly synced: number }

const verify = async (
  { rpId, origin }: PasskeySite,
  challenge: Uint8Array,
  sent: PasskeyAssertion,
  row: PasskeyRow,
): Promise<PasskeyUse | undefined> => {
  const { verifyAuthenticationResponse } = await webauthn()
  const id = toB64(row.credential)
  const { clientDataJSON, authenticatorData, signature } = sent
  if (isFramed(clientDataJSON)) return undefined
  const { verified, authenticationInfo } = await verifyAuthenticationResponse({
    response: {
      id,
      rawId: id,
      type: 'public-key',
      response: { clientDataJSON, authenticatorData, signature },
      clientExtensionResults: {},
    },
    expectedChallenge: toB64(challenge),
    expectedOrigin: origin,
    expectedRPID: rpId,
    requireUserVerification: true,
    credential: { id, publicKey: new Uint8Array(row.public_key), counter: row.counter },
  })
  if (!verified) return undefined
  const { newCounter, credentialBackedUp } = authenticationInfo
  return { counter: newCounter, synced: credentialBackedUp ? 1 : 0 }
}

const isHandleOf = (handle: string, account: string): boolean => {
  const wanted = passkeyUserHandle(fromHex(account))
  return equalBytes(new TextEncoder().encode(handle), new TextEncoder().encode(toB64(wanted)))
}

/**
 * Whether this passkey answered this challenge, for this site, with its user verified and its counter moved on (one
 * that has not may be of a copy); undefined for everything else. `named`: no account was known before, so that the
 * passkey must name its own.
 */
export const verifyPasskeyAssertion = async (
  site: PasskeySite,
  challenge: Uint8Array,
  sent: PasskeyAssertion,
  row: PasskeyRow,
  { named }: { readonly named: boolean },
): Promise<PasskeyUse | undefined> => {
  const { userHandle } = sent
  if (userHandle === undefined ? named : !isHandleOf(userHandle, row.account)) return undefined
  return verify(site, challenge, sent, row).catch(() => undefined)
}
