import { ZSTDDecoder } from 'zstddec/stream'
import { ResticError } from './restic-error.ts'

type Exports = {
  readonly memory: WebAssembly.Memory
  malloc(bytes: number): number
  free(at: number): void
  ZSTD_createDCtx(): number
  ZSTD_freeDCtx(context: number): number
  ZSTD_decompress(to: number, room: number, from: number, bytes: number): number
  ZSTD_decompressStream(context: number, output: number, input: number): number
}

let machine: Exports | undefined

/**
 * zstddec's own `decode` and `decodeStreaming` take errors for lengths, end neither for damaged input nor in bounds, and
 * leave memory behind; this class gets at the module inside, which is zstd's own code.
 */
class Decoder extends ZSTDDecoder {
  override _init(result: WebAssembly.WebAssemblyInstantiatedSource): void {
    const { instance } = result
    // The library must know it too: it is told whenever the memory grows, and would throw in the middle of the call.
    // oxlint-disable-next-line no-underscore-dangle -- the library's own name
    super._init(result)
    // What the module exports is known for the pinned version; the tests would tell.
    machine = instance.exports as unknown as Exports
  }
}

/** Answers the one request that zstddec makes, for a data: address. The app's policy lets no page fetch such. */
const readDataUrl = async (url: unknown): Promise<Response> => {
  const text = atob(String(url).replace(/^data:[^,]*,/, ''))
  return new Response(Uint8Array.from(text, (character) => character.charCodeAt(0)))
}

let starting: Promise<void> | undefined
const start = (): Promise<void> => {
  const { fetch } = globalThis
  try {
    // `init` calls fetch before it returns, so that nobody else ever sees this one.
    globalThis.fetch = readDataUrl
    return new Decoder().init().then(() => undefined)
  } finally {
    globalThis.fetch = fetch
  }
}

/** Loads the decoder; `decompress` needs it. */
export const startZstd = (): Promise<void> => (starting ??= start())

const loaded = (): Exports => {
  if (!machine) throw new Error('startZstd comes first')
  return machine
}

const damaged = (what: string) =>
  new ResticError('damaged', `${what} is damaged: it is no valid zstd frame of its length.`)

const isError = (result: number): boolean => result >>> 0 > 0xffff_ff00

/** Memory of the module, given back whatever happens. */
const withRoom = <T>(sizes: readonly number[], work: (...at: number[]) => T): T => {
  const { malloc, free } = loaded()
  const rooms: number[] = []
  try {
    for (const size of sizes) {
      const at = malloc(Math.max(1, size))
      if (at === 0) throw new ResticError('too_large', 'There is not enough memory to unpack it.')
      rooms.push(at)
    }
    return work(...rooms)
  } finally {
    for (const at of rooms) free(at)
  }
}

/** One frame that unpacks to exactly `sizeBytes`. Throws `damaged`. */
export const decompress = (
  packed: Uint8Array,
  sizeBytes: number,
  what: string,
): Uint8Array<ArrayBuffer> =>
  withRoom([packed.length, sizeBytes], (from = 0, to = 0) => {
    const { memory, ZSTD_decompress } = loaded()
    new Uint8Array(memory.buffer).set(packed, from)
    const written = ZSTD_decompress(to, sizeBytes, from, packed.length)
    if (written !== sizeBytes) throw damaged(what)
    return new Uint8Array(memory.buffer).slice(to, to + written)
  })

const pieceBytes = 256 * 1024

/** A frame of unknown length. Throws `too_large` beyond `limitBytes`, before more than that is unpacked, and `damaged`. */
export const decompressUnknown = (
  packed: Uint8Array,
  limitBytes: number,
  what: string,
): Uint8Array<ArrayBuffer> =>
  withRoom([packed.length, pieceBytes, 24], (from = 0, to = 0, buffers = 0) => {
    const { memory, ZSTD_createDCtx, ZSTD_freeDCtx, ZSTD_decompressStream } = loaded()
    const context = ZSTD_createDCtx()
    if (context === 0)
      throw new ResticError('too_large', 'There is not enough memory to unpack it.')
    try {
      new Uint8Array(memory.buffer).set(packed, from)
      const parts: Uint8Array[] = []
      let [sizeBytes, taken, result] = [0, 0, 1]
      // Ends: every turn takes input or gives output, and of both there is a limit.
      while (taken < packed.length || result !== 0) {
        const before = new DataView(memory.buffer, buffers, 24)
        for (const [index, value] of [to, pieceBytes, 0, from, packed.length, taken].entries())
          before.setUint32(index * 4, value, true)
        result = ZSTD_decompressStream(context, buffers, buffers + 12)
        if (isError(result)) throw damaged(what)
        // The memory may have grown meanwhile.
        const after = new DataView(memory.buffer, buffers, 24)
        const [written, position] = [after.getUint32(8, true), after.getUint32(20, true)]
        if (written === 0 && position === taken) throw damaged(what)
        taken = position
        sizeBytes += written
        if (sizeBytes > limitBytes)
          throw new ResticError('too_large', `${what} unpacks to more than this reader takes.`)
        parts.push(new Uint8Array(memory.buffer).slice(to, to + written))
      }
      return joined(parts, sizeBytes)
    } finally {
      ZSTD_freeDCtx(context)
    }
  })

const joined = (parts: readonly Uint8Array[], sizeBytes: number): Uint8Array<ArrayBuffer> => {
  const whole = new Uint8Array(sizeBytes)
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.length
  }
  return whole
}
