export {
  accountPart,
  type AppendedEntry,
  type AppendedLog,
  type AppendOutcome,
  type AppendRequest,
} from './append-request.ts'
export type { LogCommit, LogHead } from './commits.ts'
export { createLogService, type LogService, type LogServiceOptions } from './log-service.ts'
export { logMigrations } from './migrations/index.ts'
export type { LogActor, ObjectAccess, ObjectClaim, ObjectUse } from './object-access.ts'
export type { LogTables } from './tables.ts'
export type { Page, PagePlace } from './pages.ts'
