import type { RepositoryScope } from '@hearthold/contract'

/** Tables of the repositories. Ids are 32 hex digits, times ms since 1970. */
export type RepositoryTables = {
  repositories: {
    id: string
    account: string
    name: string
    /** Null: the server's own disk. */
    storage: string | null
    created_at: number
    removed_at: number | null
    /** When a removed one is destroyed; fixed when it is removed. */
    destroyed_at: number | null
    quota_bytes: number | null
    freeze_days: number
    alarm_after_hours: number | null
    /** JSON of KnownCounts: the last that was counted, for display until it is counted again. */
    counts: string
    /** JSON of ScrubState. */
    scrub: string
    burst_since: number | null
    /** Deletions up to then raise no alarm any more. */
    burst_seen_at: number | null
    /** JSON of Report. */
    maintain_report: string | null
    drill_report: string | null
    /** JSON array of RepositoryAlarm: what was told in the log, and since when. */
    alarms: string
  }
  repository_credentials: {
    name: string
    repository: string
    label: string
    scope: RepositoryScope
    /** See credential-secrets.ts. */
    secret_hash: Uint8Array
    pepper_version: number
    created_at: number
    expires_at: number | null
    last_used_at: number | null
    writes: number
    deletions: number
    refused_deletions: number
    failed_verifications: number
  }
  /** Objects whose bytes are not those of their names. */
  repository_damaged: {
    repository: string
    type: string
    object: string
    size_bytes: number
    found_at: number
  }
  /** One row: see bin-clock.ts. */
  repository_clock: {
    id: number
    confirmed_at: number
    jumped_at: number | null
    jump_seen_at: number | null
  }
}
