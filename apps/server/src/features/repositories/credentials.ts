import {
  type AnswerOf,
  type BodyOf,
  type createRepositoryCredential,
  ProblemError,
  type RepositoryCredential,
} from '@hearthold/contract'
import type { SessionContext } from '#platform/access/session.ts'
import { newCredentialName, newCredentialSecret } from './credential-secrets.ts'
import { type Credential, deleteCredential, insertCredential } from './credential-store.ts'
import { dayMs } from './deps.ts'
import type { Parts } from './parts.ts'
import { showCredential } from './show.ts'

/** Of one repository. */
export const credentialsPerRepository = 100

export const listCredentialsOf = (
  { catalogue }: Parts,
  session: SessionContext,
  id: string,
): RepositoryCredential[] => {
  const { facts } = catalogue.own(session, id)
  return catalogue
    .credentialsOf(facts.id)
    .toSorted((a, b) => a.createdAt - b.createdAt)
    .map(showCredential)
}

export const createCredential = async (
  { deps, catalogue, hasher }: Parts,
  session: SessionContext,
  id: string,
  { label, scope, validDays }: BodyOf<typeof createRepositoryCredential>,
): Promise<AnswerOf<typeof createRepositoryCredential>> => {
  const live = catalogue.own(session, id)
  if (scope === 'maintain') await deps.members.checkFreshProof(session)
  if (live.facts.removedAt !== null)
    throw new ProblemError('repository_removed', 'Bring the repository back first.')
  if (catalogue.credentialsOf(live.facts.id).length >= credentialsPerRepository)
    throw new ProblemError('credentials_full', 'Revoke credentials that no machine uses any more.')
  const now = deps.clock.now()
  const name = newCredentialName(label)
  const secret = newCredentialSecret()
  const { version, hash } = hasher.hash(name, secret)
  const credential: Credential = {
    name,
    repository: live.facts.id,
    label,
    scope,
    secretHash: hash,
    pepperVersion: version,
    createdAt: now,
    expiresAt: validDays === null ? null : now + validDays * dayMs,
    lastUsedAt: null,
    writes: 0,
    deletions: 0,
    refusedDeletions: 0,
    failedVerifications: 0,
    dirty: false,
  }
  // Counted before it is written, so that many at once are not more than may be. Nobody knows its secret yet.
  catalogue.addCredential(credential)
  try {
    await insertCredential(deps.db, credential)
  } catch (error) {
    catalogue.removeCredential(name)
    throw error
  }
  return { credential: showCredential(credential), secret }
}

/** Revokes it: from memory first, so that nothing gets in while the row goes. */
export const removeCredential = async (
  { deps, catalogue }: Parts,
  session: SessionContext,
  id: string,
  name: string,
): Promise<boolean> => {
  const live = catalogue.own(session, id)
  const credential = catalogue.credential(name)
  if (credential?.repository !== live.facts.id) return false
  catalogue.removeCredential(name)
  try {
    return await deleteCredential(deps.db, name)
  } catch (error) {
    // It would be back after a restart, so that it must not look revoked now.
    catalogue.addCredential(credential)
    throw error
  }
}
