import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { crc32 as zlibCrc32 } from 'node:zlib'
import { predictLength } from 'client-zip'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { crc32 } from './crc-32.ts'
import { type ZipInput, zipDate, zipLength, zipStream } from './zip-stream.ts'

let folder = ''
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'hearthold-zip-'))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const lastModified = new Date(2026, 2, 4, 10, 20, 30)
const text = (content: string) => new TextEncoder().encode(content)

async function* each<T>(items: readonly T[]): AsyncGenerator<T> {
  yield* items
}

const zipped = async (inputs: readonly ZipInput[]): Promise<string> => {
  const parts: Uint8Array[] = []
  for await (const part of zipStream(each(inputs))) parts.push(part)
  const path = join(folder, 'a.zip')
  writeFileSync(path, Buffer.concat(parts))
  return path
}

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
  it('opens in another program, with names, times and folders as given', async () => {
    const path = await zipped([
      { name: 'Größe/', lastModified },
      { name: 'Größe/Zero', lastModified, input: new Uint8Array() },
      { name: 'Größe/a.txt', lastModified, input: text('whole') },
      { name: 'b.txt', lastModified: zipDate(0), input: each([text('in '), text('parts')]) },
    ])
    execFileSync('unzip', ['-tq', path])
    const out = join(folder, 'out')
    execFileSync('unzip', ['-q', path, '-d', out])
    expect(readFileSync(join(out, 'Größe/a.txt'), 'utf8')).toBe('whole')
    expect(readFileSync(join(out, 'Größe/Zero'), 'utf8')).toBe('')
    expect(readFileSync(join(out, 'b.txt'), 'utf8')).toBe('in parts')
    const list = execFileSync('unzip', ['-ZT', path], { encoding: 'utf8' })
    expect(list).toContain('20260304.102030')
    expect(list).toContain('drwxrwxr-x')
  })

  it('is as long as was said, which is what client-zip says too', async () => {
    const entries = [
      { name: 'ä/', size: 0 },
      { name: 'ä/b', size: 5 },
    ]
    const path = await zipped([
      { name: 'ä/', lastModified },
      { name: 'ä/b', lastModified, input: text('12345') },
    ])
    expect(zipLength(entries)).toBe(readFileSync(path).length)
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
    const input = text('x')
    const path = await zipped(entries.map(({ name }) => ({ name, lastModified, input })))
    expect(readFileSync(path).length).toBe(zipLength(entries))
    expect(execFileSync('unzip', ['-tq', path], { encoding: 'utf8' })).toContain('No errors')
    expect(execFileSync('unzip', ['-Zh', path], { encoding: 'utf8' })).toContain(`${count}`)
  })

  it('leaves out what came to nothing after it had begun; the rest is whole', async () => {
    const path = await zipped([
      { name: 'before', lastModified, input: text('one') },
      { name: 'broken', lastModified, input: each([text('the beg')]), isVoid: () => true },
      { name: 'after', lastModified, input: text('two'), isVoid: () => false },
    ])
    expect(execFileSync('unzip', ['-tq', path], { encoding: 'utf8' })).toContain('No errors')
    const names = execFileSync('unzip', ['-Z1', path], { encoding: 'utf8' })
    expect(names.trim().split('\n')).toEqual(['before', 'after'])
    // Whoever reads without the directory is told by a CRC that does not fit.
    const bytes = readFileSync(path)
    const end = bytes.indexOf('the beg') + 'the beg'.length
    expect(bytes.readUInt32LE(end)).toBe(0x08074b50)
    expect(bytes.readUInt32LE(end + 4)).not.toBe(zlibCrc32('the beg'))
  })
})
