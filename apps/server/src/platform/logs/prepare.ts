import {
  appendLimitBytes,
  appendLimitEntries,
  ProblemError,
  type ProblemExtra,
} from '@hearthold/contract'
import {
  deviceId,
  equalBytes,
  factsPayload,
  genesisHash,
  headerHash,
  IntegrityError,
  type LogAppend,
  logIdOf,
  noLog,
  sha256,
  type SignedEntry,
  toHex,
  verifyEntrySignature,
} from '@hearthold/crypto'
import {
  type AccountFacts,
  type AccountView,
  type AnyLogRules,
  logKinds,
  rulesOf,
} from '@hearthold/model'
import type { AppendRequest, PreparedAppend, PreparedPart } from './append-request.ts'
import { type PreparedEntry, stampedBytes } from './live-log.ts'
import type { LiveLogs } from './live-logs.ts'

type Prepared = Omit<PreparedAppend, 'resolve' | 'reject'>

/** Let other requests in after this many signatures (70 us each). */
const signaturesPerTurn = 16

const invalid = (detail: string, extra?: ProblemExtra): ProblemError =>
  new ProblemError('entry_invalid', detail, extra && { extra })

const checkLimits = (appends: readonly LogAppend[]): number => {
  let count = 0
  let sizeBytes = 0
  for (const { entries } of appends) {
    if (entries.length === 0) throw invalid('Every log of an append needs an entry.')
    count += entries.length
    for (const { facts, body } of entries) {
      sizeBytes += stampedBytes(facts?.length ?? 0, body?.length ?? 0)
    }
  }
  if (count === 0 || count > appendLimitEntries) {
    throw invalid(`An append has 1 to ${appendLimitEntries} entries.`)
  }
  if (sizeBytes > appendLimitBytes) throw new ProblemError('too_large')
  const logs = new Set(appends.map(({ log }) => toHex(log)))
  if (logs.size !== appends.length) throw invalid('An append names each log once.')
  return sizeBytes
}

/** Rules of a log that this append begins, after checking that the account may begin it. */
const foundingRules = (append: LogAppend, account: string): AnyLogRules => {
  const genesis = append.genesis!
  if (!equalBytes(logIdOf(genesisHash(genesis)), append.log)) {
    throw invalid('The log id is not that of the genesis.')
  }
  const rules = rulesOf(genesis.kind, genesis.rules)
  if (!rules) throw invalid('This server does not know this kind of log.')
  const isAccount = genesis.kind === logKinds.account
  const founder = isAccount ? toHex(noLog) : account
  const isOwn =
    toHex(genesis.founder) === founder &&
    toHex(genesis.governing) === founder &&
    (!isAccount || toHex(append.log) === account)
  if (!isOwn) throw new ProblemError('entry_refused', 'A log is founded by its own account.')
  return rules
}

const checkEntry = (
  entry: SignedEntry,
  place: { log: Uint8Array; account: string; rules: AnyLogRules },
): PreparedEntry => {
  const { header, facts, body } = entry
  if (!equalBytes(header.log, place.log)) throw invalid('An entry is of another log.')
  if (header.rules !== place.rules.version) {
    throw invalid('An entry follows other rules than its log.')
  }
  if (toHex(header.author) !== place.account) {
    throw new ProblemError('entry_refused', 'An entry names another author.')
  }
  if (!facts || !body) throw invalid('Facts or body are missing.')
  if (!equalBytes(sha256(facts), header.factsHash) || !equalBytes(sha256(body), header.bodyHash)) {
    throw invalid('Facts or body are not those of the header.')
  }
  return {
    entry,
    device: toHex(header.device),
    headerHash: headerHash(entry),
    facts: decodeFacts(place.rules, header.kind, facts),
  }
}

const decodeFacts = (rules: AnyLogRules, kind: number, facts: Uint8Array): unknown => {
  try {
    return rules.decode(kind, factsPayload(facts))
  } catch (cause) {
    if (!(cause instanceof IntegrityError)) throw cause
    throw new ProblemError('entry_invalid', cause.message, { cause })
  }
}

const preparePart = async (
  logs: LiveLogs,
  append: LogAppend,
  account: string,
): Promise<PreparedPart> => {
  const log = toHex(append.log)
  const found = append.genesis ? undefined : await logs.get(log)
  // A stranger's log and one that does not exist look the same.
  if (!append.genesis && found?.owner !== account) throw new ProblemError('not_found')
  const rules = found ? found.rules : foundingRules(append, account)
  const place = { log: append.log, account, rules }
  return { log, append, rules, entries: append.entries.map((entry) => checkEntry(entry, place)) }
}

/** Public keys by device id: those that the account log knows, and those that this append enrols. */
const deviceKeys = async (
  logs: LiveLogs,
  account: string,
  parts: readonly PreparedPart[],
): Promise<(device: string) => Uint8Array | undefined> => {
  const view = (await logs.get(account))?.view as AccountView | undefined
  const enrolled = new Map<string, Uint8Array>()
  for (const { rules, entries } of parts) {
    if (rules.kind !== logKinds.account) continue
    for (const { facts } of entries) {
      const enrol = facts as AccountFacts
      if (enrol.entry === 'enrol') enrolled.set(toHex(deviceId(enrol.deviceKey)), enrol.deviceKey)
    }
  }
  return (device) => view?.devices.get(device)?.publicKey ?? enrolled.get(device)
}

/** A device's id is a hash of its key, so that a key found is the right one whatever became of the device. */
const checkSignatures = async (
  parts: readonly PreparedPart[],
  keyOf: (device: string) => Uint8Array | undefined,
): Promise<void> => {
  let checked = 0
  for (const { log, entries } of parts) {
    for (const [index, { entry, device }] of entries.entries()) {
      const key = keyOf(device)
      const extra = { log, entry: index }
      if (!key) throw new ProblemError('device_unknown', undefined, { extra })
      if (!(await verifyEntrySignature(entry, key))) {
        throw new ProblemError('signature_invalid', undefined, { extra })
      }
      if (++checked % signaturesPerTurn === 0) {
        await new Promise((resolve) => setImmediate(resolve))
      }
    }
  }
}

/**
 * Everything about an append that does not depend on where its logs stand: limits, form, hashes, author and
 * signatures. Brings the logs concerned into memory.
 * @throws ProblemError `entry_invalid`, `entry_refused`, `not_found`, `device_unknown`, `signature_invalid`, `too_large`
 */
export const prepareAppend = async (logs: LiveLogs, request: AppendRequest): Promise<Prepared> => {
  const { actor, appends, within } = request
  const sizeBytes = checkLimits(appends)
  const parts: PreparedPart[] = []
  for (const append of appends) parts.push(await preparePart(logs, append, actor.log))
  await checkSignatures(parts, await deviceKeys(logs, actor.log, parts))
  const references = parts.flatMap(({ rules, entries }) =>
    entries.flatMap(({ facts }) => rules.objects(facts)),
  )
  return { actor, parts, references, sizeBytes, within }
}
