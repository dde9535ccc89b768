/** Proving by a passkey who one is: to begin a session, or within one. */
import {
  finishPasskeySignIn,
  finishPasskeyUnlock,
  getSession,
  startPasskeySignIn,
  startPasskeyUnlock,
} from '@hearthold/contract'
import { toHex } from '@hearthold/crypto'
import type { MemberContext } from '../member-context.ts'
import { type AskedPasskey, askPasskey, type PasskeyReader } from './passkey-ceremony.ts'
import { type SessionWish, type SignedIn, wishOf } from './sign-in.ts'
import type { MethodSecret } from './unlock.ts'

/**
 * What a passkey proved. Where `unlockBy` is undefined the session counts and another method must unlock: the
 * passkey is one that only signs in ('sign-in-only'), or the browser gave no PRF output this time ('no-prf').
 */
export type PasskeyProof = {
  /** Id of the passkey in hex, as `listPasskeys` names it. */
  readonly passkey: string
  readonly unlockBy: Required<MethodSecret> | undefined
  readonly locked: 'sign-in-only' | 'no-prf' | undefined
}

const proofOf = ({ id, unlockBy }: AskedPasskey, canUnlock: boolean): PasskeyProof => {
  const passkey = toHex(id)
  if (!canUnlock) return { passkey, unlockBy: undefined, locked: 'sign-in-only' }
  return { passkey, unlockBy, locked: unlockBy ? undefined : 'no-prf' }
}

export type PasskeySignedIn = Omit<SignedIn, 'unlockBy'> & PasskeyProof

/**
 * Signs in by a passkey alone: no name, no second factor. Throws ProblemError 'sign_in_failed' for a passkey that the
 * server does not know, 'passkeys_unavailable', 'locked_out' ...; PasskeyPrfError('malformed'); and what `get` throws.
 */
export const signInWithPasskey = async (
  { client }: MemberContext,
  who: { authenticator: PasskeyReader } & SessionWish,
): Promise<PasskeySignedIn> => {
  const { authenticator, signal } = who
  const { signIn, options } = await client.call(startPasskeySignIn, { signal })
  const asked = await askPasskey(authenticator, options)
  const { assertion } = asked
  const answer = await client.call(finishPasskeySignIn, {
    body: { signIn, assertion, ...wishOf(who) },
    signal,
  })
  const { account, log, session, expiresAt, token } = answer
  return {
    ...{ account, log, session, expiresAt, token },
    backupCodesLeft: undefined,
    ...proofOf(asked, answer.canUnlock),
  }
}

/**
 * On a device that is signed in: proves one of the account's passkeys that unlock and returns what unlocks by it. It also
 * counts as a fresh proof for ten minutes. Throws ProblemError 'method_required' where the account has no passkey that
 * unlocks, else as `signInWithPasskey`.
 */
export const provePasskeyAgain = async (
  { client }: MemberContext,
  authenticator: PasskeyReader,
  signal?: AbortSignal,
): Promise<{ account: string; log: string } & PasskeyProof> => {
  const { account, log } = await client.call(getSession, { signal })
  const { signIn, options } = await client.call(startPasskeyUnlock, { signal })
  const asked = await askPasskey(authenticator, options)
  const { assertion } = asked
  const { canUnlock } = await client.call(finishPasskeyUnlock, {
    body: { signIn, assertion },
    signal,
  })
  return { account, log, ...proofOf(asked, canUnlock) }
}
