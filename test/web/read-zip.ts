/** Reads zips of stored entries strictly, as no part of the product does: for tests of what it writes. */
import assert from 'node:assert/strict'
import { crc32 } from 'node:zlib'

export type ZipEntry = {
  readonly bytes: Buffer
  /** Mode of Unix with the type of file in it. */
  readonly mode: number
  /** MS-DOS time and date. */
  readonly time: number
  readonly date: number
}

/** Number of entries, place and length of the directory, from the end of the zip and, where it has one, that of zip64. */
const endOf = (zip: Buffer): readonly [count: number, at: number, bytes: number] => {
  const end = zip.length - 22
  assert.equal(zip.readUInt32LE(end), 0x06054b50)
  const [count, bytes, at] = [
    zip.readUInt16LE(end + 10),
    zip.readUInt32LE(end + 12),
    zip.readUInt32LE(end + 16),
  ]
  if (count < 0xffff && at < 0xffffffff) return [count, at, bytes]
  assert.equal(zip.readUInt32LE(end - 20), 0x07064b50)
  const large = Number(zip.readBigUInt64LE(end - 12))
  assert.equal(large, end - 76)
  assert.equal(zip.readUInt32LE(large), 0x06064b50)
  return [
    Number(zip.readBigUInt64LE(large + 32)),
    Number(zip.readBigUInt64LE(large + 48)),
    Number(zip.readBigUInt64LE(large + 40)),
  ]
}

/** The content of one entry, where its own header, its descriptor and the directory agree. */
const contentOf = (zip: Buffer, at: number, size: number, crc: number, name: string): Buffer => {
  assert.equal(zip.readUInt32LE(at), 0x04034b50, name)
  assert.equal(zip.readUInt16LE(at + 8), 0, 'stored')
  const nameEnd = at + 30 + zip.readUInt16LE(at + 26)
  assert.equal(zip.toString('utf8', at + 30, nameEnd), name)
  const from = nameEnd + zip.readUInt16LE(at + 28)
  const bytes = zip.subarray(from, from + size)
  assert.equal(crc32(bytes), crc, name)
  const described = [0, 4, 8, 12].map((field) => zip.readUInt32LE(from + size + field))
  assert.deepEqual(described, [0x08074b50, crc, size, size], name)
  return bytes
}

/**
 * Entries by name, in the order of the directory.
 * @throws AssertionError for a zip that is not whole, or whose parts do not agree; entries of 4 GiB are not read
 */
export const readZip = (zip: Buffer): Map<string, ZipEntry> => {
  const [count, start, bytes] = endOf(zip)
  const found = new Map<string, ZipEntry>()
  let at = start
  for (let read = 0; read < count; read++) {
    assert.equal(zip.readUInt32LE(at), 0x02014b50)
    const nameEnd = at + 46 + zip.readUInt16LE(at + 28)
    const name = zip.toString('utf8', at + 46, nameEnd)
    const size = zip.readUInt32LE(at + 24)
    assert.equal(zip.readUInt32LE(at + 20), size)
    assert(!found.has(name), `${name} is there twice`)
    found.set(name, {
      bytes: contentOf(zip, zip.readUInt32LE(at + 42), size, zip.readUInt32LE(at + 16), name),
      mode: zip.readUInt16LE(at + 40),
      time: zip.readUInt16LE(at + 12),
      date: zip.readUInt16LE(at + 14),
    })
    at = nameEnd + zip.readUInt16LE(at + 30) + zip.readUInt16LE(at + 32)
  }
  assert.equal(at, start + bytes)
  return found
}
