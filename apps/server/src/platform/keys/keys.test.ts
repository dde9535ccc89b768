import {
  chmodSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fromB64, randomBytes, signingPublicKey, toB64, utf8 } from '@hearthold/crypto'
import { ready, server } from '@serenity-kit/opaque'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type Database, migrate, openDatabase } from '../db/index.ts'
import { FileModeError } from '../file-modes.ts'
import { KeysError, keysMigrations, type KeysTables, openKeys } from './index.ts'

let folder = ''
let keysDir = ''
let db: Database<KeysTables>
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'hearthold-keys-'))
  keysDir = join(folder, 'keys')
  db = openDatabase({ file: join(folder, 'test.db') })
  await migrate(db, keysMigrations)
})
afterEach(async () => {
  await db.close()
  rmSync(folder, { recursive: true, force: true })
})

const place = { account: 'aa'.repeat(16), purpose: 'totp', subject: 'x' }
const names = ['instance-signing', 'opaque-setup', 'pepper', 'root-key']
const failure = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => undefined,
    (error: unknown) => error,
  )

describe('the first start', () => {
  test('makes each secret in a file of its own, for this user only, and the next start finds the same', async () => {
    const first = await openKeys({ keysDir, db })
    expect(readdirSync(keysDir).toSorted()).toEqual(names)
    for (const name of names) expect(statSync(join(keysDir, name)).mode & 0o777).toBe(0o600)
    expect(statSync(keysDir).mode & 0o777).toBe(0o700)
    const sealed = await first.service.seal(db, place, utf8('kept'))

    const again = await openKeys({ keysDir, db })
    expect(again.secrets.signingSeed).toEqual(first.secrets.signingSeed)
    expect(again.secrets.signingKey).toEqual(signingPublicKey(first.secrets.signingSeed))
    expect(again.secrets.peppers.current).toEqual(first.secrets.peppers.current)
    expect(again.secrets.opaqueSetups.current).toEqual(first.secrets.opaqueSetups.current)
    expect(again.deriveKey('x')).toEqual(first.deriveKey('x'))
    expect(again.deriveKey('x')).not.toEqual(first.deriveKey('y'))
    expect(await again.service.open(db, place, sealed)).toEqual(utf8('kept'))
  })

  test('makes an OPAQUE set-up that the library takes', async () => {
    const { secrets } = await openKeys({ keysDir, db })
    await ready
    expect(server.getPublicKey(secrets.opaqueSetups.current.value)).toMatch(/^[\w-]{43}$/)
  })

  test('with a root key from outside writes none', async () => {
    const rootKey = randomBytes(32)
    const first = await openKeys({ keysDir, db, rootKey })
    expect(readdirSync(keysDir).toSorted()).toEqual(names.slice(0, 3))
    const sealed = await first.service.seal(db, place, utf8('kept'))
    const again = await openKeys({ keysDir, db, rootKey })
    expect(await again.service.open(db, place, sealed)).toEqual(utf8('kept'))
  })

  test('the file holds the root key in the form that HEARTHOLD_ROOT_KEY_FILE takes', async () => {
    const first = await openKeys({ keysDir, db })
    const text = readFileSync(join(keysDir, 'root-key'), 'utf8').trim()
    rmSync(join(keysDir, 'root-key'))
    const again = await openKeys({ keysDir, db, rootKey: fromB64(text) })
    expect(again.deriveKey('x')).toEqual(first.deriveKey('x'))
  })

  test('takes over keys that a crash left before their fingerprints were stored', async () => {
    const first = await openKeys({ keysDir, db })
    await db.deleteFrom('instance_keys').execute()
    const again = await openKeys({ keysDir, db })
    expect(again.secrets.peppers.current).toEqual(first.secrets.peppers.current)
    const rows = await db.selectFrom('instance_keys').select('name').orderBy('name').execute()
    expect(rows.map(({ name }) => name)).toEqual(names)
  })

  test('never puts a secret into the database', async () => {
    await openKeys({ keysDir, db })
    const rows = await db.selectFrom('instance_keys').selectAll().execute()
    for (const row of rows) expect(row.fingerprint).toMatch(/^[0-9a-f]{16}$/)
  })
})

describe('a missing or different key', () => {
  test.each(names)(
    '%s: refuses to start, names the one expected, and makes no other',
    async (name) => {
      await openKeys({ keysDir, db })
      const { fingerprint } = await db
        .selectFrom('instance_keys')
        .select('fingerprint')
        .where('name', '=', name)
        .executeTakeFirstOrThrow()
      const path = join(keysDir, name)
      const original = readFileSync(path)
      rmSync(path)
      const missing = await failure(openKeys({ keysDir, db }))
      expect(missing).toBeInstanceOf(KeysError)
      expect(missing).toMatchObject({ code: 'missing', expected: fingerprint })
      expect(String(missing)).toContain(fingerprint)
      expect(readdirSync(keysDir)).not.toContain(name)

      const other = toB64(randomBytes(name === 'opaque-setup' ? 128 : 32))
      writeFileSync(path, name === 'root-key' ? other : `1 ${other}\n`, { mode: 0o600 })
      const different = await failure(openKeys({ keysDir, db }))
      expect(different).toMatchObject({ code: 'different', expected: fingerprint })
      expect(String(different)).not.toContain(other)

      writeFileSync(path, original, { mode: 0o600 })
      expect((await openKeys({ keysDir, db })).secrets.signingKey.length).toBe(32)
    },
  )

  test('given from outside is checked too, even where the file is right', async () => {
    await openKeys({ keysDir, db })
    const refused = openKeys({ keysDir, db, rootKey: randomBytes(32) })
    await expect(refused).rejects.toMatchObject({ code: 'different' })
    await expect(openKeys({ keysDir, db, rootKey: randomBytes(16) })).rejects.toMatchObject({
      code: 'unreadable',
    })
  })

  test.each([
    '',
    'hello',
    `1 ${'A'.repeat(42)}`,
    `0 ${'A'.repeat(43)}`,
    `2 ${'A'.repeat(43)}\n1 ${'A'.repeat(43)}`,
  ])('an unreadable file (%j) is refused without being repeated', async (text) => {
    await openKeys({ keysDir, db })
    writeFileSync(join(keysDir, 'pepper'), text, { mode: 0o600 })
    const refused = await failure(openKeys({ keysDir, db }))
    expect(refused).toMatchObject({ code: 'unreadable' })
    expect(String(refused)).not.toMatch(/AAAA|hello/)
  })

  test('a file that others can read is refused with the remedy', async () => {
    await openKeys({ keysDir, db })
    chmodSync(join(keysDir, 'pepper'), 0o640)
    const refused = await failure(openKeys({ keysDir, db }))
    expect(refused).toBeInstanceOf(FileModeError)
    expect(String(refused)).toContain('chmod 600')
  })
})

describe('versions', () => {
  test('a line added to the file is the current one, and the old one stays in use', async () => {
    const first = await openKeys({ keysDir, db })
    const path = join(keysDir, 'pepper')
    writeFileSync(path, `${readFileSync(path, 'utf8')}2 ${toB64(randomBytes(32))}\n`, {
      mode: 0o600,
    })
    const { peppers } = (await openKeys({ keysDir, db })).secrets
    expect(peppers.current.version).toBe(2)
    expect(peppers.get(1)).toEqual(first.secrets.peppers.current.value)
    expect(() => peppers.get(3)).toThrow('Version 3')
    writeFileSync(path, `1 ${toB64(peppers.get(1))}\n`, { mode: 0o600 })
    await expect(openKeys({ keysDir, db })).rejects.toMatchObject({ code: 'missing' })
  })
})
