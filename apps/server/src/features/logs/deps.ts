import type { Kysely } from 'kysely'
import type { SessionContext } from '#platform/access/session.ts'
import type { Clock } from '#platform/clock.ts'
import type { LogService, ObjectAccess } from '#platform/logs/index.ts'
import type { LogFeatureTables } from './tables.ts'

export type LogFeatureDeps = {
  readonly db: Kysely<LogFeatureTables>
  readonly clock: Clock
  readonly logs: LogService
  readonly objects: ObjectAccess
  /** Registers of one account; 4,096 if left out. */
  readonly registersLimit?: number
}

/** Who asks. Ids are 32 hex digits. */
export type Asker = {
  readonly account: string
  /** The account log. */
  readonly log: string
  readonly role: SessionContext['role']
}
