import { ByteReader, ByteWriter, fromUtf8, IntegrityError, utf8 } from '@hearthold/crypto'

/** The key of one version's object, the author's commitment to it, and the plaintext's length in bytes. */
export type Content = {
  readonly key: Uint8Array
  readonly commitment: Uint8Array
  readonly sizeBytes: number
}

/** What a change's sealed part says of a node; only what the change sets is there. */
export type Attributes = {
  readonly name?: string
  /** Time of last modification at its source, ms since 1970. */
  readonly modifiedAt?: number
  /** POSIX permission bits. */
  readonly mode?: number
  readonly content?: Content
  /** Target of a symbolic link. */
  readonly target?: string
}

/** A name is 1 to 1,024 bytes of NFC text without `/` and NUL, and not `.` or `..`. */
export const nameLimitBytes = 1024
const targetLimitBytes = 8192

/** The reason why a text cannot name a node, or undefined if it can. */
export const nameProblem = (name: string): string | undefined => {
  if (name === '') return 'A name cannot be empty.'
  if (name === '.' || name === '..') return 'A name cannot be "." or "..".'
  if (!name.isWellFormed()) return 'A name must be well-formed Unicode.'
  if (name.includes('/') || name.includes('\0')) return 'A name cannot contain "/" or NUL.'
  // No character takes more than three bytes for each of its code units.
  if (name.length * 3 > nameLimitBytes && utf8(name).length > nameLimitBytes)
    return `A name cannot be longer than ${nameLimitBytes} bytes.`
  return undefined
}

const bits = { name: 1, modifiedAt: 2, mode: 4, content: 8, target: 16 } as const

/** Times before 1970 and fractions travel as milliseconds shifted by 2^52, so that they stay non-negative. */
const timeShift = 2 ** 52

const writeAttributes = (writer: ByteWriter, attributes: Attributes | undefined): void => {
  const { name, modifiedAt, mode, content, target } = attributes ?? {}
  writer.u8(
    (name === undefined ? 0 : bits.name) |
      (modifiedAt === undefined ? 0 : bits.modifiedAt) |
      (mode === undefined ? 0 : bits.mode) |
      (content === undefined ? 0 : bits.content) |
      (target === undefined ? 0 : bits.target),
  )
  if (name !== undefined) writer.sized(utf8(name.normalize('NFC')))
  if (modifiedAt !== undefined) writer.u64(Math.round(modifiedAt) + timeShift)
  if (mode !== undefined) writer.u16(mode)
  if (content !== undefined)
    writer.bytes(content.key).bytes(content.commitment).u64(content.sizeBytes)
  if (target !== undefined) writer.sized(utf8(target))
}

const readContent = (reader: ByteReader): Content => ({
  key: reader.bytes(32).slice(),
  commitment: reader.bytes(32).slice(),
  sizeBytes: reader.u64(),
})

const readAttributes = (reader: ByteReader): Attributes | undefined => {
  const flags = reader.u8()
  if (flags > 31)
    throw new IntegrityError('log_unknown_version', 'Unknown attribute: update the app.')
  if (flags === 0) return undefined
  return {
    ...(flags & bits.name ? { name: readName(reader) } : {}),
    ...(flags & bits.modifiedAt ? { modifiedAt: reader.u64() - timeShift } : {}),
    ...(flags & bits.mode ? { mode: reader.u16() } : {}),
    ...(flags & bits.content ? { content: readContent(reader) } : {}),
    ...(flags & bits.target ? { target: fromUtf8(reader.sized(targetLimitBytes)) } : {}),
  }
}

/** A name from another device is checked again here: it may end up as a path on disk. */
const readName = (reader: ByteReader): string => {
  const name = fromUtf8(reader.sized(nameLimitBytes))
  if (nameProblem(name)) throw new IntegrityError('malformed', 'A sealed name is not a valid name.')
  return name
}

/** The plaintext of a change's body: attributes by index of the change (docs/formats/share-log.md). */
export const encodeAttributes = (
  list: readonly (Attributes | undefined)[],
): Uint8Array<ArrayBuffer> => {
  const writer = new ByteWriter(64 * list.length + 16).u16(list.length)
  for (const attributes of list) writeAttributes(writer, attributes)
  return writer.finish()
}

/** Throws IntegrityError('malformed') unless it holds exactly `count` attributes. */
export const decodeAttributes = (bytes: Uint8Array, count: number): (Attributes | undefined)[] => {
  const reader = new ByteReader(bytes)
  if (reader.u16() !== count)
    throw new IntegrityError('malformed', 'A body does not fit its facts.')
  const list = Array.from({ length: count }, () => readAttributes(reader))
  reader.end()
  return list
}
