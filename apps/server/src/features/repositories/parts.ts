import type { Repository } from '@hearthold/contract'
import type { BinClock } from './bin-clock.ts'
import type { Catalogue } from './catalogue.ts'
import type { CredentialHasher } from './credential-secrets.ts'
import type { RepositoriesDeps } from './deps.ts'
import type { Live } from './live.ts'
import { showRepository } from './show.ts'

/** What the verbs of this feature share. */
export type Parts = {
  readonly deps: RepositoriesDeps
  readonly catalogue: Catalogue
  readonly binClock: BinClock
  readonly hasher: CredentialHasher
}

export const shown = ({ clock }: RepositoriesDeps, live: Live): Repository =>
  showRepository(live, clock.now())
