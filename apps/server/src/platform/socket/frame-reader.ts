/** Why a frame ends its socket; `code` is a close code of RFC 6455, section 7.4.1. */
export class FrameError extends Error {
  readonly code: 1002 | 1003 | 1009

  constructor(code: FrameError['code'], message: string) {
    super(message)
    this.name = 'FrameError'
    this.code = code
  }
}

export type FrameSink = {
  /** Bytes of a binary message, in order; the memory is the chunk's. */
  data(part: Uint8Array): void
  /** A whole ping, pong or close frame. */
  control(opcode: ControlOpcode, payload: Uint8Array): void
}

export const opcodes = { text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const
export type ControlOpcode = 8 | 9 | 10

const continuation = 0
const controlLimitBytes = 125
const longestHeadBytes = 14

/** Flips `bytes` with a mask of four bytes, whose byte `phase` comes first: four bytes at a time where they lie well. */
const unmask = (bytes: Uint8Array, mask: Uint8Array, phase: number): void => {
  const { length, byteOffset } = bytes
  const start = Math.min(length, (4 - (byteOffset & 3)) & 3)
  for (let at = 0; at < start; at++) bytes[at]! ^= mask[(phase + at) & 3]!
  const count = (length - start) >> 2
  if (count > 0) unmaskWords(bytes, start, count, mask, phase)
  for (let at = start + count * 4; at < length; at++) bytes[at]! ^= mask[(phase + at) & 3]!
}

const unmaskWords = (
  bytes: Uint8Array,
  start: number,
  count: number,
  mask: Uint8Array,
  phase: number,
): void => {
  const words = new Int32Array(bytes.buffer, bytes.byteOffset + start, count)
  // Both are read in the machine's own order, so that none is preferred.
  const turned = Uint8Array.from(mask, (_byte, at) => mask[(phase + start + at) & 3]!)
  const word = new Int32Array(turned.buffer)[0]!
  for (let at = 0; at < count; at++) words[at]! ^= word
}

/**
 * Reads the frames of a client that sends binary messages (RFC 6455, section 5), and hands their bytes on as they come, not
 * only when a frame or a message is whole. A mask is taken off in place.
 */
export class FrameReader {
  readonly #sink: FrameSink
  readonly #limitBytes: number
  readonly #head = Buffer.alloc(longestHeadBytes)
  #headBytes = 0
  #opcode = 0
  #inMessage = false
  #leftBytes = 0
  readonly #mask = new Uint8Array(4)
  #phase = 0
  #control: number[] = []

  /** @param limitBytes the longest payload of one frame */
  constructor(sink: FrameSink, limitBytes: number) {
    this.#sink = sink
    this.#limitBytes = limitBytes
  }

  /**
   * Takes the next bytes of the connection, and writes into them.
   * @throws FrameError where they are no frame that may come
   */
  take(chunk: Uint8Array): void {
    for (let at = 0; at < chunk.length;) {
      if (this.#leftBytes === 0) {
        at = this.#readHead(chunk, at)
        continue
      }
      const part = chunk.subarray(at, at + this.#leftBytes)
      at += part.length
      this.#readPayload(part)
    }
  }

  #readPayload(part: Uint8Array): void {
    unmask(part, this.#mask, this.#phase)
    this.#phase = (this.#phase + part.length) & 3
    this.#leftBytes -= part.length
    if (this.#opcode <= opcodes.binary) return this.#sink.data(part)
    this.#control.push(...part)
    if (this.#leftBytes === 0) this.#endControl()
  }

  #readHead(chunk: Uint8Array, from: number): number {
    const head = this.#head
    let at = from
    while (at < chunk.length) {
      head[this.#headBytes++] = chunk[at++]!
      if (this.#headBytes === 2) this.#checkHead(head[0]!, head[1]!)
      if (this.#headBytes >= 2 && this.#headBytes === this.#headLength()) {
        this.#begin()
        break
      }
    }
    return at
  }

  /** Two bytes, the length where it is long, and the mask. */
  #headLength(): number {
    const length = this.#head[1]! & 127
    return length === 127 ? 14 : length === 126 ? 8 : 6
  }

  #checkHead(first: number, second: number): void {
    const opcode = first & 15
    if ((first & 0x70) !== 0) throw new FrameError(1002, 'No extension was agreed.')
    if ((second & 0x80) === 0) throw new FrameError(1002, 'A frame of a client is masked.')
    if (opcode === opcodes.text) throw new FrameError(1003, 'Only binary frames are taken.')
    const isControl = opcode >= opcodes.close && opcode <= opcodes.pong
    if (isControl) {
      const isWhole = (first & 0x80) !== 0 && (second & 127) <= controlLimitBytes
      if (!isWhole) throw new FrameError(1002, 'A control frame is short and whole.')
    } else if (opcode > opcodes.binary || (opcode === continuation) !== this.#inMessage)
      throw new FrameError(1002, 'This frame cannot come here.')
  }

  #begin(): void {
    const head = this.#head
    const short = head[1]! & 127
    const length =
      short === 127 ? Number(head.readBigUInt64BE(2)) : short === 126 ? head.readUInt16BE(2) : short
    if (length > this.#limitBytes) throw new FrameError(1009, 'A frame is longer than it may be.')
    this.#mask.set(head.subarray(this.#headBytes - 4, this.#headBytes))
    this.#opcode = head[0]! & 15
    this.#headBytes = 0
    this.#leftBytes = length
    this.#phase = 0
    if (this.#opcode <= opcodes.binary) this.#inMessage = (head[0]! & 0x80) === 0
    else if (length === 0) this.#endControl()
  }

  #endControl(): void {
    const payload = Uint8Array.from(this.#control)
    this.#control = []
    this.#sink.control(this.#opcode as ControlOpcode, payload)
  }
}

/** A whole frame of a server: text, or a close or pong frame (RFC 6455, section 5.2). At most 64 KiB. */
export const serverFrame = (opcode: number, payload: Uint8Array): Buffer => {
  const { length } = payload
  const head =
    length < 126 ? [0x80 | opcode, length] : [0x80 | opcode, 126, length >> 8, length & 255]
  return Buffer.concat([Buffer.from(head), payload])
}
