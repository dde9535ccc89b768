import {
  type AnswerOf,
  type BodyOf,
  type getRegister,
  ProblemError,
  type putRegister,
} from '@hearthold/contract'
import {
  equalBytes,
  fromHex,
  IntegrityError,
  registerOverheadBytes,
  sealedRegisterLimitBytes,
  toHex,
  verifyRegister,
} from '@hearthold/crypto'
import type { Transaction } from 'kysely'
import { inTransaction } from '#platform/db/index.ts'
import type { Asker, LogFeatureDeps } from './deps.ts'
import { activeDeviceKey, bytesOfB64 } from './device-key.ts'
import { countRegisters, findRegister, type RegisterRow, saveRegister } from './store.ts'
import type { LogFeatureTables } from './tables.ts'

export type Register = AnswerOf<typeof getRegister>
export type NewRegister = BodyOf<typeof putRegister>

const checkLength = ({ length }: Uint8Array): void => {
  if (length < registerOverheadBytes || length > sealedRegisterLimitBytes) {
    throw new ProblemError('bad_request', 'A sealed register value has 32 to 65,536 bytes.')
  }
}

const isSame = (a: RegisterRow, b: RegisterRow): boolean =>
  a.version === b.version && equalBytes(a.sealed_value, b.sealed_value)

/** Registers: the newest value of each of an account's own names, replaced by compare and set. */
export const registers = (deps: LogFeatureDeps) => {
  const { db, clock, logs, objects, registersLimit = 4096 } = deps

  const checkSigned = async (asker: Asker, row: RegisterRow): Promise<void> => {
    const key = activeDeviceKey(await logs.accountView(asker.log), row.device)
    const place = { owner: fromHex(row.owner), name: row.name, version: row.version }
    try {
      await verifyRegister(key, place, row.sealed_value, row.signature)
    } catch (error) {
      if (!(error instanceof IntegrityError)) throw error
      throw new ProblemError('signature_invalid', 'The device did not sign this register.')
    }
  }

  const replace = async (trx: Transaction<LogFeatureTables>, row: RegisterRow): Promise<void> => {
    const found = await findRegister(trx, row.owner, row.name)
    // The first answer was lost.
    if (found && isSame(found, row)) return
    const version = found?.version ?? 0
    if (row.version !== version + 1) {
      throw new ProblemError('register_moved', undefined, { extra: { version } })
    }
    if (!found && (await countRegisters(trx, row.owner)) >= registersLimit) {
      throw new ProblemError('over_quota', 'This account has as many registers as it may have.')
    }
    const added = row.sealed_value.length - (found?.sealed_value.length ?? 0)
    await objects.addEntryBytes(trx as unknown as Transaction<unknown>, row.owner, added)
    await saveRegister(trx, row)
  }

  return {
    get: async ({ account }: Asker, name: string): Promise<Register> => {
      const found = await findRegister(db, account, name)
      if (!found) throw new ProblemError('not_found', 'There is no such register yet.')
      return {
        name: found.name,
        version: found.version,
        device: found.device,
        sealedValue: Buffer.from(found.sealed_value).toString('base64url'),
        signature: toHex(found.signature),
        updatedAt: found.updated_at,
      }
    },

    put: async (asker: Asker, wanted: NewRegister): Promise<{ version: number }> => {
      const { name, version, device } = wanted
      const row: RegisterRow = {
        owner: asker.account,
        name,
        version,
        device,
        sealed_value: bytesOfB64(wanted.sealedValue),
        signature: fromHex(wanted.signature),
        updated_at: clock.now(),
      }
      checkLength(row.sealed_value)
      await checkSigned(asker, row)
      await inTransaction(db, (trx) => replace(trx, row))
      return { version }
    },
  }
}
