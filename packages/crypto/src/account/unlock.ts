import { type Bytes, equalBytes } from '../bytes.ts'
import { sha256 } from '../hash.ts'
import { IntegrityError } from '../integrity-error.ts'
import { signingPublicKey } from '../signature.ts'
import { type Keyring, openKeyring } from './keyring.ts'
import { type MethodRecord, openAccountKey, openAnchor } from './method-keys.ts'
import { type AccountState, getStateMethod, verifyAccountState } from './state.ts'

/** What the server hands out for unlocking; every byte of it may be forged. */
export type ServedAccount = {
  readonly state: AccountState
  readonly stateSignature: Uint8Array
  readonly sealedKeyring: Uint8Array
  readonly method: Pick<MethodRecord, 'type' | 'id' | 'publicKey' | 'wrap' | 'anchor'>
}

/** What this device knows by itself. */
export type UnlockKnowledge = {
  readonly account: Uint8Array
  /** Highest state counter that this device has seen; 0 where it has seen none. */
  readonly seenCounter: number
  /** The root that this device has pinned, where it has: the anchor must name the same. */
  readonly pinnedRoot?: Uint8Array
}

export type UnlockedAccount = {
  readonly accountKey: Bytes
  readonly rootPublicKey: Bytes
  readonly keyring: Keyring
}

/**
 * Unlocks an account by one method's secret, in the only safe order (cryptography.md 8.2): the anchor names
 * the root, the root's signature covers methods and keyring, the counter has not gone back, and only then the
 * wrap and the keyring are opened. Throws IntegrityError 'account_anchor', 'account_state',
 * 'account_rolled_back', 'account_wrap' or 'account_keyring'; RangeError for a missing secret.
 * A fresh device has seen no counter: to it an old signed state looks as good as the newest.
 */
export const unlockAccount = async (
  secret: Uint8Array,
  served: ServedAccount,
  known: UnlockKnowledge,
): Promise<UnlockedAccount> => {
  const { state, method } = served
  const place = { account: known.account, type: method.type, id: method.id }
  const rootPublicKey = await openAnchor(secret, method.anchor, place)
  if (known.pinnedRoot && !equalBytes(known.pinnedRoot, rootPublicKey)) {
    throw new IntegrityError('account_anchor', 'The method is anchored to another root.')
  }
  await verifyAccountState(rootPublicKey, state, served.stateSignature, known.seenCounter)
  if (!equalBytes(state.account, known.account)) {
    throw new IntegrityError('account_state', 'The state is of another account.')
  }
  getStateMethod(state, method)
  if (!equalBytes(state.keyringHash, sha256(served.sealedKeyring))) {
    throw new IntegrityError('account_state', 'The keyring is not the signed one.')
  }
  const { generation } = state
  const accountKey = await openAccountKey(secret, method.wrap, { ...place, generation })
  const keyring = await openKeyring(accountKey, state, served.sealedKeyring)
  if (!equalBytes(signingPublicKey(keyring.rootSeed), rootPublicKey)) {
    throw new IntegrityError('account_keyring', 'The keyring holds another root.')
  }
  return { accountKey, rootPublicKey, keyring }
}
