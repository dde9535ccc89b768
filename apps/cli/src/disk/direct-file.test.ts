import { randomFillSync } from 'node:crypto'
import {
  closeSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openDirect } from './direct-file.ts'
import { createFileWriter, createUnfinished, type Placing } from './file-writer.ts'

const mebibyte = 1024 * 1024
/** Large enough for direct writes, and no multiple of anything. */
const largeBytes = 33 * mebibyte + 4097

let folder = ''
let placing: Placing
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'hearthold-direct-'))
  placing = { unfinished: createUnfinished(), force: false, made: new Set() }
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const writeLarge = async (target: string, bytes: Uint8Array, size: number): Promise<void> => {
  const writer = createFileWriter(
    target,
    { modifiedAt: 1_000_000_000_000, mode: 0o640, size },
    placing,
  )
  for (let at = 0; at < bytes.length; at += 262_144)
    await writer.write(bytes.slice(at, at + 262_144))
  await writer.close()
}

// On a file system without direct writes the same must come out of the usual ones.
describe('large files', () => {
  it('come out byte for byte, with time and mode, and nothing beside them', async () => {
    const bytes = randomFillSync(new Uint8Array(largeBytes))
    const target = join(folder, 'large')
    await writeLarge(target, bytes, bytes.length)
    expect(Buffer.compare(readFileSync(target), bytes)).toBe(0)
    expect(statSync(target)).toMatchObject({ mtimeMs: 1_000_000_000_000, size: largeBytes })
    expect(readdirSync(folder)).toEqual(['large'])
  })

  it('are as long as what was written, whatever was expected', async () => {
    const bytes = randomFillSync(new Uint8Array(5 * mebibyte + 1))
    const target = join(folder, 'shorter')
    await writeLarge(target, bytes, largeBytes)
    expect(Buffer.compare(readFileSync(target), bytes)).toBe(0)
  })

  it('leave nothing behind when they are given up', async () => {
    const attributes = { modifiedAt: undefined, mode: undefined, size: largeBytes }
    const writer = createFileWriter(join(folder, 'half'), attributes, placing)
    for (let i = 0; i < 40; i++) await writer.write(new Uint8Array(262_144))
    await writer.abort()
    expect(readdirSync(folder)).toEqual([])
  })
})

describe('opening for direct writes', () => {
  it('leaves small files alone', () => {
    const path = join(folder, 'small')
    const file = openSync(path, 'wx')
    expect(openDirect(path, file, mebibyte)).toBeUndefined()
    expect(statSync(path).size).toBe(0)
    closeSync(file)
  })

  it('touches no other file that was put in the place of the new one', () => {
    const path = join(folder, 'new')
    const file = openSync(path, 'wx')
    renameSync(path, join(folder, 'away'))
    writeFileSync(path, 'of another')
    expect(openDirect(path, file, largeBytes)).toBeUndefined()
    expect(readFileSync(path, 'utf8')).toBe('of another')
    expect(statSync(join(folder, 'away')).size).toBe(0)
    closeSync(file)
  })
})
