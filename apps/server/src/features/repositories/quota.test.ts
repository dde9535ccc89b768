import { randomBytes } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type Database, migrate, openDatabase } from '#platform/db/index.ts'
import { versionsOf } from '#platform/keys/secret-files.ts'
import { noLog } from '#platform/log.ts'
import { Catalogue } from './catalogue.ts'
import type { RepositoriesDeps } from './deps.ts'
import { Live } from './live.ts'
import { repositoriesMigrations } from './migrations/index.ts'
import { locksLimit, memberRoom, reserve } from './quota.ts'
import { neverScrubbed, nothingCounted } from './store.ts'
import type { RepositoryTables } from './tables.ts'

const account = 'a'.repeat(32)
const ref = { type: 'data', id: 'b'.repeat(64) } as const

let db: Database<RepositoryTables>
let catalogue: Catalogue
let live: Live
let deps: RepositoriesDeps
/** What files of the account take. */
let files: number

beforeEach(async () => {
  db = openDatabase<RepositoryTables>({ file: ':memory:' })
  await migrate(db, repositoriesMigrations)
  files = 0
  deps = {
    db,
    clock: { now: () => 0 },
    log: noLog,
    peppers: versionsOf('pepper', [
      { version: 1, value: randomBytes(32) as Uint8Array<ArrayBuffer> },
    ]),
    openStorage: async () => {
      throw new Error('Nothing is stored here')
    },
    members: {
      checkFreshProof: async () => undefined,
      checkSecondFactor: async () => undefined,
      inactive: async () => new Set(),
      quotaBytes: async () => 1000,
    },
    otherBytes: () => files,
    sessions: { find: async () => undefined },
    setUpNeeded: () => false,
    metricsToken: undefined,
  }
  catalogue = await Catalogue.open(deps)
  live = new Live(deps, {
    ...{ id: 'c'.repeat(32), account, name: 'backup', storage: null, createdAt: 0 },
    ...{ removedAt: null, destroyedAt: null, quotaBytes: null, freezeDays: 30 },
    ...{ alarmAfterHours: null, counts: nothingCounted, scrub: neverScrubbed },
    ...{ burstSince: null, burstSeenAt: null, maintain: null, drill: null, alarms: [] },
  })
  live.counts.counted = true
  catalogue.add(live)
})
afterEach(() => db.close())

/** @param thereBytes what lies under the name already */
const asks = async (sizeBytes: number, thereBytes?: number) => {
  const room = await memberRoom(deps, catalogue, account)
  return (meanwhile = (): void => undefined) => {
    meanwhile()
    const member = thereBytes === undefined ? room : { ...room, thereBytes }
    return reserve(catalogue, live, member, ref, sizeBytes, () => undefined)
  }
}
const outcomes = (reserved: readonly (string | object)[]): string[] =>
  reserved.map((one) => (typeof one === 'string' ? one : 'taken'))

test('locks under way count as locks', async () => {
  files = 1000
  const room = await memberRoom(deps, catalogue, account)
  const lock = (n: number) => {
    const id = n.toString(16).padStart(64, '0')
    return reserve(catalogue, live, room, { type: 'locks', id }, 100, () => undefined)
  }
  const taken = Array.from({ length: locksLimit + 5 }, (_, n) => lock(n))
  expect(outcomes(taken).filter((outcome) => outcome === 'taken').length).toBe(locksLimit)
  for (const one of taken) if (typeof one === 'object') one.settle(0)
  expect(outcomes([lock(0)])).toEqual(['taken'])
})

describe('room of a member', () => {
  test('is what is left when it is taken, not when the request began', async () => {
    const upload = await asks(500)
    const other = await asks(500)
    expect(outcomes([upload(() => void (files = 400)), other(() => void (files = 501))])).toEqual([
      'taken',
      'full',
    ])
    expect(live.counts.reservedBytes).toBe(500)
  })

  test('is needed once for what lies there already, and for no byte more', async () => {
    files = 1000
    expect(outcomes([(await asks(300))(), (await asks(301, 300))()])).toEqual(['full', 'full'])
    // Kept beyond what may be kept: still, the same again is taken.
    files = 5000
    const same = [await asks(300, 300), await asks(300, 300)].map((ask) => ask())
    expect(outcomes(same)).toEqual(['taken', 'taken'])
    files = 900
    const [first] = same
    // Were it deleted meanwhile, nobody else may have its room before it has come again.
    expect(outcomes([(await asks(100))()])).toEqual(['full'])
    for (const one of same) if (typeof one === 'object') one.settle(0)
    if (typeof first === 'object') first.settle(0)
    expect(live.counts.reservedBytes).toBe(0)
    expect(outcomes([(await asks(100))()])).toEqual(['taken'])
  })
})
