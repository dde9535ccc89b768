/**
 * A zip that is made while it is read: nothing of it lies anywhere as a whole. Entries are stored as they are, each with
 * its length and CRC-32 behind it; beyond 4 GiB or 65,534 entries in the form of zip64.
 */
import { crc32 } from './crc-32.ts'

/** The earliest time that a zip can tell: 1980. */
const earliestMs = 315_532_800_000

/** The time of an entry; `at` in ms since 1970. */
export const zipDate = (at: number): Date => new Date(Math.max(at, earliestMs))

type Bytes = Uint8Array<ArrayBuffer>

export type ZipInput = {
  /** Path in the zip; folders end with a slash, and have no input. */
  readonly name: string
  readonly lastModified: Date
  readonly input?: Bytes | AsyncIterable<Bytes>
  /** Asked when the input has ended: true where it came to nothing, and the entry is to be left out. */
  readonly isVoid?: () => boolean
}

/** Numbers in a row, least byte first: pairs of bytes taken (2, 4, 8) and value. */
const record = (...fields: readonly (readonly [2 | 4 | 8, number])[]): Bytes => {
  const view = new DataView(new ArrayBuffer(fields.reduce((sum, [size]) => sum + size, 0)))
  let at = 0
  for (const [size, value] of fields) {
    if (size === 2) view.setUint16(at, value, true)
    else if (size === 4) view.setUint32(at, value, true)
    else view.setBigUint64(at, BigInt(value), true)
    at += size
  }
  return new Uint8Array(view.buffer)
}

const most = 0xffffffff
const mostEntries = 0xffff
/** What a zip ends with, and what comes before that in zip64. */
const [endBytes, largeEndBytes] = [22, 76]
/** Version 4.5 (zip64), made by one that has modes as Unix; lengths behind the content, names in UTF-8. */
const [version, madeBy, flags] = [45, 0x032d, 0x0808]
const [fileMode, folderMode] = [0o100664, 0o040775]

const dosTime = (date: Date): number =>
  (date.getSeconds() >> 1) | (date.getMinutes() << 5) | (date.getHours() << 11)
const dosDate = (date: Date): number =>
  date.getDate() | ((date.getMonth() + 1) << 5) | (Math.min(127, date.getFullYear() - 1980) << 9)

type Entry = {
  readonly name: Bytes
  readonly date: Date
  readonly isFolder: boolean
  /** Where it begins in the zip. */
  readonly offset: number
  size: number
  crc: number
}

const localHeader = ({ name, date }: Entry): Bytes =>
  record(
    ...([
      [4, 0x04034b50],
      [2, version],
      [2, flags],
      [2, 0],
    ] as const),
    ...([
      [2, dosTime(date)],
      [2, dosDate(date)],
      [4, 0],
      [4, 0],
      [4, 0],
    ] as const),
    ...([
      [2, name.length],
      [2, 0],
    ] as const),
  )

const descriptor = ({ crc, size }: Entry): Bytes => {
  const width = size >= most ? 8 : 4
  return record([4, 0x08074b50], [4, crc], [width, size], [width, size])
}

/** What does not fit into the directory's own fields. */
const zip64Extra = ({ size, offset }: Entry): Bytes => {
  const fields: (readonly [8, number])[] = []
  if (size >= most) fields.push([8, size], [8, size])
  if (offset >= most || size >= most) fields.push([8, offset])
  return fields.length === 0 ? new Uint8Array() : record([2, 1], [2, fields.length * 8], ...fields)
}

const directoryEntry = (entry: Entry): readonly Bytes[] => {
  const { name, date, isFolder, offset, size, crc } = entry
  const extra = zip64Extra(entry)
  const fits = (value: number) => Math.min(most, value)
  const header = record(
    ...([
      [4, 0x02014b50],
      [2, madeBy],
      [2, version],
      [2, flags],
      [2, 0],
    ] as const),
    ...([
      [2, dosTime(date)],
      [2, dosDate(date)],
      [4, crc],
      [4, fits(size)],
      [4, fits(size)],
    ] as const),
    ...([
      [2, name.length],
      [2, extra.length],
      [2, 0],
      [2, 0],
      [2, 0],
    ] as const),
    ...([
      [2, 0],
      [2, isFolder ? folderMode : fileMode],
    ] as const),
    [4, size >= most ? most : fits(offset)],
  )
  return [header, name, extra]
}

/** The end of a zip; `isLarge` where an entry has needed zip64. */
const ending = (
  count: number,
  offset: number,
  bytes: number,
  isLarge: boolean,
): readonly Bytes[] => {
  const short = (value: number) => Math.min(mostEntries, value)
  const end = record(
    ...([
      [4, 0x06054b50],
      [2, 0],
      [2, 0],
      [2, short(count)],
      [2, short(count)],
    ] as const),
    ...([
      [4, Math.min(most, bytes)],
      [4, Math.min(most, offset)],
      [2, 0],
    ] as const),
  )
  if (!isLarge && offset < most && count < mostEntries) return [end]
  const large = record(
    ...([
      [4, 0x06064b50],
      [8, 44],
      [2, madeBy],
      [2, version],
      [4, 0],
      [4, 0],
    ] as const),
    ...([
      [8, count],
      [8, count],
      [8, bytes],
      [8, offset],
    ] as const),
    ...([
      [4, 0x07064b50],
      [4, 0],
      [8, offset + bytes],
      [4, 1],
    ] as const),
  )
  return [large, end]
}

/** Exact bytes of a zip of entries of these names and sizes (0 for folders), none of which is left out. */
export const zipLength = (
  entries: Iterable<{ readonly name: string; readonly size: number }>,
): number => {
  let [offset, directory, count, isLarge] = [0, 0, 0, false]
  for (const { name, size } of entries) {
    const fixed = 46 + new TextEncoder().encode(name).length
    const large = size >= most
    directory += fixed + (large ? 28 : offset >= most ? 12 : 0)
    offset += fixed + size + (large ? 8 : 0)
    count++
    isLarge ||= large
  }
  isLarge ||= offset >= most || count >= mostEntries
  return offset + directory + endBytes + (isLarge ? largeEndBytes : 0)
}

/** One zip being written. */
class Zip {
  readonly #entries: Entry[] = []
  #offset = 0

  async *add({ name, lastModified, input, isVoid }: ZipInput): AsyncGenerator<Bytes> {
    const isFolder = input === undefined
    const entry: Entry = {
      ...{ name: new TextEncoder().encode(name), date: lastModified, isFolder },
      ...{ offset: this.#offset, size: 0, crc: 0 },
    }
    yield localHeader(entry)
    // What is yielded may be given away, buffer and all; the directory needs the name again.
    yield entry.name.slice()
    for await (const bytes of input instanceof Uint8Array ? [input] : (input ?? [])) {
      entry.crc = crc32(bytes, entry.crc)
      entry.size += bytes.length
      yield bytes
    }
    const isLeftOut = isVoid?.() === true
    // Whoever reads without the directory must not take the beginning of a file for the file.
    if (isLeftOut) entry.crc = ~entry.crc >>> 0
    else this.#entries.push(entry)
    const end = descriptor(entry)
    this.#offset += 30 + entry.name.length + entry.size + end.length
    yield end
  }

  *end(): Generator<Bytes> {
    let bytes = 0
    for (const entry of this.#entries) {
      for (const part of directoryEntry(entry)) {
        bytes += part.length
        if (part.length > 0) yield part
      }
    }
    const isLarge = this.#entries.some(({ size }) => size >= most)
    yield* ending(this.#entries.length, this.#offset, bytes, isLarge)
  }
}

async function* piecesOf(inputs: AsyncIterable<ZipInput>): AsyncGenerator<Bytes> {
  const zip = new Zip()
  for await (const input of inputs) yield* zip.add(input)
  yield* zip.end()
}

/** Many small files are one piece: each costs a message to whoever saves the zip, and one back. */
const gatheredBytes = 256 * 1024

/** The same bytes, small pieces put together; a large one goes on as it is. */
async function* gathered(pieces: AsyncIterable<Bytes>): AsyncGenerator<Bytes> {
  const room = new Uint8Array(gatheredBytes)
  let filled = 0
  for await (const piece of pieces) {
    if (filled > 0 && filled + piece.length > room.length) {
      yield room.slice(0, filled)
      filled = 0
    }
    if (piece.length >= room.length / 2) {
      // What came before it is out first.
      if (filled > 0) yield room.slice(0, filled)
      filled = 0
      yield piece
    } else {
      room.set(piece, filled)
      filled += piece.length
    }
  }
  if (filled > 0) yield room.slice(0, filled)
}

/**
 * The bytes of a zip of `inputs`, asked for one after the other. What an input throws ends the whole; one that `isVoid`
 * says came to nothing is not in the zip's directory, and the rest is whole.
 */
export const zipStream = (inputs: AsyncIterable<ZipInput>): AsyncGenerator<Uint8Array> =>
  gathered(piecesOf(inputs))
