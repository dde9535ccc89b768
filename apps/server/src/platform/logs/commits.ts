import { type Bytes, encodePageParts, encodeStampedEntry, type Receipt } from '@hearthold/crypto'
import type { Touched } from './append-request.ts'
import type { LogRow } from './store.ts'

/** Where a log stands, as it was last committed. Ids in hex, times in ms since 1970. */
export type LogHead = {
  readonly log: string
  readonly kind: number
  /** The account log whose account may read it. */
  readonly owner: string
  readonly seq: number
  readonly chain: Bytes
  readonly at: number
  readonly entryBytes: number
}

/** A commit to one log, told once to everybody who listens. */
export type LogCommit = LogHead & {
  /** The log's number before. */
  readonly after: number
  readonly receipt: Receipt
  /** The new entries as a page (docs/formats/logs.md), built at the first call. */
  page(): Bytes
}

/** A log's head from its row. */
export const headOf = (row: LogRow): LogHead => ({
  log: row.id,
  kind: row.kind,
  owner: row.owner,
  seq: row.seq,
  chain: row.chain,
  at: row.at,
  entryBytes: row.entry_bytes,
})

/** What a batch did to a log, for those who listen; the page is encoded when first asked for. */
export const commitOf = ({ live, after, entries }: Touched, receipt: Receipt): LogCommit => {
  let page: Bytes | undefined
  const stamped = (): Bytes[] => entries.map(encodeStampedEntry)
  const { seq, chain, at } = live.point
  const { id: log, idBytes, genesisBytes, owner, entryBytes } = live
  return {
    ...{ log, kind: live.rules.kind, owner, seq, chain, at, entryBytes, after, receipt },
    page: () => (page ??= encodePageParts(idBytes, genesisBytes, after, stamped(), receipt)),
  }
}
