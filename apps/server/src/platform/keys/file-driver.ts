import { hkdf, IntegrityError, lp, open, randomBytes, seal, utf8 } from '@hearthold/crypto'
import type { Clock } from '../clock.ts'
import { runText } from '../db/index.ts'
import type { KeyDriver, KeysDb } from './key-driver.ts'

const kekAad = (account: string, version: number): Uint8Array =>
  lp('hearthold/v1/smt/kek', account, version)

/** Member keys are random and lie in `member_keks`, sealed under HKDF(root key, "hearthold/v1/smt/kek"). */
export const fileDriver = (options: { rootKey: Uint8Array; clock: Clock }): KeyDriver => {
  const sealingKey = hkdf(options.rootKey, new Uint8Array(0), utf8('hearthold/v1/smt/kek'))

  const newest = (db: KeysDb, account: string) =>
    db
      .selectFrom('member_keks')
      .select(['version', 'sealed_kek'])
      .where('account', '=', account)
      .orderBy('version', 'desc')
      .limit(1)
      .executeTakeFirst()

  /** Two first uses at once: one row wins, and both read that one. */
  const create = async (db: KeysDb, account: string, version: number): Promise<void> => {
    const sealed_kek = await seal(sealingKey, randomBytes(32), kekAad(account, version))
    await db
      .insertInto('member_keks')
      .values({ account, version, sealed_kek, created_at: options.clock.now() })
      .onConflict((conflict) => conflict.doNothing())
      .execute()
  }

  return {
    number: 1,
    wrap: async (db, account, dataKey, aad) => {
      let row = await newest(db, account)
      if (!row) {
        await create(db, account, 1)
        row = await newest(db, account)
      }
      if (!row) throw new Error('A member key was shredded while it was made')
      const kek = await open(sealingKey, row.sealed_kek, kekAad(account, row.version))
      return { keyVersion: row.version, wrapped: await seal(kek, dataKey, aad) }
    },
    unwrap: async (db, account, keyVersion, wrapped, aad) => {
      const text = 'select sealed_kek from member_keks where account = ? and version = ?'
      const [row] = await runText<{ sealed_kek: Uint8Array }>(db, text, [account, keyVersion])
      if (!row) throw new IntegrityError('sealed_bytes', 'The key of these bytes is gone.')
      const kek = await open(sealingKey, row.sealed_kek, kekAad(account, keyVersion))
      return open(kek, wrapped, aad)
    },
    rotate: async (db, account) => {
      const version = ((await newest(db, account))?.version ?? 0) + 1
      await create(db, account, version)
      return version
    },
    shred: async (db, account) => {
      await db.deleteFrom('member_keks').where('account', '=', account).execute()
    },
  }
}
