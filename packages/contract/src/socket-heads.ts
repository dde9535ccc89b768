/** Where a log stands, as `follow` tells it. Nothing of it is signed: who needs to be sure reads the log. */
export type SocketHead = {
  /** 32 hex digits. */
  readonly log: string
  /** The newest entry's number, which is how many entries the log has had. */
  readonly seq: number
  /** The server's time of the newest entry, ms since 1970. */
  readonly at: number
  /** The first 4 bytes of its chain hash, as 8 hex digits: another history shows also where its length is the same. */
  readonly chainStart: string
}

const magic = 'hhf1'
const magicBytes = 4
const idBytes = 16
const timeBytes = 6
const chainBytes = 4
/** 2^53 - 1 in groups of seven bits. */
const longestNumberBytes = 8

const hexOf = (bytes: Uint8Array): string => {
  let text = ''
  for (const byte of bytes) text += byte.toString(16).padStart(2, '0')
  return text
}

const numberBytes = (value: number): number => {
  let count = 1
  for (let left = value; left >= 128; left = Math.floor(left / 128)) count++
  return count
}

/** Seven bits a byte, the lowest first; all but the last have the highest bit set. */
const writeNumber = (bytes: Uint8Array, at: number, value: number): number => {
  let left = value
  let place = at
  for (; left >= 128; left = Math.floor(left / 128)) bytes[place++] = (left % 128) | 128
  bytes[place++] = left
  return place
}

const writeHex = (bytes: Uint8Array, at: number, text: string, count: number): number => {
  for (let i = 0; i < count; i++) bytes[at + i] = Number.parseInt(text.slice(2 * i, 2 * i + 2), 16)
  return at + count
}

const writeTime = (bytes: Uint8Array, at: number, ms: number): number => {
  let left = ms
  for (let i = timeBytes - 1; i >= 0; i--) {
    bytes[at + i] = left % 256
    left = Math.floor(left / 256)
  }
  return at + timeBytes
}

/** All heads as one binary socket frame: docs/formats/socket.md. */
export const encodeHeads = (heads: readonly SocketHead[]): Uint8Array<ArrayBuffer> => {
  let sizeBytes = magicBytes
  for (const { seq } of heads) sizeBytes += idBytes + numberBytes(seq) + timeBytes + chainBytes
  const bytes = new Uint8Array(sizeBytes)
  for (let i = 0; i < magicBytes; i++) bytes[i] = magic.charCodeAt(i)
  let at = magicBytes
  for (const head of heads) {
    at = writeHex(bytes, at, head.log, idBytes)
    at = writeNumber(bytes, at, head.seq)
    at = writeTime(bytes, at, head.at)
    at = writeHex(bytes, at, head.chainStart, chainBytes)
  }
  return bytes
}

/** True for a frame of heads; every other binary frame is a page. */
export const isHeadsFrame = (frame: Uint8Array): boolean => {
  for (let i = 0; i < magicBytes; i++) if (frame[i] !== magic.charCodeAt(i)) return false
  return true
}

class Reader {
  readonly #bytes: Uint8Array
  at = magicBytes

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  get atEnd(): boolean {
    return this.at === this.#bytes.length
  }

  take(count: number): Uint8Array {
    if (count > this.#bytes.length - this.at) throw new RangeError('a frame of heads ends early')
    this.at += count
    return this.#bytes.subarray(this.at - count, this.at)
  }

  /** Refuses what `writeNumber` does not write: a second form of a number, and more than 2^53 - 1. */
  number(): number {
    let value = 0
    for (let i = 0; i < longestNumberBytes; i++) {
      const byte = this.take(1)[0]!
      value += (byte % 128) * 128 ** i
      if (byte >= 128) continue
      if ((byte === 0 && i > 0) || value > Number.MAX_SAFE_INTEGER) break
      return value
    }
    throw new RangeError('a number in a frame of heads is malformed')
  }

  time(): number {
    let ms = 0
    for (const byte of this.take(timeBytes)) ms = ms * 256 + byte
    return ms
  }
}

/** Reads what encodeHeads wrote. @throws RangeError for anything else */
export const decodeHeads = (frame: Uint8Array): SocketHead[] => {
  if (!isHeadsFrame(frame)) throw new RangeError('not a frame of heads')
  const reader = new Reader(frame)
  const heads: SocketHead[] = []
  while (!reader.atEnd) {
    const log = hexOf(reader.take(idBytes))
    const seq = reader.number()
    const at = reader.time()
    heads.push({ log, seq, at, chainStart: hexOf(reader.take(chainBytes)) })
  }
  return heads
}
