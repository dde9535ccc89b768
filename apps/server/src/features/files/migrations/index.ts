import type { Migration } from '#platform/db/index.ts'
import { createObjects } from './0001-objects.ts'

/** In the order they are run. */
export const filesMigrations: readonly Migration[] = [createObjects]
