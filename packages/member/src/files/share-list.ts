/** The member's shares by name. Names are sealed in each share's log: what was read of them is kept on this device. */
import { type AnswerOf, listLogs, ProblemError } from '@hearthold/contract'
import {
  type Bytes,
  ByteReader,
  ByteWriter,
  equalBytes,
  fromHex,
  fromUtf8,
  hkdf,
  IntegrityError,
  lp,
  open,
  seal,
  toHex,
  utf8,
} from '@hearthold/crypto'
import { logKinds, nameLimitBytes } from '@hearthold/model'
import { newestKey, type Unlocked } from '../account/unlock.ts'
import { headsOf } from '../logs/heads-register.ts'
import { openShare, type Share } from './share.ts'

type ListedLog = AnswerOf<typeof listLogs>['logs'][number]

export type ShareSummary = {
  readonly log: string
  readonly name: string
  /** Nodes, those in the trash included. */
  readonly nodes: number
  readonly confirmedAt: number
}

/** A summary with the place of the log that it was read at. */
type KeptSummary = ShareSummary & { readonly seq: number; readonly chain: string }

/** Shares that the server lists, and those that it leaves out although a device of the account has seen them. */
const readList = async (
  member: Unlocked,
  signal?: AbortSignal,
): Promise<{ listed: ListedLog[]; missing: string[] }> => {
  const [{ logs }, heads] = await Promise.all([
    member.context.client.call(listLogs, { signal }),
    headsOf(member).shared(),
  ])
  const listed = logs.filter(({ kind }) => kind === logKinds.share)
  const ids = new Set([member.account.log, ...listed.map(({ log }) => log)])
  return { listed, missing: [...heads.keys()].filter((log) => !ids.has(log)) }
}

const checkWhole = (missing: readonly string[]): void => {
  if (missing.length === 0) return
  throw new IntegrityError(
    'log_withheld',
    `The server leaves out a share that another device of this account has seen: ${missing[0]}.`,
  )
}

/**
 * Log ids (hex) of the shares that this member can read. IntegrityError('log_withheld') where one is left out that the
 * account's register of known heads names.
 */
export const listShareLogs = async (member: Unlocked, signal?: AbortSignal): Promise<string[]> => {
  const { listed, missing } = await readList(member, signal)
  checkWhole(missing)
  return listed.map(({ log }) => log)
}

const label = 'hearthold/v1/share-list'
const magic = utf8('hhl1')
const shareLimit = 100_000

/** The list lies in the cache beside the states, under an id that no log has. */
const placeOf = (member: Unlocked): { id: string; key: Bytes; aad: Bytes } => {
  const account = fromHex(member.accountId)
  const { key } = newestKey(member, 'files')
  const id = toHex(hkdf(account, utf8(label), utf8('id')).subarray(0, 16))
  return { id, key: hkdf(key, account, utf8(label)), aad: lp(label, account) }
}

const readSummary = (reader: ByteReader): KeptSummary => ({
  log: toHex(reader.bytes(16)),
  seq: reader.u64(),
  chain: toHex(reader.bytes(32)),
  nodes: reader.u64(),
  confirmedAt: reader.u64(),
  name: fromUtf8(reader.sized(nameLimitBytes)),
})

/** What was kept, by log; nothing where it does not open. */
const loadList = async (member: Unlocked): Promise<Map<string, KeptSummary>> => {
  const { id, key, aad } = placeOf(member)
  const sealed = await member.context.cache?.load(id)
  if (!sealed) return new Map()
  try {
    const reader = new ByteReader(await open(key, sealed, aad))
    if (!equalBytes(reader.bytes(4), magic)) return new Map()
    const count = reader.u32()
    if (count > shareLimit) return new Map()
    const list = Array.from({ length: count }, () => readSummary(reader))
    reader.end()
    return new Map(list.map((one) => [one.log, one]))
  } catch (error) {
    if (error instanceof IntegrityError) return new Map()
    throw error
  }
}

const saveList = async (member: Unlocked, list: readonly KeptSummary[]): Promise<void> => {
  const { cache } = member.context
  if (!cache || list.length > shareLimit) return
  const { id, key, aad } = placeOf(member)
  const writer = new ByteWriter(8 + list.length * 100).bytes(magic).u32(list.length)
  for (const { log, seq, chain, nodes, confirmedAt, name } of list) {
    writer.bytes(fromHex(log)).u64(seq).bytes(fromHex(chain)).u64(nodes).u64(confirmedAt)
    writer.sized(utf8(name))
  }
  await cache.save(id, await seal(key, writer.finish(), aad))
}

const summarize = async (
  member: Unlocked,
  log: string,
  signal?: AbortSignal,
): Promise<KeptSummary> => {
  const { view, replica } = await openShare(member, log, { signal })
  const { seq, chain } = replica.position
  return {
    log,
    name: view.name ?? '',
    nodes: view.nodes.size,
    confirmedAt: replica.confirmedAt,
    seq,
    chain: toHex(chain),
  }
}

/** Shares that are opened at once, for their names. */
const openAtOnce = 4

const listAll = async (
  member: Unlocked,
  listed: readonly ListedLog[],
  signal?: AbortSignal,
): Promise<ShareSummary[]> => {
  const kept = await loadList(member)
  const current = (one: ListedLog): KeptSummary | undefined => {
    const found = kept.get(one.log)
    return found?.seq === one.seq && found.chain === one.chain ? found : undefined
  }
  const stale = listed.filter((one) => !current(one)).map(({ log }) => log)
  const fresh = new Map<string, KeptSummary>()
  for (let at = 0; at < stale.length; at += openAtOnce) {
    const logs = stale.slice(at, at + openAtOnce)
    for (const one of await Promise.all(logs.map((log) => summarize(member, log, signal)))) {
      fresh.set(one.log, one)
    }
  }
  const list = listed.map((one) => fresh.get(one.log) ?? current(one)!)
  if (stale.length > 0 || kept.size !== list.length) await saveList(member, list)
  return list.map(({ log, name, nodes, confirmedAt }) => ({ log, name, nodes, confirmedAt }))
}

/**
 * All shares with their names. Opens those alone that have changed since this device read them last. IntegrityError
 * ('log_withheld') where the server leaves one out that the account's register of known heads names.
 */
export const listShares = async (
  member: Unlocked,
  signal?: AbortSignal,
): Promise<ShareSummary[]> => {
  const { listed, missing } = await readList(member, signal)
  checkWhole(missing)
  return listAll(member, listed, signal)
}

/** The share of a name or log id. ProblemError('not_found') for none, 'bad_request' where several bear the name. */
export const findShare = async (member: Unlocked, nameOrLog: string): Promise<Share> => {
  const { listed, missing } = await readList(member)
  // By its id a share is reached also where another one's log is damaged or missing.
  if (listed.some(({ log }) => log === nameOrLog)) return openShare(member, nameOrLog)
  checkWhole(missing)
  const wanted = nameOrLog.normalize('NFC')
  const found = (await listAll(member, listed)).filter(({ name }) => name === wanted)
  if (found.length > 1) {
    throw new ProblemError('bad_request', 'Several shares have that name: give the id of one.')
  }
  if (!found[0]) throw new ProblemError('not_found', 'There is no share of that name or id.')
  return openShare(member, found[0].log)
}
