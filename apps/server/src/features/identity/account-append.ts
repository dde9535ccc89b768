import { ProblemError } from '@hearthold/contract'
import {
  type Bytes,
  decodeAppend,
  deviceId,
  equalBytes,
  factsPayload,
  fromB64,
  fromHex,
  genesisHash,
  IntegrityError,
  type LogAppend,
  logIdOf,
  methodType,
  type MethodRecord,
  type SignedEntry,
  toHex,
} from '@hearthold/crypto'
import {
  type AccountFacts,
  decodeAccountFacts,
  logKinds,
  retireReasons,
  type StateFacts,
} from '@hearthold/model'

/** What the server keeps beside the log because of these entries. Whether they may be is for the log service. */
export type AccountChanges = {
  /** The newest signed state among them. */
  readonly state: StateFacts | undefined
  /** Device ids in hex. */
  readonly retired: readonly string[]
  /** One of them was lost or stolen: whoever has it may hold sessions that are tied to no device. */
  readonly revokes: boolean
}

/** Runs a decoder; what it refuses is the caller's problem, in our words. */
const decoded = <T>(work: () => T): T => {
  try {
    return work()
  } catch (error) {
    if (!(error instanceof IntegrityError)) throw error
    throw new ProblemError(
      'entry_invalid',
      'The append is not in the format of docs/formats/logs.md.',
    )
  }
}

/** @throws ProblemError `entry_invalid` */
export const readAppend = (appendB64: string): LogAppend[] =>
  decoded(() => decodeAppend(fromB64(appendB64)))

const factsOf = (entry: SignedEntry): AccountFacts =>
  decoded(() => {
    if (!entry.facts) throw new IntegrityError('malformed', 'A new entry has facts.')
    return decodeAccountFacts(entry.header.kind, factsPayload(entry.facts))
  })

/** @throws ProblemError `entry_invalid` */
export const readAccountChanges = (entries: readonly SignedEntry[]): AccountChanges => {
  const facts = entries.map(factsOf)
  const states = facts.filter((one) => one.entry === 'state')
  const retires = facts.filter((one) => one.entry === 'retire')
  const retired = retires.map(({ device }) => toHex(device))
  const revokes = retires.some(({ reason }) => reason === retireReasons.revoked)
  return { state: states.at(-1), retired, revokes }
}

/** The beginning of an account log, as a sign-up brings it. */
export type FirstAppend = {
  /** In hex, as `device`. */
  readonly log: string
  /** Whoever signed these entries has its key. */
  readonly device: string
  readonly methods: readonly MethodRecord[]
  /** Id of the password's or the passkey's method, in hex. */
  readonly wayMethod: string
}

const order = ['enrol', 'state', 'pin', 'identity', 'profile']

const invalid = (detail: string): ProblemError => new ProblemError('sign_up_invalid', detail)

const soleMethodOf = (methods: readonly MethodRecord[], type: number): MethodRecord => {
  const found = methods.filter((method) => method.type === type)
  if (found.length !== 1 || !found[0])
    throw invalid('A sign-up has exactly one password or passkey, and one recovery key.')
  return found[0]
}

/**
 * Whether an append begins the log of exactly this account at exactly this instance. Signatures and policy are the
 * log service's; here is only what it cannot know.
 * @throws ProblemError `sign_up_invalid`, `entry_invalid`
 */
export const checkFirstAppend = (
  appends: readonly LogAppend[],
  wanted: { account: string; instanceKey: Bytes; way: 'password' | 'passkey' },
): FirstAppend => {
  const [first] = appends
  if (appends.length !== 1 || !first?.genesis) throw invalid('A sign-up begins one log.')
  const { genesis, entries } = first
  if (genesis.kind !== logKinds.account) throw invalid('A sign-up begins an account log.')
  if (!equalBytes(first.log, logIdOf(genesisHash(genesis))))
    throw invalid('The log id does not fit its genesis.')
  const facts = entries.map(factsOf)
  if (facts.map(({ entry }) => entry).join() !== order.join())
    throw invalid('An account log begins with enrol, state, pin, identity and profile.')
  const [enrol, state, pin] = facts
  if (enrol?.entry !== 'enrol' || state?.entry !== 'state' || pin?.entry !== 'pin')
    throw invalid('An account log begins with enrol, state, pin, identity and profile.')
  if (!equalBytes(enrol.accountId, fromHex(wanted.account)))
    throw invalid('The account log is of another account.')
  if (!equalBytes(pin.instanceKey, wanted.instanceKey))
    throw invalid('The account log pins another instance.')
  const { methods } = state
  const way = methodType[wanted.way]
  const known: number[] = [way, methodType.recovery, methodType.device]
  if (methods.some(({ type }) => !known.includes(type)))
    throw invalid(
      'A sign-up has a password or passkey, a recovery key, and device methods at most.',
    )
  soleMethodOf(methods, methodType.recovery)
  return {
    log: toHex(first.log),
    device: toHex(deviceId(enrol.deviceKey)),
    methods,
    wayMethod: toHex(soleMethodOf(methods, way).id),
  }
}
