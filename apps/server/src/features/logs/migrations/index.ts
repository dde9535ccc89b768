import type { Migration } from '#platform/db/index.ts'
import { createCheckpointsAndRegisters } from './0001-checkpoints-registers.ts'

/** In the order they are run. */
export const logFeatureMigrations: readonly Migration[] = [createCheckpointsAndRegisters]
