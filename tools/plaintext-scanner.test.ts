import { randomBytes } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { needlesOf, PlaintextScanner } from './plaintext-scanner.ts'

let source: string
let disk: string
const secret = randomBytes(1000)

beforeAll(async () => {
  source = await mkdtemp(join(tmpdir(), 'scan-source-'))
  disk = await mkdtemp(join(tmpdir(), 'scan-disk-'))
  await writeFile(join(source, 'passport-scan.pdf'), secret)
})
afterAll(() => Promise.all([source, disk].map((folder) => rm(folder, { recursive: true }))))

const scan = async (bytes: Buffer) => {
  await writeFile(join(disk, 'file'), bytes)
  const scanner = new PlaintextScanner(await needlesOf(source))
  return (await scanner.scanFolder(disk)).finds
}

describe('PlaintextScanner', () => {
  it('finds nothing in random bytes', async () => {
    expect(await scan(randomBytes(300_000))).toEqual([])
  })

  it('finds a name anywhere', async () => {
    const finds = await scan(
      Buffer.concat([randomBytes(777), Buffer.from('passport-scan.pdf'), randomBytes(5)]),
    )
    expect(finds.map(({ offset, what }) => [offset, what])).toContainEqual([
      777,
      'name passport-scan.pdf',
    ])
  })

  it('finds any 63 bytes of the contents, at any offset', async () => {
    const finds = await scan(
      Buffer.concat([randomBytes(12_345), secret.subarray(101, 164), randomBytes(9)]),
    )
    expect(finds.map(({ what }) => what)).toEqual([
      expect.stringMatching(/^contents of passport-scan\.pdf at /),
    ])
  })

  it('finds what lies across the border of two reads', async () => {
    const border = 8 * 1024 * 1024
    const bytes = Buffer.alloc(border + 1000, 7)
    bytes.set(secret.subarray(0, 64), border - 20)
    expect((await scan(bytes)).length).toBe(2)
  })
})
