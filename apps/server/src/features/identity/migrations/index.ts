import type { Migration } from '#platform/db/index.ts'
import { up as identity } from './0001-identity.ts'
import { up as passkeys } from './0002-passkeys.ts'

export const identityMigrations: readonly Migration[] = [
  { name: 'identity/0001-identity', up: identity },
  { name: 'identity/0002-passkeys', up: passkeys },
]
