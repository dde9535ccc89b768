import type { Migration } from '#platform/db/index.ts'
import { up as identity } from './0001-identity.ts'

export const identityMigrations: readonly Migration[] = [
  { name: 'identity/0001-identity', up: identity },
]
