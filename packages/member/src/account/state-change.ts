/** Changing what opens the account: one new signed state, with or without new keys. */
import { ProblemError } from '@hearthold/contract'
import {
  type Bytes,
  equalBytes,
  fromHex,
  methodType,
  type MethodRecord,
  randomBytes,
  rotateKeyring,
} from '@hearthold/crypto'
import { methodLimit } from '@hearthold/model'
import { openShare } from '../files/share.ts'
import { listShareLogs } from '../files/share-list.ts'
import { fenceDraft } from '../files/share-writer.ts'
import { type AccountDraft, stateDraft, type StateKeys } from './account-entries.ts'
import { appendToAccount, type AccountAppend, type Credentials } from './account-writer.ts'
import { newMethod, rewrap } from './method-records.ts'
import { deviceOf, type MethodSecret, type SignedHere, type Unlocked } from './unlock.ts'

export type StateChange = {
  /** Methods to remove, by id. */
  readonly remove?: readonly Bytes[]
  readonly add?: readonly Required<MethodSecret>[]
  /** New account key, new domain keys, and fences, so that what was readable stays so and nothing new is. */
  readonly rotate: boolean
  /** Entries before the state in the same append. */
  readonly before?: readonly AccountDraft[]
  readonly credentials?: Credentials
}

/** Fences in one append; shares beyond get theirs from whoever writes there next. */
const fenceLimit = 56

const keysFor = (member: Unlocked, rotate: boolean): StateKeys => {
  const { accountKey, generation, keyring } = member.keys
  const account = fromHex(member.accountId)
  if (!rotate) return { account, accountKey, generation, keyring }
  return {
    account,
    accountKey: randomBytes(32),
    generation: generation + 1,
    keyring: rotateKeyring(keyring),
  }
}

/** The rules of details.md, before the server is asked: a recovery key always, and one method besides. */
const checkMethods = (methods: readonly MethodRecord[]): void => {
  const recoveries = methods.filter(({ type }) => type === methodType.recovery).length
  if (recoveries !== 1 || methods.length < 2) {
    throw new ProblemError(
      'method_required',
      'An account keeps its recovery key and at least one other method that unlocks it.',
    )
  }
  if (methods.length > methodLimit) {
    throw new ProblemError('bad_request', `An account has at most ${methodLimit} methods.`)
  }
}

const methodsFor = async (
  member: Unlocked,
  keys: StateKeys,
  { remove = [], add = [], rotate }: StateChange,
): Promise<MethodRecord[]> => {
  const { methods } = member.account.state()
  const kept = methods.filter(({ id }) => !remove.some((gone) => equalBytes(gone, id)))
  const added = await Promise.all(add.map((method) => newMethod(keys, method)))
  const all = [...(rotate ? await rewrap(keys, kept) : kept), ...added]
  checkMethods(all)
  return all
}

const makeFences = async (member: Unlocked, keys: StateKeys): Promise<AccountAppend['fences']> => {
  const under = keys.keyring.domains.files.at(-1)!
  const logs = await listShareLogs(member)
  const fences = []
  for (const log of logs.slice(0, fenceLimit)) {
    const share = await openShare(member, log)
    const { draft } = await fenceDraft(share, under)
    fences.push({ share, draft })
  }
  return fences
}

/**
 * Makes and appends the next state. `change` is asked anew for each attempt, since methods may have changed
 * meanwhile. Afterwards `member` holds the new keys.
 */
export const changeState = async (
  member: Unlocked,
  change: () => StateChange | Promise<StateChange>,
): Promise<{ sessionsEnded: number }> => {
  const made = new Map<AccountAppend, SignedHere>()
  const build = async (): Promise<AccountAppend> => {
    const wanted = await change()
    const keys = keysFor(member, wanted.rotate)
    const before = wanted.before ?? []
    const methods = await methodsFor(member, keys, wanted)
    const fences = wanted.rotate ? await makeFences(member, keys) : []
    const counter = member.account.replica.position.seq + before.length + 1
    const state = await stateDraft(keys, methods, counter)
    const append: AccountAppend = {
      drafts: [...before, state],
      fences: fences ?? [],
      ...(wanted.credentials ? { credentials: wanted.credentials } : {}),
    }
    const { accountKey, generation, keyring } = keys
    const signed = { ...signatureOf(state), keys: { accountKey, generation, counter, keyring } }
    made.set(append, signed)
    member.signedHere.add(signed)
    return append
  }
  try {
    const { applied, sessionsEnded } = await appendToAccount(member, deviceOf(member), build)
    const { keys } = made.get(applied)!
    // Another device may have been faster still, and its keys may have been taken already.
    if (keys.counter > member.keys.counter) member.keys = keys
    return { sessionsEnded }
  } finally {
    for (const signed of made.values()) member.signedHere.delete(signed)
  }
}

const signatureOf = ({ facts }: AccountDraft): Pick<SignedHere, 'rootSignature'> => {
  if (facts.entry !== 'state') throw new RangeError('only a state is signed by the root')
  return { rootSignature: facts.rootSignature }
}
