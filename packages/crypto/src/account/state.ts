/**
 * The account's state: which methods and which keyring are valid, signed by the account's root
 * (docs/formats/account-keys.md 2, cryptography.md 8.2).
 */
import { type Bytes, equalBytes, lp, type LpField } from '../bytes.ts'
import { sha256 } from '../hash.ts'
import { IntegrityError } from '../integrity-error.ts'
import { LpReader } from '../lp-reader.ts'
import { sign, verifySignature } from '../signature.ts'
import {
  isMethodType,
  type MethodRecord,
  type MethodType,
  wrapHash,
  wrappedAccountKeyBytes,
} from './method-keys.ts'

const label = 'hearthold/v1/account-state'
/** Methods of one account: a limit on everything. */
export const accountMethodsLimit = 64

export type StateMethod = {
  readonly type: MethodType
  readonly id: Bytes
  /** SHA-256 of the method's X-Wing public key. */
  readonly publicKeyHash: Bytes
  /** SHA-256(lp(enc, ct)) of the account key's wrap. */
  readonly wrapHash: Bytes
}

export type AccountState = {
  readonly account: Bytes
  /** Generation of the account key, from 1. */
  readonly generation: number
  /** Number of the entry in the account log that carries this state: only ever grows. */
  readonly counter: number
  /** SHA-256 of the sealed keyring. */
  readonly keyringHash: Bytes
  /** Sorted by id, each id once. */
  readonly methods: readonly StateMethod[]
}

const compareIds = (a: Uint8Array, b: Uint8Array): number => {
  for (let i = 0; i < 16; i++) if (a[i] !== b[i]) return a[i]! - b[i]!
  return 0
}

/** Why a state is none, in words; undefined for a state. */
const findFault = (state: AccountState): string | undefined => {
  const { methods } = state
  if (methods.length === 0 || methods.length > accountMethodsLimit) {
    return 'An account has at least one method and at most 64.'
  }
  const ids = [state.account, ...methods.map(({ id }) => id)]
  if (ids.some((id) => id.length !== 16)) return 'An id has not 16 bytes.'
  const hashes = methods.flatMap((method) => [method.publicKeyHash, method.wrapHash])
  if ([state.keyringHash, ...hashes].some((hash) => hash.length !== 32)) {
    return 'A hash has not 32 bytes.'
  }
  for (let i = 1; i < methods.length; i++) {
    if (compareIds(methods[i - 1]!.id, methods[i]!.id) >= 0) {
      return 'Methods are doubled or not sorted by id.'
    }
  }
  return undefined
}

const stateFields = (state: AccountState): readonly LpField[] => {
  const fault = findFault(state)
  if (fault !== undefined) throw new RangeError(fault)
  return [
    state.account,
    state.generation,
    state.counter,
    state.keyringHash,
    ...state.methods.flatMap((method) => [
      method.type,
      method.id,
      method.publicKeyHash,
      method.wrapHash,
    ]),
  ]
}

/** The state of these methods and this sealed keyring; sorts the methods. */
export const createAccountState = (
  place: Pick<AccountState, 'account' | 'generation' | 'counter'>,
  sealedKeyring: Uint8Array,
  methods: readonly Pick<MethodRecord, 'type' | 'id' | 'publicKey' | 'wrap'>[],
): AccountState => ({
  account: place.account,
  generation: place.generation,
  counter: place.counter,
  keyringHash: sha256(sealedKeyring),
  methods: methods
    .map((method) => ({
      type: method.type,
      id: method.id,
      publicKeyHash: sha256(method.publicKey),
      wrapHash: wrapHash(method.wrap),
    }))
    .sort((a, b) => compareIds(a.id, b.id)),
})

/** Canonical bytes, which are also what is signed. Throws RangeError for unsorted or doubled methods. */
export const encodeAccountState = (state: AccountState): Bytes => lp(label, ...stateFields(state))

/** Reads canonical bytes; IntegrityError('account_state') for every other spelling. */
export const decodeAccountState = (bytes: Uint8Array): AccountState => {
  const reader = new LpReader(bytes, 'account_state')
  reader.label(label)
  const place = {
    account: reader.bytes(16),
    generation: reader.integer(),
    counter: reader.integer(),
    keyringHash: reader.bytes(32),
  }
  const methods: StateMethod[] = []
  while (reader.left > 0) {
    const type = reader.integer()
    if (!isMethodType(type)) return reader.refuse('A method has an unknown type.')
    methods.push({
      type,
      id: reader.bytes(16),
      publicKeyHash: reader.bytes(32),
      wrapHash: reader.bytes(32),
    })
    if (methods.length > accountMethodsLimit) return reader.refuse('There are too many methods.')
  }
  const state = { ...place, methods }
  const fault = findFault(state)
  return fault === undefined ? state : reader.refuse(fault)
}

/** The root's Ed25519 signature over the state. */
export const signAccountState = (rootSeed: Uint8Array, state: AccountState): Promise<Bytes> =>
  sign(rootSeed, label, ...stateFields(state))

/**
 * Throws IntegrityError: 'account_state' unless this root signed exactly this state, 'account_rolled_back' if
 * its counter is below the highest that this device has seen (0 where it has seen none).
 */
export const verifyAccountState = async (
  rootPublicKey: Uint8Array,
  state: AccountState,
  signature: Uint8Array,
  seenCounter: number,
): Promise<void> => {
  const fault = findFault(state)
  if (fault !== undefined) throw new IntegrityError('account_state', fault)
  if (!(await verifySignature(rootPublicKey, signature, label, ...stateFields(state)))) {
    throw new IntegrityError('account_state', 'The account state is not signed by its root.')
  }
  if (state.counter < seenCounter) {
    throw new IntegrityError('account_rolled_back', 'This device has seen a newer account state.')
  }
}

/**
 * The state's entry for a method, after checking that the served public key and wrap are the signed ones;
 * IntegrityError('account_state') if the method is unknown or they differ.
 */
export const getStateMethod = (
  state: AccountState,
  served: Pick<MethodRecord, 'type' | 'id' | 'publicKey' | 'wrap'>,
): StateMethod => {
  const refuse = (message: string): never => {
    throw new IntegrityError('account_state', message)
  }
  const method = state.methods.find(({ id }) => equalBytes(id, served.id))
  if (method === undefined) return refuse('The method is not one of the signed ones.')
  if (method.type !== served.type) refuse('The method has another type than was signed.')
  if (!equalBytes(method.publicKeyHash, sha256(served.publicKey))) {
    refuse('The method has another public key than was signed.')
  }
  const isSigned =
    served.wrap.length === wrappedAccountKeyBytes &&
    equalBytes(method.wrapHash, wrapHash(served.wrap))
  return isSigned ? method : refuse('The wrapped key is not the signed one.')
}
