/** What may come back from an append, and how to go on after it. */
import { NetworkError } from '@hearthold/client'
import { ProblemError, type ProblemCode } from '@hearthold/contract'
import { decodeReceipts, equalBytes, IntegrityError, type Receipt } from '@hearthold/crypto'

/** Others wrote meanwhile, or this device did from another process: read, build anew, try again. */
const rebaseCodes: readonly ProblemCode[] = [
  'head_moved',
  'base_stale',
  'epoch_stale',
  'own_chain_broken',
]

/** More than this many rebases in a row means that something else is wrong. */
export const appendAttempts = 8

export const needsRebase = (error: unknown): boolean =>
  error instanceof ProblemError && rebaseCodes.includes(error.code)

/** The request may have reached the server although no answer came back. */
export const mayHaveArrived = (error: unknown): boolean =>
  error instanceof NetworkError && error.sent

/** The receipts of an append over these logs, in their order; IntegrityError('log_receipt') for any others. */
export const receiptsFor = (bytes: Uint8Array, logs: readonly Uint8Array[]): Receipt[] => {
  const receipts = decodeReceipts(bytes)
  const fits =
    receipts.length === logs.length && receipts.every(({ log }, i) => equalBytes(log, logs[i]!))
  if (!fits)
    throw new IntegrityError('log_receipt', 'The receipts are of other logs than the append.')
  return receipts
}

/** After a sync: the receipt must lie on the history that was read. */
export const checkOnHistory = (
  receipt: Receipt,
  replica: { chainAt(seq: number): Uint8Array | undefined },
): void => {
  const chain = replica.chainAt(receipt.seq)
  if (!chain || !equalBytes(chain, receipt.chain)) {
    throw new IntegrityError(
      'log_chain',
      'What the server shows is not what it gave a receipt for.',
    )
  }
}
