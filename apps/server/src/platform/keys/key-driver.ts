import type { Kysely, Transaction } from 'kysely'
import type { KeysTables } from './tables.ts'

/** A database or a running transaction. */
export type KeysDb = Kysely<KeysTables> | Transaction<KeysTables>

/**
 * Wraps the key of one sealed thing under the key of one member (cryptography.md 8.10). Drivers: `file` here;
 * HashiCorp Vault and OpenBao Transit can join, which do not use the database: seal before a transaction begins.
 */
export type KeyDriver = {
  /** Number in sealed bytes; for ever. */
  readonly number: number
  /** Makes the member's key at its first use. */
  wrap(
    db: KeysDb,
    account: string,
    dataKey: Uint8Array,
    aad: Uint8Array,
  ): Promise<{ keyVersion: number; wrapped: Uint8Array }>
  /** @throws IntegrityError('sealed_bytes') for anything else than wrap made; also after the key was shredded */
  unwrap(
    db: KeysDb,
    account: string,
    keyVersion: number,
    wrapped: Uint8Array,
    aad: Uint8Array,
  ): Promise<Uint8Array>
  /** A new version of the member's key; what older ones wrapped still opens. Answers the version. */
  rotate(db: KeysDb, account: string): Promise<number>
  /** Deletes all versions of the member's key: nothing that they wrapped can ever be opened again. */
  shred(db: KeysDb, account: string): Promise<void>
}
