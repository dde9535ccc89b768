import type { Migration } from '#platform/db/index.ts'
import { createRepositories } from './0001-repositories.ts'
import { createStorages } from './0002-storages.ts'

/** In the order they are run. */
export const repositoriesMigrations: readonly Migration[] = [createRepositories, createStorages]
