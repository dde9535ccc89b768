import type { Migration } from '#platform/db/index.ts'
import { createLogs } from './0001-logs.ts'

/** In the order they are run. */
export const logMigrations: readonly Migration[] = [createLogs]
