import { crc32 as zlibCrc32 } from 'node:zlib'
import { predictLength } from 'client-zip'
import { describe, expect, it } from 'vitest'
import { crc32 } from '../../apps/web/src/workers/crc-32.ts'
import { readZip } from './read-zip.ts'
import {
  type ZipInput,
  zipDate,
  zipLength,
  zipStream,
} from '../../apps/web/src/workers/zip-stream.ts'

const lastModified = new Date(2026, 2, 4, 10, 20, 30)
const text = (content: string) => new TextEncoder().encode(content)

async function* each<T>(items: readonly T[]): AsyncGenerator<T> {
  yield* items
}

/** Each part is given away as soon as it comes, as a page gives it to a service worker: nothing of it is left behind. */
const partsOf = async (inputs: readonly ZipInput[]): Promise<Uint8Array[]> => {
  const parts: Uint8Array[] = []
  for await (const part of zipStream(each(inputs))) {
    const { buffer, byteOffset, length } = part
    const given = structuredClone(buffer as ArrayBuffer, { transfer: [buffer as ArrayBuffer] })
    parts.push(new Uint8Array(given, byteOffset, length))
  }
  return parts
}
const zipped = async (inputs: readonly ZipInput[]): Promise<Buffer> =>
  Buffer.concat(await partsOf(inputs))

describe('CRC-32', () => {
  it('is that of zlib, whole and in parts of any length', () => {
    const bytes = Uint8Array.from({ length: 70_001 }, (_, at) => (at * at + (at >> 3)) & 255)
    for (const length of [0, 1, 7, 8, 9, 63, 64, 70_001])
      expect(crc32(bytes.subarray(0, length))).toBe(zlibCrc32(bytes.subarray(0, length)))
    for (const cut of [1, 8, 13, 70_000])
      expect(crc32(bytes.subarray(cut), crc32(bytes.subarray(0, cut)))).toBe(zlibCrc32(bytes))
  })
})

describe('a zip that streams', () => {
  it('has names, times, folders and contents as given', async () => {
    const zip = readZip(
      await zipped([
        { name: 'Größe/', lastModified },
        { name: 'Größe/Zero', lastModified, input: new Uint8Array() },
        { name: 'Größe/a.txt', lastModified, input: text('whole') },
        { name: 'b.txt', lastModified: zipDate(0), input: each([text('in '), text('parts')]) },
      ]),
    )
    expect([...zip].map(([name, { bytes }]) => [name, bytes.toString()])).toEqual([
      ['Größe/', ''],
      ['Größe/Zero', ''],
      ['Größe/a.txt', 'whole'],
      ['b.txt', 'in parts'],
    ])
    const [inner, whole] = [zip.get('Größe/')!, zip.get('Größe/a.txt')!]
    expect([inner.mode, whole.mode]).toEqual([0o040775, 0o100664])
    expect(whole.date).toBe(((2026 - 1980) << 9) | (3 << 5) | 4)
    expect(whole.time).toBe((10 << 11) | (20 << 5) | 15)
  })

  it('is as long as was said, which is what client-zip says too', async () => {
    const entries = [
      { name: 'ä/', size: 0 },
      { name: 'ä/b', size: 5 },
    ]
    const zip = await zipped([
      { name: 'ä/', lastModified },
      { name: 'ä/b', lastModified, input: text('12345') },
    ])
    expect(zipLength(entries)).toBe(zip.length)
    const large = 5 * 1024 ** 3
    for (const sizes of [
      [5],
      [large],
      [0xffffffff],
      [0xfffffffe],
      [large, 7],
      [2e9, 2e9, 2e9, 1],
    ]) {
      const some = sizes.map((size, at) => ({ name: `file ${at}`, size }))
      expect(BigInt(zipLength(some))).toBe(predictLength(some))
    }
  })

  it('holds more than 65,535 entries', async () => {
    const count = 65_600
    const entries = Array.from({ length: count }, (_, at) => ({ name: `f${at}`, size: 1 }))
    const inputs = entries.map(({ name }) => ({ name, lastModified, input: text('x') }))
    const zip = await zipped(inputs)
    expect(zip.length).toBe(zipLength(entries))
    expect(readZip(zip).size).toBe(count)
  })

  it('comes in large parts however small the files are, and holds what is large once', async () => {
    const bytes = (length: number, seed: number) =>
      Uint8Array.from({ length }, (_, at) => (at * 31 + seed) & 255)
    const lengths = Array.from({ length: 3000 }, (_, at) => (at % 500 === 499 ? 400_000 : at % 300))
    const inputs = lengths.map((length, at) => ({
      ...{ name: `f${at}`, lastModified, input: each([bytes(length, at)]) },
    }))
    const parts = await partsOf(inputs)
    expect(parts.length).toBeLessThan(30)
    expect(Math.max(...parts.map(({ length }) => length))).toBe(400_000)
    const zip = readZip(Buffer.concat(parts))
    expect([...zip.keys()]).toEqual(inputs.map(({ name }) => name))
    for (const [at, { bytes: found }] of [...zip.values()].entries())
      expect(found.equals(bytes(lengths[at]!, at))).toBe(true)
  })

  it('leaves out what came to nothing after it had begun; the rest is whole', async () => {
    const bytes = await zipped([
      { name: 'before', lastModified, input: text('one') },
      { name: 'broken', lastModified, input: each([text('the beg')]), isVoid: () => true },
      { name: 'after', lastModified, input: text('two'), isVoid: () => false },
    ])
    expect([...readZip(bytes).keys()]).toEqual(['before', 'after'])
    // Whoever reads without the directory is told by a CRC that does not fit.
    const end = bytes.indexOf('the beg') + 'the beg'.length
    expect(bytes.readUInt32LE(end)).toBe(0x08074b50)
    expect(bytes.readUInt32LE(end + 4)).not.toBe(zlibCrc32('the beg'))
  })
})
