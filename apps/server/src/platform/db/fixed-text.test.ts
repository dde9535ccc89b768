import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sql } from 'kysely'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type Database, inSavepoint, inTransaction, openDatabase, runText } from './index.ts'

const insert = 'insert into notes (id) values (?)'
const select = 'select id from notes order by id'
const drivers = [
  { driver: 'sqlite file', fileOf: (folder: string) => join(folder, 'test.db') },
  { driver: 'sqlite memory', fileOf: () => ':memory:' },
]

let folder = ''
let db: Database<unknown>
afterEach(async () => {
  await db.close()
  rmSync(folder, { recursive: true, force: true })
})
const ids = async (on: typeof db = db): Promise<string[]> =>
  (await runText<{ id: string }>(on, select, [])).map(({ id }) => id)

describe.each(drivers)('constant statements: $driver', ({ fileOf }) => {
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'hearthold-text-'))
    db = openDatabase({ file: fileOf(folder), waitLimitMs: 300 })
    await sql`create table notes (id text primary key not null) strict`.execute(db)
  })

  test('write and read, inside a transaction and outside', async () => {
    await runText(db, insert, ['a'])
    await inTransaction(db, async (trx) => {
      await runText(trx, insert, ['b'])
      expect(await runText(trx, select, [])).toEqual([{ id: 'a' }, { id: 'b' }])
    })
    expect(await ids()).toEqual(['a', 'b'])
  })

  test('are taken back with their transaction, or with their part of it', async () => {
    const failed = inTransaction(db, async (trx) => {
      await runText(trx, insert, ['gone'])
      throw new Error('changed my mind')
    })
    await expect(failed).rejects.toThrow('changed my mind')
    await inTransaction(db, async (trx) => {
      await runText(trx, insert, ['kept'])
      const part = inSavepoint(trx, async () => {
        await runText(trx, insert, ['part'])
        throw new Error('not this')
      })
      await expect(part).rejects.toThrow('not this')
    })
    expect(await ids()).toEqual(['kept'])
  })

  test('of a transaction that has ended are refused, also while another one runs', async () => {
    let kept: unknown
    await inTransaction(db, async (trx) => {
      kept = trx
    })
    const late = (): Promise<unknown> => runText(kept as typeof db, insert, ['late'])
    await expect(late()).rejects.toThrow('has ended')
    await inTransaction(db, async () => expect(late()).rejects.toThrow('has ended'))
    expect(await ids()).toEqual([])
  })

  test('that write outside a transaction wait for the one that runs', async () => {
    const order: string[] = []
    let outside: Promise<unknown> | undefined
    await inTransaction(db, async (trx) => {
      outside = runText(db, insert, ['after']).then(() => order.push('outside'))
      await runText(trx, insert, ['first'])
      await new Promise((resolve) => setImmediate(resolve))
      order.push('inside')
    })
    await outside
    expect(order).toEqual(['inside', 'outside'])
    expect(await ids()).toEqual(['after', 'first'])
  })

  test('refuse what the database cannot hold unchanged', async () => {
    await expect(runText(db, insert, [undefined])).rejects.toThrow(TypeError)
    await expect(runText(db, select.replace('order', 'where id = ? order'), [2n])).rejects.toThrow(
      TypeError,
    )
  })
})

test('a plain read does not wait for a transaction, and does not see it before its end', async () => {
  folder = mkdtempSync(join(tmpdir(), 'hearthold-text-'))
  db = openDatabase({ file: join(folder, 'test.db'), waitLimitMs: 300 })
  await sql`create table notes (id text primary key not null) strict`.execute(db)
  await inTransaction(db, async (trx) => {
    await runText(trx, insert, ['new'])
    expect(await ids()).toEqual([])
  })
  expect(await ids()).toEqual(['new'])
})
