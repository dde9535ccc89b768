import { ByteReader, ByteWriter } from '../byte-io.ts'
import { type Bytes, equalBytes, utf8 } from '../bytes.ts'
import { IntegrityError } from '../integrity-error.ts'
import {
  bodyLimitBytes,
  decodeEntry,
  decodeStampedEntry,
  encodeEntry,
  encodeStampedEntry,
  factsLimitBytes,
  type SignedEntry,
  type StampedEntry,
} from './entry.ts'
import { decodeGenesis, encodeGenesis, type Genesis, genesisBytes } from './genesis.ts'
import { readReceipt, type Receipt, writeReceipt } from './receipt.ts'

/** Entries for one log; with `genesis` the append begins the log. */
export type LogAppend = {
  readonly log: Bytes
  readonly genesis: Genesis | undefined
  readonly entries: readonly SignedEntry[]
}

/** A page of one log: entries after `after`, and the receipt of the newest head. */
export type LogPage = {
  readonly log: Bytes
  readonly genesis: Genesis
  readonly after: number
  readonly entries: readonly StampedEntry[]
  readonly receipt: Receipt
}

const appendMagic = utf8('hha1')
const receiptsMagic = utf8('hhr1')
const pageMagic = utf8('hhp1')
const entryLimitBytes = factsLimitBytes + bodyLimitBytes + 1024

const expectMagic = (reader: ByteReader, magic: Uint8Array): void => {
  if (!equalBytes(reader.bytes(4), magic))
    throw new IntegrityError('malformed', 'Not the expected format.')
}

/** The body of an append: all its logs commit together or not at all. */
export const encodeAppend = (logs: readonly LogAppend[]): Bytes => {
  const writer = new ByteWriter(4096).bytes(appendMagic).u16(logs.length)
  for (const { log, genesis, entries } of logs) {
    writer.bytes(log).u8(genesis ? 1 : 0)
    if (genesis) writer.bytes(encodeGenesis(genesis))
    writer.u16(entries.length)
    for (const entry of entries) writer.sized(encodeEntry(entry))
  }
  return writer.finish()
}

export const decodeAppend = (bytes: Uint8Array): LogAppend[] => {
  const reader = new ByteReader(bytes)
  expectMagic(reader, appendMagic)
  const logs: LogAppend[] = []
  const logCount = reader.u16()
  for (let i = 0; i < logCount; i++) {
    const log = reader.bytes(16)
    const hasGenesis = reader.u8()
    if (hasGenesis > 1) throw new IntegrityError('malformed', 'Unknown append flag.')
    const genesis = hasGenesis ? decodeGenesis(reader.bytes(genesisBytes)) : undefined
    const entries: SignedEntry[] = []
    const entryCount = reader.u16()
    for (let j = 0; j < entryCount; j++) entries.push(decodeEntry(reader.sized(entryLimitBytes)))
    logs.push({ log, genesis, entries })
  }
  reader.end()
  return logs
}

/** The answer to an append: one receipt per log, in the append's order. */
export const encodeReceipts = (receipts: readonly Receipt[]): Bytes => {
  const writer = new ByteWriter(8 + receipts.length * 128).bytes(receiptsMagic).u16(receipts.length)
  for (const receipt of receipts) writeReceipt(writer, receipt)
  return writer.finish()
}

export const decodeReceipts = (bytes: Uint8Array): Receipt[] => {
  const reader = new ByteReader(bytes)
  expectMagic(reader, receiptsMagic)
  const receipts = Array.from({ length: reader.u16() }, () => readReceipt(reader))
  reader.end()
  return receipts
}

/**
 * A page, from parts that the server keeps encoded: `stamped` are encodeStampedEntry bytes.
 * The same bytes go out as an answer and as a socket frame, built once.
 */
export const encodePageParts = (
  log: Uint8Array,
  genesis: Uint8Array,
  after: number,
  stamped: readonly Uint8Array[],
  receipt: Receipt,
): Bytes => {
  const size = stamped.reduce((sum, bytes) => sum + bytes.length + 4, 256)
  const writer = new ByteWriter(size)
    .bytes(pageMagic)
    .bytes(log)
    .bytes(genesis)
    .u64(after)
    .u16(stamped.length)
  for (const bytes of stamped) writer.sized(bytes)
  return writeReceipt(writer, receipt).finish()
}

export const encodePage = (page: LogPage): Bytes =>
  encodePageParts(
    page.log,
    encodeGenesis(page.genesis),
    page.after,
    page.entries.map(encodeStampedEntry),
    page.receipt,
  )

export const decodePage = (bytes: Uint8Array): LogPage => {
  const reader = new ByteReader(bytes)
  expectMagic(reader, pageMagic)
  const log = reader.bytes(16)
  const genesis = decodeGenesis(reader.bytes(genesisBytes))
  const after = reader.u64()
  const entries: StampedEntry[] = []
  const count = reader.u16()
  for (let i = 0; i < count; i++)
    entries.push(decodeStampedEntry(reader.sized(entryLimitBytes + 24)))
  const receipt = readReceipt(reader)
  reader.end()
  return { log, genesis, after, entries, receipt }
}
