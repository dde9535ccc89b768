import { ByteReader, ByteWriter } from '../byte-io.ts'
import { type Bytes, equalBytes, utf8 } from '../bytes.ts'
import { IntegrityError } from '../integrity-error.ts'

/** A place in a log: its number and the chain hash there. Number 0 is the genesis. */
export type Place = { readonly seq: number; readonly chain: Bytes }

/** The signed part of an entry (docs/formats/logs.md 2). Ids are 16 bytes, hashes 32. */
export type Header = {
  readonly rules: number
  readonly kind: number
  readonly log: Bytes
  /** Log id of the author's account. */
  readonly author: Bytes
  readonly device: Bytes
  /** This device's counter in this log, from 1, and the hash of its previous header here (zeros at 1). */
  readonly own: number
  readonly ownPrev: Bytes
  /** Strict logs: the entry before this one. Relaxed logs: the newest the author had seen. */
  readonly seen: Place
  /** The governing log as the author knew it; zeros where there is none. */
  readonly basis: Place
  /** The author's clock, ms since 1970. Informative: order and limits come from the stamp. */
  readonly clock: number
  readonly epoch: number
  readonly factsHash: Bytes
  readonly bodyHash: Bytes
}

export const headerBytes = 252
const magic = utf8('hhe1')

export const noPlace: Place = { seq: 0, chain: new Uint8Array(32) }

/**
 * In a strict log, an append of several entries by one device names the place before its second and later
 * entries by number and this: the chain there depends on the stamp, which the author cannot know yet. `ownPrev`
 * binds such an entry to the one before it, and the number to its place.
 */
export const unstampedChain: Bytes = new Uint8Array(32)

export const encodeHeader = (header: Header): Bytes => {
  const bytes = new ByteWriter(headerBytes)
    .bytes(magic)
    .u16(header.rules)
    .u16(header.kind)
    .bytes(header.log)
    .bytes(header.author)
    .bytes(header.device)
    .u64(header.own)
    .bytes(header.ownPrev)
    .u64(header.seen.seq)
    .bytes(header.seen.chain)
    .u64(header.basis.seq)
    .bytes(header.basis.chain)
    .u64(header.clock)
    .u32(header.epoch)
    .bytes(header.factsHash)
    .bytes(header.bodyHash)
    .finish()
  if (bytes.length !== headerBytes) throw new RangeError('header field of a wrong length')
  return bytes
}

/** Reads 252 bytes (views, not copies); throws IntegrityError('malformed'). */
export const decodeHeader = (bytes: Uint8Array): Header => {
  const reader = new ByteReader(bytes)
  if (!equalBytes(reader.bytes(4), magic))
    throw new IntegrityError('malformed', 'Not an entry header.')
  const header: Header = {
    rules: reader.u16(),
    kind: reader.u16(),
    log: reader.bytes(16),
    author: reader.bytes(16),
    device: reader.bytes(16),
    own: reader.u64(),
    ownPrev: reader.bytes(32),
    seen: { seq: reader.u64(), chain: reader.bytes(32) },
    basis: { seq: reader.u64(), chain: reader.bytes(32) },
    clock: reader.u64(),
    epoch: reader.u32(),
    factsHash: reader.bytes(32),
    bodyHash: reader.bytes(32),
  }
  reader.end()
  return header
}
