import type { Generated } from 'kysely'

/** Tables of the log service. Ids are hex text, hashes and signatures blobs, times ms since 1970. */
export type LogTables = {
  logs: {
    /** Short key of the log's rows; never leaves the database. */
    number: Generated<number>
    id: string
    kind: number
    rules: number
    /** The account log whose account may read it: the founder's, and an account log's own id. */
    owner: string
    /** Id of the governing log; null where the log governs itself. */
    governing: string | null
    genesis: Uint8Array
    /** The head, again in the newest entry: for lists and head queries. */
    seq: number
    chain: Uint8Array
    at: number
    /** Encoded size of all stamped entries. */
    entry_bytes: number
    read_only: number
  }
  log_entries: {
    id: Generated<number>
    log: number
    seq: number
    at: number
    gov: number
    header: Uint8Array
    signature: Uint8Array
    /** Null once erased under a signed entry. */
    facts: Uint8Array | null
    body: Uint8Array | null
    chain: Uint8Array
  }
}
