/** The part of foreign-ids.ts that is about repositories. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import * as contract from '@hearthold/contract'
import type { Trial } from './foreign-ids.ts'
import type { Input, Instance, Person } from './instance.ts'

/** A repository of a member's with a config in it. @returns its id */
export const repositoryOf = async (instance: Instance, member: Person): Promise<string> => {
  const body = { name: 'backup' }
  const made = await instance.call(contract.createRepository, { token: member.token, body })
  if (made.status !== 200) throw new Error(`createRepository answered ${made.code}`)
  const { repository, account, name } = made.body as contract.Repository
  const folder = join(instance.folder, 'data', 'repositories', account, name)
  writeFileSync(join(folder, 'config'), 'sealed by restic')
  return repository
}

const trial = (rest: Input = {}): Trial => ({
  theirs: ({ repository }) => repository,
  request: (_world, repository) => ({ ...rest, params: { ...rest.params, repository } }),
  code: 'not_found',
})

const configId = '0'.repeat(64)

/** As `idFields`. */
export const repositoryIdFields: Readonly<Record<string, Trial | string>> = {
  'createRepository body.storage': 'every member may choose each of them',
  'updateStorage params.storage': 'hosts manage all of them',
  'testStorage params.storage': 'hosts manage all of them',
  'removeStorage params.storage': 'hosts manage all of them',
  'getRepository params.repository': { ...trial(), hostsToo: true },
  'updateRepository params.repository': trial({ body: { freezeDays: 60 } }),
  'removeRepository params.repository': trial(),
  'restoreRepository params.repository': trial(),
  'purgeRepository params.repository': 'hosts manage all of them',
  'getBin params.repository': trial(),
  'restoreBin params.repository': trial({ body: {} }),
  'startScrub params.repository': trial(),
  'addReport params.repository': trial({
    body: { kind: 'drill', ok: true, startedAt: 1, expectedEveryHours: null },
  }),
  'listRepositoryObjects params.repository': trial({ params: { type: 'snapshots' } }),
  'readRepositoryObject params.repository': trial({ params: { type: 'config', id: configId } }),
  'listRepositoryCredentials params.repository': trial(),
  'createRepositoryCredential params.repository': trial({
    body: { label: 'x', scope: 'append', validDays: null },
  }),
  'removeRepositoryCredential params.repository': trial({
    params: { credential: 'laptop-aaaaaaaa' },
  }),
}
