import type { Client } from '@hearthold/client'
import type { IntegrityError } from '@hearthold/crypto'
import type { HeadStore } from './logs/known-heads.ts'
import type { LogCache } from './logs/log-cache.ts'

/** What everything here needs from outside: the network, and what this device remembers. */
export type MemberContext = {
  readonly client: Client
  readonly heads: HeadStore
  /** Verified states of logs, sealed, so that a run need not replay from the first entry. Optional. */
  readonly cache?: LogCache
  /** The author's clock in headers, ms since 1970; `Date.now` if absent. */
  readonly now?: () => number
  /** Public key (hex) of this server's receipts, as this device remembers it from earlier. */
  readonly instanceKey?: string
  /** Told what the server sent and this device refused, where work went on without it; `log` is a log id in hex. */
  readonly distrusted?: (log: string, error: IntegrityError) => void
}

/** The time by this device's clock, ms since 1970. */
export const nowOf = (context: MemberContext): number => (context.now ?? Date.now)()
