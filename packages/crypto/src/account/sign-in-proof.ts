/** Proofs to the server that a key is here, each over a challenge that the server chose. */
import type { Bytes } from '../bytes.ts'
import { sign, verifySignature } from '../signature.ts'
import { methodAuthSeed, type MethodPlace } from './method-keys.ts'

const challengeLabel = 'hearthold/v1/sign-in-challenge'
const sessionLabel = 'hearthold/v1/session-device'

/** Answers a recovery or device challenge: the method's auth key over (challenge, account id, method id). */
export const signSignInChallenge = async (
  secret: Uint8Array,
  place: MethodPlace,
  challenge: Uint8Array,
): Promise<Bytes> =>
  sign(methodAuthSeed(secret, place), challengeLabel, challenge, place.account, place.id)

/** Whether the method's auth key answered this challenge. Never throws for received bytes. */
export const verifySignInChallenge = (
  authPublicKey: Uint8Array,
  signature: Uint8Array,
  place: Pick<MethodPlace, 'account' | 'id'>,
  challenge: Uint8Array,
): Promise<boolean> =>
  verifySignature(authPublicKey, signature, challengeLabel, challenge, place.account, place.id)

/** Ties a session to a device: the device key over (session id, device id). */
export const signSessionDevice = (
  deviceSeed: Uint8Array,
  sessionId: Uint8Array,
  device: Uint8Array,
): Promise<Bytes> => sign(deviceSeed, sessionLabel, sessionId, device)

/** Whether the device signed for this session. Never throws for received bytes. */
export const verifySessionDevice = (
  devicePublicKey: Uint8Array,
  signature: Uint8Array,
  sessionId: Uint8Array,
  device: Uint8Array,
): Promise<boolean> => verifySignature(devicePublicKey, signature, sessionLabel, sessionId, device)
