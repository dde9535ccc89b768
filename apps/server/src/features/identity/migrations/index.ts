import type { Migration } from '#platform/db/index.ts'
import { up as identity } from './0001-identity.ts'
import { up as passkeys } from './0002-passkeys.ts'
import { up as strongProof } from './0003-strong-proof.ts'
import { up as registration } from './0004-registration.ts'

export const identityMigrations: readonly Migration[] = [
  { name: 'identity/0001-identity', up: identity },
  { name: 'identity/0002-passkeys', up: passkeys },
  { name: 'identity/0003-strong-proof', up: strongProof },
  { name: 'identity/0004-registration', up: registration },
]
