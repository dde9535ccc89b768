import { ByteReader, ByteWriter } from '../byte-io.ts'
import type { Bytes } from '../bytes.ts'
import { IntegrityError } from '../integrity-error.ts'
import { sign, verifySignature } from '../signature.ts'

/** The server's promise: log `log` stood at number `seq` with hash `chain` at time `at`. */
export type Receipt = {
  readonly log: Bytes
  readonly seq: number
  readonly chain: Bytes
  readonly at: number
  readonly signature: Bytes
}

export const receiptBytes = 128
const label = 'hearthold/v1/receipt'

/** Signs a head with the instance's signing seed. */
export const signReceipt = async (
  head: Omit<Receipt, 'signature'>,
  instanceSeed: Uint8Array,
): Promise<Receipt> => ({
  ...head,
  signature: await sign(instanceSeed, label, head.log, head.seq, head.chain, head.at),
})

/** Throws IntegrityError('log_receipt') unless the instance signed it. */
export const verifyReceipt = async (receipt: Receipt, instanceKey: Uint8Array): Promise<void> => {
  const { log, seq, chain, at, signature } = receipt
  if (!(await verifySignature(instanceKey, signature, label, log, seq, chain, at))) {
    throw new IntegrityError('log_receipt', 'The receipt was not signed by this instance.')
  }
}

export const writeReceipt = (writer: ByteWriter, receipt: Receipt): ByteWriter =>
  writer
    .bytes(receipt.log)
    .u64(receipt.seq)
    .bytes(receipt.chain)
    .u64(receipt.at)
    .bytes(receipt.signature)

export const readReceipt = (reader: ByteReader): Receipt => ({
  log: reader.bytes(16),
  seq: reader.u64(),
  chain: reader.bytes(32),
  at: reader.u64(),
  signature: reader.bytes(64),
})
