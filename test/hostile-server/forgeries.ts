/** Entries and signatures that a lying server, or a device in its hands, could make. */
import { concat, fromHex, headerHash, sealBody, type StampedEntry, toHex } from '@hearthold/crypto'
import type { DeviceKey } from '@hearthold/member'
import {
  encodeAttributes,
  encodeShareFacts,
  shareEntryKinds,
  type ShareFacts,
} from '@hearthold/model'
import { type EntryDraft, signDrafts } from '../../packages/member/src/logs/log-entries.ts'
import type { Person } from '../flows/flow-server.ts'
import { chainOf, type ForgedLog } from './forged-log.ts'

/** The order of the group of Ed25519. */
const order = 2n ** 252n + 27742317777372353535851937790883648493n

/** The same signature with S + L: it verifies wherever S is not held against L. */
export const malleable = (signature: Uint8Array): Uint8Array<ArrayBuffer> => {
  const s = BigInt(`0x${toHex(signature.slice(32).toReversed())}`) + order
  const bytes = fromHex(s.toString(16).padStart(64, '0')).toReversed()
  return concat(signature.slice(0, 32), bytes)
}

export type Forgery = {
  /** The log up to the entry. */
  readonly log: ForgedLog
  readonly person: Person
  readonly device: DeviceKey
  /** An epoch and its key; the liar has none, a device in its hands does. */
  readonly epoch?: number
  readonly logKey?: Uint8Array
  /** Id of the folder, hex. */
  readonly node?: string
}

/** A new folder "evil", signed by `device` after what `log` holds and stamped like the entry before it. */
export const signForged = async (forgery: Forgery): Promise<StampedEntry> => {
  const {
    node = 'ef'.repeat(16),
    log,
    person,
    device,
    epoch = 1,
    logKey = new Uint8Array(32).fill(7),
  } = forgery
  const like = log.entries.at(-1)!
  const mine = log.entries.filter(({ header }) => toHex(header.device) === device.id)
  const own = new Map(
    mine.map((entry) => [device.id, { own: entry.header.own, headerHash: headerHash(entry) }]),
  )
  const facts: ShareFacts = {
    entry: 'change',
    changes: [{ op: 'add-folder', node, parent: toHex(log.log) }],
  }
  const draft: EntryDraft<ShareFacts> = {
    kind: shareEntryKinds.change,
    epoch,
    facts,
    payload: encodeShareFacts(facts),
    seal: (place) => sealBody(logKey, place, encodeAttributes([{ name: 'evil' }])),
  }
  const chain = chainOf(log.genesis, log.entries)
  const place = {
    log: log.log,
    rules: 1,
    strict: false,
    position: { seq: log.entries.length, chain, at: like.at, gov: like.gov, own },
    author: fromHex(person.created.log),
    device,
    basis: like.header.basis,
    clock: 0,
  }
  const [entry] = await signDrafts(place, [draft])
  return { ...entry!, seq: log.entries.length + 1, at: like.at, gov: like.gov }
}

/** The log with one more entry, stamped as given. */
export const withEntry = (
  log: ForgedLog,
  entry: StampedEntry,
  stamp: { gov: number },
): ForgedLog => {
  const at = Math.max(entry.at, log.entries.at(-1)!.at)
  return {
    ...log,
    entries: [...log.entries, { ...entry, seq: log.entries.length + 1, at, ...stamp }],
  }
}
