import { type AnswerOf, type getCheckpoint, ProblemError } from '@hearthold/contract'
import {
  type CheckpointHeader,
  decodeCheckpointHeader,
  equalBytes,
  fromHex,
  IntegrityError,
  openCheckpointHeader,
  toHex,
} from '@hearthold/crypto'
import type { Transaction } from 'kysely'
import { inTransaction } from '#platform/db/index.ts'
import type { Asker, LogFeatureDeps } from './deps.ts'
import { activeDeviceKey, bytesOfB64 } from './device-key.ts'
import { type CheckpointRow, findCheckpoint, saveCheckpoint } from './store.ts'
import type { LogFeatureTables } from './tables.ts'

export type Checkpoint = AnswerOf<typeof getCheckpoint>

const invalid = (detail: string): ProblemError => new ProblemError('entry_invalid', detail)

const readHeader = (bytes: Uint8Array): CheckpointHeader => {
  try {
    return decodeCheckpointHeader(bytes)
  } catch (error) {
    if (!(error instanceof IntegrityError)) throw error
    throw invalid('The checkpoint header is not in the format of docs/formats/checkpoint.md.')
  }
}

const checkSigned = async (header: Uint8Array, signature: Uint8Array, key: Uint8Array) => {
  try {
    await openCheckpointHeader(header, signature, key)
  } catch (error) {
    if (!(error instanceof IntegrityError)) throw error
    throw new ProblemError('signature_invalid', 'The device did not sign this checkpoint.')
  }
}

/** The signed header must say what the request says, of this log and by this account. */
const checkHeader = (
  header: CheckpointHeader,
  claimed: { asker: Asker; log: string; checkpoint: Checkpoint },
): void => {
  const { asker, log, checkpoint } = claimed
  const says =
    toHex(header.log) === log &&
    toHex(header.author) === asker.log &&
    header.seq === checkpoint.seq &&
    toHex(header.tree) === checkpoint.tree &&
    toHex(header.keys) === checkpoint.keys
  if (!says) throw invalid('The signed header says something else than the request.')
  if (checkpoint.tree === checkpoint.keys) throw invalid('Tree and keys are two objects.')
}

/** Checkpoints: the newest of each log, so that readers need not replay from the start. */
export const checkpoints = ({ db, logs, objects }: LogFeatureDeps) => {
  const checkReader = async (asker: Asker, log: string): Promise<void> => {
    if (!(await logs.mayRead(asker.log, log))) throw new ProblemError('not_found')
  }

  /** Newer replaces older. The same one again is answered as if it were new: the first answer was lost. */
  const replace = async (
    trx: Transaction<LogFeatureTables>,
    asker: Asker,
    row: CheckpointRow,
  ): Promise<void> => {
    const found = await findCheckpoint(trx, row.log)
    if (found && found.seq >= row.seq) {
      if (equalBytes(found.header, row.header)) return
      throw new ProblemError('head_moved', 'There is a checkpoint as new as this.', {
        extra: { seq: found.seq },
      })
    }
    const on = trx as unknown as Transaction<unknown>
    const parts = [row.tree, row.keys]
    await objects.checkReferencable(on, {
      actor: asker,
      references: parts.map((object) => ({ object })),
      mayRead: (log) => logs.mayRead(asker.log, log),
    })
    await objects.markReferenced(on, row.log, parts, 'checkpoint')
    const old = found ? [found.tree, found.keys].filter((part) => !parts.includes(part)) : []
    if (old.length > 0) await objects.release(on, row.log, old, 'checkpoint')
    await saveCheckpoint(trx, row)
  }

  return {
    get: async (asker: Asker, log: string): Promise<Checkpoint> => {
      await checkReader(asker, log)
      const found = await findCheckpoint(db, log)
      if (!found) throw new ProblemError('not_found', 'This log has no checkpoint.')
      const { seq, tree, keys, header, signature } = found
      return {
        ...{ seq, tree, keys },
        header: Buffer.from(header).toString('base64url'),
        signature: toHex(signature),
      }
    },

    put: async (asker: Asker, log: string, checkpoint: Checkpoint): Promise<{ seq: number }> => {
      await checkReader(asker, log)
      const headerBytes = bytesOfB64(checkpoint.header)
      const header = readHeader(headerBytes)
      checkHeader(header, { asker, log, checkpoint })
      const view = await logs.accountView(asker.log)
      const signature = fromHex(checkpoint.signature)
      await checkSigned(headerBytes, signature, activeDeviceKey(view, toHex(header.device)))
      const chain = await logs.chainAt(log, header.seq)
      if (!chain || !equalBytes(chain, header.chain)) {
        throw invalid('The checkpoint is of another history than this log.')
      }
      const { seq, tree, keys } = checkpoint
      const row = { log, seq, tree, keys, header: headerBytes, signature }
      await inTransaction(db, (trx) => replace(trx, asker, row))
      return { seq }
    },
  }
}
