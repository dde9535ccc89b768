/** Proving to the server who one is. It opens nothing yet: `unlock` does, with the secret that comes out here. */
import {
  finishChallengeSignIn,
  finishPasswordSignIn,
  finishPasswordUnlock,
  finishSecondFactor,
  getSession,
  ProblemError,
  startDeviceSignIn,
  startPasswordSignIn,
  startPasswordUnlock,
  startRecoverySignIn,
} from '@hearthold/contract'
import {
  type Bytes,
  fromHex,
  methodType,
  parseRecoveryKey,
  recoveryLocator,
  signSignInChallenge,
  toHex,
} from '@hearthold/crypto'
import type { MemberContext } from '../member-context.ts'
import { provePassword } from '../opaque.ts'
import type { MethodSecret } from './unlock.ts'

/** How the session is carried and how long it lives. */
export type SessionWish = {
  readonly transport: 'bearer' | 'cookie'
  readonly staySignedIn?: boolean
  readonly signal?: AbortSignal
}

export type SignedIn = {
  /** Account id and account log id in hex: what `unlock` takes. */
  readonly account: string
  readonly log: string
  readonly session: string
  readonly expiresAt: number
  readonly token: string | undefined
  /** Set where a backup code was used and few remain. */
  readonly backupCodesLeft: number | undefined
  readonly unlockBy: MethodSecret
}

type SessionAnswer = {
  readonly account: string
  readonly log: string
  readonly session: string
  readonly expiresAt: number
  readonly token?: string
  readonly backupCodesLeft?: number
}

const signedIn = (answer: SessionAnswer, unlockBy: MethodSecret): SignedIn => ({
  account: answer.account,
  log: answer.log,
  session: answer.session,
  expiresAt: answer.expiresAt,
  token: answer.token,
  backupCodesLeft: answer.backupCodesLeft,
  unlockBy,
})

/** As the endpoints take it. */
export const wishOf = ({ transport, staySignedIn }: SessionWish) => ({
  transport,
  ...(staySignedIn === undefined ? {} : { staySignedIn }),
})

const wrongPassword = () => new ProblemError('sign_in_failed', 'The name or the password is wrong.')

/**
 * Signs in by name and password, then a second factor, which is asked only once the password was right. Throws
 * ProblemError 'sign_in_failed' for a wrong password and an unknown name alike, 'second_factor_wrong', 'locked_out' ...
 */
export const signInWithPassword = async (
  { client }: MemberContext,
  who: { name: string; password: string; secondFactor: () => Promise<string> } & SessionWish,
): Promise<SignedIn> => {
  const { signal } = who
  const login = await provePassword(who.password)
  const started = await client.call(startPasswordSignIn, {
    body: { name: who.name, startLoginRequest: login.request },
    signal,
  })
  const proof = login.finish({
    account: started.account,
    response: started.loginResponse,
    ksf: started.ksf,
  })
  if (!proof) throw wrongPassword()
  const { pending } = await client.call(finishPasswordSignIn, {
    body: { signIn: started.signIn, finishLoginRequest: proof.request },
    signal,
  })
  const answer = await client.call(finishSecondFactor, {
    body: { pending, code: await who.secondFactor(), ...wishOf(who) },
    signal,
  })
  return signedIn(answer, { type: methodType.password, secret: proof.secret })
}

/**
 * Signs in by the recovery key alone: no name, no second factor. Throws RecoveryKeyError for a mistyped key,
 * ProblemError 'sign_in_failed' for an unknown one. After unlocking, `replaceRecoveryKey` is due at once.
 */
export const signInWithRecoveryKey = async (
  context: MemberContext,
  who: { recoveryKey: string } & SessionWish,
): Promise<SignedIn> => {
  const secret = parseRecoveryKey(who.recoveryKey)
  const started = await context.client.call(startRecoverySignIn, {
    body: { locator: toHex(recoveryLocator(secret)) },
    signal: who.signal,
  })
  const by = { type: methodType.recovery, id: fromHex(started.method), secret }
  return answerChallenge(context, { ...started, by }, who)
}

/** Signs in by a device method: its secret lies on this device. */
export const signInWithDevice = async (
  context: MemberContext,
  who: { account: string; method: string; secret: Bytes } & SessionWish,
): Promise<SignedIn> => {
  const { account, method, secret, signal } = who
  const started = await context.client.call(startDeviceSignIn, {
    body: { account, method },
    signal,
  })
  const by = { type: methodType.device, id: fromHex(method), secret }
  return answerChallenge(context, { ...started, account, by }, who)
}

const answerChallenge = async (
  { client }: MemberContext,
  started: { signIn: string; account: string; challenge: string; by: Required<MethodSecret> },
  wish: SessionWish,
): Promise<SignedIn> => {
  const { type, id, secret } = started.by
  const place = { account: fromHex(started.account), type, id }
  const signature = await signSignInChallenge(secret, place, fromHex(started.challenge))
  const answer = await client.call(finishChallengeSignIn, {
    body: { signIn: started.signIn, signature: toHex(signature), ...wishOf(wish) },
    signal: wish.signal,
  })
  return signedIn(answer, started.by)
}

/**
 * On a device that is signed in: proves the password again and returns what unlocks by it. It also counts as a fresh
 * proof for ten minutes, which changes of methods ask for ('step_up_needed'). ProblemError 'sign_in_failed' for a wrong one.
 */
export const provePasswordAgain = async (
  { client }: MemberContext,
  password: string,
  signal?: AbortSignal,
): Promise<{ account: string; log: string; unlockBy: MethodSecret }> => {
  const { account, log } = await client.call(getSession, { signal })
  const login = await provePassword(password)
  const started = await client.call(startPasswordUnlock, {
    body: { startLoginRequest: login.request },
    signal,
  })
  const proof = login.finish({ account, response: started.loginResponse, ksf: started.ksf })
  if (!proof) throw new ProblemError('sign_in_failed', 'The password is wrong.')
  await client.call(finishPasswordUnlock, {
    body: { signIn: started.signIn, finishLoginRequest: proof.request },
    signal,
  })
  return { account, log, unlockBy: { type: methodType.password, secret: proof.secret } }
}
