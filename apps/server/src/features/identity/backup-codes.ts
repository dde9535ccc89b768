import { randomBytes } from '@hearthold/crypto'
import type { InstanceSecrets } from '#platform/keys/index.ts'
import type { On, Trx } from './deps.ts'
import { pepperedEver, pepperedNow } from './peppered.ts'

type Peppers = InstanceSecrets['peppers']

/** Crockford's base 32. */
const alphabet = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'
const codeCount = 10
const codeCharacters = 10
const label = 'hearthold/v1/backup-code'

/** 50 random bits: 256 is a multiple of 32, so every character is as likely. */
const newCode = (): string =>
  [...randomBytes(codeCharacters)].map((byte) => alphabet[byte & 31]).join('')

const shown = (code: string): string => `${code.slice(0, 5)}-${code.slice(5)}`

/** A typed code without hyphens and spaces, I and L read as 1, O as 0; undefined for what is none. */
const readCode = (typed: string): string | undefined => {
  const code = typed.replace(/[\s-]/g, '').toUpperCase().replace(/[IL]/g, '1').replace(/O/g, '0')
  return /^[0-9A-HJKMNP-TV-Z]{10}$/.test(code) ? code : undefined
}

/** Ten new codes in the place of the old. They are shown once: only HMAC(pepper, account, code) is stored. */
export const replaceBackupCodes = async (
  trx: Trx,
  peppers: Peppers,
  account: string,
): Promise<string[]> => {
  const codes = Array.from({ length: codeCount }, newCode)
  await removeBackupCodes(trx, account)
  await trx
    .insertInto('backup_codes')
    .values(
      codes.map((code) => {
        const { version, hash } = pepperedNow(peppers, label, account, code)
        return { account, code_hash: hash, pepper_version: version }
      }),
    )
    .execute()
  return codes.map(shown)
}

/** Uses a code up. The deletion is what decides, so that a code works once however often it arrives. */
export const useBackupCode = async (
  trx: Trx,
  peppers: Peppers,
  account: string,
  typed: string,
): Promise<boolean> => {
  const code = readCode(typed)
  if (code === undefined) return false
  const { numDeletedRows } = await trx
    .deleteFrom('backup_codes')
    .where('account', '=', account)
    .where('code_hash', 'in', pepperedEver(peppers, label, account, code))
    .executeTakeFirstOrThrow()
  return numDeletedRows === 1n
}

export const removeBackupCodes = async (trx: Trx, account: string): Promise<void> => {
  await trx.deleteFrom('backup_codes').where('account', '=', account).execute()
}

export const countBackupCodes = async (on: On, account: string): Promise<number> => {
  const { count } = await on
    .selectFrom('backup_codes')
    .select((eb) => eb.fn.countAll<number>().as('count'))
    .where('account', '=', account)
    .executeTakeFirstOrThrow()
  return count
}
