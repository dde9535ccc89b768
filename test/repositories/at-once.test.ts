/** Limits hold for many requests in the same instant as for one after the other. */
import {
  createRepository,
  createRepositoryCredential,
  listRepositories,
  listRepositoryCredentials,
} from '@hearthold/contract'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { House, newObject } from './repository-house.ts'

let house: House
beforeEach(async () => void (house = await House.open()))
afterEach(() => house.close())

const counted = (codes: readonly string[]): Record<string, number> => {
  const counts: Record<string, number> = {}
  for (const code of codes) counts[code] = (counts[code] ?? 0) + 1
  return counts
}

it('a member has at most 200 repositories', async () => {
  const codes = await Promise.all(
    Array.from({ length: 206 }, (_, n) =>
      house.codeOf(createRepository, { body: { name: `r${n}` } }),
    ),
  )
  expect(counted(codes)['rate_limited']).toBeGreaterThanOrEqual(6)
  const { repositories } = await house.call(listRepositories, {})
  expect(repositories.length).toBeLessThanOrEqual(200)
  // Those that were refused hold no place.
  for (let n = repositories.length; n < 200; n++) await house.create(`more${n}`)
  expect(await house.codeOf(createRepository, { body: { name: 'one-more' } })).toBe('rate_limited')
})

it('a repository has at most 100 credentials', async () => {
  const { repository } = await house.create('backup')
  const params = { repository }
  const body = { label: 'x', scope: 'append', validDays: null }
  const codes = await Promise.all(
    Array.from({ length: 105 }, () => house.codeOf(createRepositoryCredential, { params, body })),
  )
  expect(counted(codes)).toEqual({ '': 100, credentials_full: 5 })
  const { credentials } = await house.call(listRepositoryCredentials, { params })
  expect(credentials.length).toBe(100)
})

it('the bin holds at most twice the quota', async () => {
  const repository = await house.create('backup', { quotaBytes: 1000 })
  const key = await house.key(repository, 'maintain')
  const fill = async (sizes: readonly number[]) => {
    const objects = sizes.map((size) => newObject('data', size))
    for (const object of objects) expect(await house.put(key, object)).toBe(200)
    return objects
  }
  for (const object of await fill([900])) await house.remove(key, object)
  for (const object of await fill([900])) await house.remove(key, object)
  const small = await fill(Array.from({ length: 10 }, () => 100))
  const statuses = await Promise.all(small.map((object) => house.remove(key, object)))
  expect(statuses.toSorted((a, b) => a - b)).toEqual([200, 200, ...Array<number>(8).fill(507)])
  expect(await house.get(repository)).toMatchObject({ usedBytes: 800, binBytes: 2000 })
})
