import { randomBytes, utf8 } from '@hearthold/crypto'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type Database, inTransaction, migrate, openDatabase } from '../db/index.ts'
import { fileDriver } from './file-driver.ts'
import type { KeyDriver } from './key-driver.ts'
import { createKeyService, type KeyService } from './key-service.ts'
import { keysMigrations } from './migrations/index.ts'
import type { KeysTables } from './tables.ts'

/** Every driver keeps the same promises; Transit joins this list. */
const drivers: { driver: string; create: () => KeyDriver }[] = [
  {
    driver: 'file',
    create: () => fileDriver({ rootKey: randomBytes(32), clock: { now: () => 1000 } }),
  },
]

const anna = 'aa'.repeat(16)
const ben = 'bb'.repeat(16)
const place = { account: anna, purpose: 'totp', subject: anna }
const secret = utf8('twenty bytes of TOTP')

let db: Database<KeysTables>
beforeEach(async () => {
  db = openDatabase({ file: ':memory:' })
  await migrate(db, keysMigrations)
})
afterEach(() => db.close())

describe.each(drivers)('key service, $driver driver', ({ create }) => {
  let service: KeyService
  beforeEach(() => {
    service = createKeyService(create())
  })

  test('opens what it sealed, and seals the same thing differently each time', async () => {
    const one = await service.seal(db, place, secret)
    const two = await service.seal(db, place, secret)
    expect(one).not.toEqual(two)
    expect(await service.open(db, place, one)).toEqual(secret)
    expect(await service.open(db, place, two)).toEqual(secret)
    const empty = await service.seal(db, place, new Uint8Array(0))
    expect(await service.open(db, place, empty)).toEqual(new Uint8Array(0))
  })

  test('opens nothing at another place', async () => {
    const sealed = await service.seal(db, place, secret)
    await service.seal(db, { ...place, account: ben }, secret)
    for (const other of [
      { ...place, account: ben },
      { ...place, purpose: 'name' },
      { ...place, subject: ben },
    ])
      await expect(service.open(db, other, sealed)).rejects.toMatchObject({ code: 'sealed_bytes' })
  })

  test('refuses every changed byte and every cut', async () => {
    const sealed = await service.seal(db, place, secret)
    for (let at = 0; at < sealed.length; at++) {
      const changed = sealed.slice()
      changed[at]! ^= 1
      await expect(service.open(db, place, changed)).rejects.toMatchObject({
        code: expect.stringMatching(/^(sealed_bytes|malformed)$/),
      })
      await expect(service.open(db, place, sealed.subarray(0, at))).rejects.toMatchObject({
        code: expect.stringMatching(/^(sealed_bytes|malformed)$/),
      })
    }
  })

  test('keeps opening what was sealed before a rotation', async () => {
    const before = await service.seal(db, place, secret)
    expect(await service.rotate(db, anna)).toBe(2)
    const after = await service.seal(db, place, secret)
    expect(await service.open(db, place, before)).toEqual(secret)
    expect(await service.open(db, place, after)).toEqual(secret)
  })

  test('shreds one member for ever and nobody else', async () => {
    const hers = await service.seal(db, place, secret)
    const his = await service.seal(db, { ...place, account: ben }, secret)
    await service.shred(db, anna)
    await expect(service.open(db, place, hers)).rejects.toMatchObject({ code: 'sealed_bytes' })
    await service.seal(db, place, secret)
    await expect(service.open(db, place, hers)).rejects.toMatchObject({ code: 'sealed_bytes' })
    expect(await service.open(db, { ...place, account: ben }, his)).toEqual(secret)
  })

  test('first uses at once agree on one key, inside and outside of transactions', async () => {
    const sealed = await Promise.all([
      service.seal(db, place, secret),
      inTransaction(db, (trx) => service.seal(trx, place, secret)),
      service.seal(db, place, secret),
      inTransaction(db, (trx) => service.seal(trx, place, secret)),
    ])
    for (const bytes of sealed) expect(await service.open(db, place, bytes)).toEqual(secret)
    const rows = await db.selectFrom('member_keks').select('version').execute()
    expect(rows).toEqual([{ version: 1 }])
  })

  test('leaves no readable byte in the database', async () => {
    await service.seal(db, place, secret)
    const rows = await db.selectFrom('member_keks').selectAll().execute()
    for (const row of rows) expect(row.sealed_kek.length).toBe(60)
  })

  test('another root key opens nothing', async () => {
    const sealed = await service.seal(db, place, secret)
    await expect(createKeyService(create()).open(db, place, sealed)).rejects.toMatchObject({
      code: 'sealed_bytes',
    })
  })
})
