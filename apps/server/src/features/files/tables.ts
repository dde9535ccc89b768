import type { ObjectUse } from '#platform/logs/index.ts'

/** Tables of the files feature. Ids are 32 hex digits, times ms since 1970, booleans 0 and 1. */
export type FilesTables = {
  objects: {
    id: string
    /** The account that uploaded it and whose quota it counts against. */
    owner: string
    /** Stored bytes, from the beginning of its upload on. */
    size_bytes: number
    /** Of the stored bytes, 64 hex digits; null while it is being uploaded. */
    sha256: string | null
    created_at: number
    /** Null while it is being uploaded, and while an entry or checkpoint refers to it. */
    unreferenced_since: number | null
  }
  object_references: { object: string; log: string; use: ObjectUse }
  uploads: {
    id: string
    object: string
    account: string
    size_bytes: number
    expires_at: number
    /** Kept for a while when done, for a client that did not hear the answer. */
    done: number
  }
  /** Sums that would be too slow to add up for each request. */
  account_usage: { account: string; object_bytes: number; entry_bytes: number }
}
