import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ProblemError } from '@hearthold/contract'
import { CompiledQuery, type Kysely, sql } from 'kysely'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import {
  type Database,
  inSavepoint,
  inTransaction,
  isUniqueViolation,
  migrate,
  NewerDatabaseError,
  onCommit,
  openDatabase,
} from './index.ts'

type Tables = { notes: { id: string; n: number | null; bytes: Uint8Array | null } }

/** Every driver keeps the same promises; PostgreSQL joins this list. `open` twice gives two handles of one database. */
const drivers = [
  {
    driver: 'sqlite file',
    open: (folder: string, readOnly = false) =>
      openDatabase<Tables>({ file: join(folder, 'test.db'), readOnly, waitLimitMs: 300 }),
  },
  {
    driver: 'sqlite memory',
    open: (_folder: string) => openDatabase<Tables>({ file: ':memory:', waitLimitMs: 300 }),
  },
]

let folder = ''
let db: Database<Tables>
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'hearthold-db-'))
})
afterEach(async () => {
  await db.close()
  rmSync(folder, { recursive: true, force: true })
})

const createNotes = {
  name: 'test/0001-notes',
  up: async (on: Kysely<unknown>) => {
    await sql`create table notes (id text primary key not null, n integer, bytes blob) strict`.execute(
      on,
    )
  },
}
const ids = async (): Promise<string[]> =>
  (await db.selectFrom('notes').select('id').orderBy('id').execute()).map(({ id }) => id)
const note = (id: string, n: number | null = null, bytes: Uint8Array | null = null) => ({
  id,
  n,
  bytes,
})

describe.each(drivers)('$driver', ({ open }) => {
  beforeEach(async () => {
    db = open(folder)
    await migrate(db, [createNotes])
  })

  test('gives back integers, blobs and nulls as they were stored', async () => {
    const bytes = Uint8Array.from({ length: 300 }, (_, index) => index)
    await db
      .insertInto('notes')
      .values([
        note('a', Number.MAX_SAFE_INTEGER, bytes),
        note('b', -1, new Uint8Array(0)),
        note('c'),
      ])
      .execute()
    const rows = await db.selectFrom('notes').selectAll().orderBy('id').execute()
    expect(rows).toEqual([
      note('a', Number.MAX_SAFE_INTEGER, bytes),
      note('b', -1, new Uint8Array(0)),
      note('c'),
    ])
    const changed = await db
      .updateTable('notes')
      .set({ n: 5 })
      .where('id', 'in', ['a', 'b', 'x'])
      .executeTakeFirstOrThrow()
    expect(changed.numUpdatedRows).toBe(2n)
    const gone = await db.deleteFrom('notes').where('n', '=', 5).returning('id').execute()
    expect(gone.map(({ id }) => id).toSorted()).toEqual(['a', 'b'])
  })

  test('refuses values that would be stored as something else', async () => {
    for (const value of [
      2 ** 53,
      Number.NaN,
      true,
      undefined,
      {},
      Symbol('x'),
    ] as unknown[] as number[])
      await expect(
        db.executeQuery(CompiledQuery.raw('insert into notes (id, n) values (?, ?)', ['x', value])),
      ).rejects.toThrow(TypeError)
    expect(await ids()).toEqual([])
  })

  test('names a key that exists already', async () => {
    await db.insertInto('notes').values(note('a')).execute()
    const error = await db
      .insertInto('notes')
      .values(note('a'))
      .execute()
      .catch((caught: unknown) => caught)
    expect(isUniqueViolation(error)).toBe(true)
    expect(isUniqueViolation(new Error('other'))).toBe(false)
  })

  test('a transaction that throws leaves nothing, and the next one works', async () => {
    const failed = inTransaction(db, async (trx) => {
      await trx.insertInto('notes').values(note('a')).execute()
      throw new Error('no')
    })
    await expect(failed).rejects.toThrow('no')
    await inTransaction(db, (trx) => trx.insertInto('notes').values(note('b')).execute())
    expect(await ids()).toEqual(['b'])
  })

  test('transactions run one after the other, and a read afterwards sees them all', async () => {
    await db.insertInto('notes').values(note('count', 0)).execute()
    const add = () =>
      inTransaction(db, async (trx) => {
        const { n } = await trx
          .selectFrom('notes')
          .select('n')
          .where('id', '=', 'count')
          .executeTakeFirstOrThrow()
        await new Promise((resolve) => setImmediate(resolve))
        await trx
          .updateTable('notes')
          .set({ n: (n ?? 0) + 1 })
          .where('id', '=', 'count')
          .execute()
      })
    await Promise.all(Array.from({ length: 20 }, add))
    const { n } = await db.selectFrom('notes').select('n').executeTakeFirstOrThrow()
    expect(n).toBe(20)
  })

  test('a transaction handle is dead after its end, and transactions do not nest', async () => {
    const kept = await inTransaction(db, async (trx) => ({ trx }))
    await expect(kept.trx.insertInto('notes').values(note('late')).execute()).rejects.toThrow(
      /has ended|already committed/,
    )
    await expect(kept.trx.selectFrom('notes').selectAll().execute()).rejects.toThrow(
      /has ended|already committed/,
    )
    await expect(
      inTransaction(db, (trx) => inTransaction<Tables, number>(trx, async () => 1)),
    ).rejects.toThrow('Already in a transaction')
    expect(await ids()).toEqual([])
  })

  test('writing by db inside its own transaction ends in an error, not in a stop', async () => {
    const stuck = inTransaction(db, async () => db.insertInto('notes').values(note('a')).execute())
    await expect(stuck).rejects.toMatchObject({ code: 'unavailable' })
    await db.insertInto('notes').values(note('b')).execute()
    expect(await ids()).toEqual(['b'])
  })

  test('hooks run after the commit, in order, and never after a rollback', async () => {
    const seen: string[] = []
    await inTransaction(db, async (trx) => {
      onCommit(trx, () => seen.push('first'))
      onCommit(trx, () => seen.push('second'))
      await trx.insertInto('notes').values(note('a')).execute()
      expect(seen).toEqual([])
    })
    const failed = inTransaction(db, async (trx) => {
      onCommit(trx, () => seen.push('never'))
      throw new Error('no')
    })
    await expect(failed).rejects.toThrow('no')
    expect(seen).toEqual(['first', 'second'])
    expect(() => onCommit(db, () => undefined)).toThrow('running inTransaction')
  })

  test('a part that throws takes back its own writes and hooks, nothing else', async () => {
    const seen: string[] = []
    await inTransaction(db, async (trx) => {
      const write = async (id: string, fails: boolean) => {
        await trx.insertInto('notes').values(note(id)).execute()
        onCommit(trx, () => seen.push(id))
        if (fails) throw new Error('no')
      }
      await inSavepoint(trx, () => write('a', false))
      await expect(inSavepoint(trx, () => write('b', true))).rejects.toThrow('no')
      await inSavepoint(trx, () => write('c', false))
    })
    expect([await ids(), seen]).toEqual([
      ['a', 'c'],
      ['a', 'c'],
    ])
  })

  test('a transaction that SQLite has ended takes no further write', async () => {
    const ended = inTransaction(db, async (trx) => {
      await sql`rollback`.execute(trx)
      await trx.insertInto('notes').values(note('alone')).execute()
    })
    await expect(ended).rejects.toThrow('SQLite has ended this transaction')
    expect(await ids()).toEqual([])
  })

  test('a full disk is a problem of its own and rolls everything back', async () => {
    const { rows } = await sql<{ page_count: number }>`pragma page_count`.execute(db)
    await sql`pragma max_page_count = ${sql.lit((rows[0]?.page_count ?? 0) + 2)}`.execute(db)
    const full = inTransaction(db, async (trx) => {
      await trx.insertInto('notes').values(note('small')).execute()
      await trx
        .insertInto('notes')
        .values(note('large', 1, new Uint8Array(100_000)))
        .execute()
    })
    const error = await full.catch((caught: unknown) => caught)
    expect(error).toBeInstanceOf(ProblemError)
    expect(error).toMatchObject({ code: 'disk_full', status: 507 })
    expect(await ids()).toEqual([])
    await inTransaction(db, (trx) => trx.insertInto('notes').values(note('after')).execute())
    expect(await ids()).toEqual(['after'])
  })

  test('keeps working over far more statements than it keeps prepared', async () => {
    for (let rows = 1; rows <= 300; rows++)
      await db.executeQuery(CompiledQuery.raw(`select ${rows} as n`, []))
    const values = Array.from({ length: 64 }, (_, index) => note(`id-${index}`, index))
    await db.insertInto('notes').values(values).execute()
    expect((await ids()).length).toBe(64)
  })
})

describe('migrations', () => {
  const failing = {
    name: 'test/0002-fails',
    up: async (on: Kysely<unknown>) => {
      await sql`create table half (id text)`.execute(on)
      throw new Error('half way')
    },
  }

  test('run once, in order, and each wholly or not at all', async () => {
    db = openDatabase({ file: join(folder, 'test.db') })
    await expect(migrate(db, [createNotes, failing])).rejects.toThrow('half way')
    await expect(sql`select * from half`.execute(db)).rejects.toThrow('no such table')
    expect(await migrate(db, [createNotes])).toEqual([])
    const third = {
      name: 'test/0003-index',
      up: async (on: Kysely<unknown>) => {
        await sql`create index notes_n on notes (n)`.execute(on)
      },
    }
    expect(await migrate(db, [createNotes, third])).toEqual(['test/0003-index'])
    await expect(migrate(db, [createNotes, createNotes])).rejects.toThrow('same name')
  })

  test('of a newer version are refused by name, before anything is changed', async () => {
    db = openDatabase({ file: join(folder, 'test.db') })
    const newer = { name: 'test/0009-newer', up: async () => undefined }
    await migrate(db, [newer])
    const refused = migrate(db, [createNotes])
    await expect(refused).rejects.toThrow(NewerDatabaseError)
    await expect(refused).rejects.toThrow(/test\/0009-newer.*[Ss]tart that version again/s)
    await expect(ids()).rejects.toThrow('no such table')
  })
})

describe('the file', () => {
  test('and its journal are for the server alone, and a commit survives the next opening', async () => {
    const file = join(folder, 'test.db')
    const umask = process.umask(0)
    db = openDatabase({ file })
    process.umask(umask)
    await migrate(db, [createNotes])
    await db.insertInto('notes').values(note('a')).execute()
    expect(
      [file, `${file}-wal`, `${file}-shm`].map((path) => (statSync(path).mode & 0o777).toString(8)),
    ).toEqual(['600', '600', '600'])
    const other = openDatabase<Tables>({ file, readOnly: true })
    expect(await other.selectFrom('notes').select('id').execute()).toEqual([{ id: 'a' }])
    await expect(other.insertInto('notes').values(note('b')).execute()).rejects.toThrow('readonly')
    await other.close()
    await db.close()
    await db.close()
    db = openDatabase({ file })
    expect(await ids()).toEqual(['a'])
  })

  test('is durable at commit, journalled and checked for foreign keys', async () => {
    db = openDatabase({ file: join(folder, 'test.db') })
    const pragma = async (name: string): Promise<unknown> =>
      Object.values((await sql`pragma ${sql.raw(name)}`.execute(db)).rows[0] ?? {})[0]
    expect(
      await Promise.all(
        ['journal_mode', 'synchronous', 'foreign_keys', 'secure_delete', 'temp_store'].map(pragma),
      ),
    ).toEqual(['wal', 2, 1, 1, 2])
  })

  test('plain reads do not wait for a transaction, and do not see it before its end', async () => {
    db = openDatabase({ file: join(folder, 'test.db') })
    await migrate(db, [createNotes])
    await inTransaction(db, async (trx) => {
      await trx.insertInto('notes').values(note('a')).execute()
      expect(await ids()).toEqual([])
      expect(await trx.selectFrom('notes').select('id').execute()).toEqual([{ id: 'a' }])
    })
    expect(await ids()).toEqual(['a'])
  })
})
