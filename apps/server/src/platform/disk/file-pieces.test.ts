import { randomBytes } from 'node:crypto'
import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { DiskPace } from './disk-pace.ts'
import { PieceReader } from './file-pieces.ts'
import { nodeFileSystem } from './file-system.ts'

const folder = mkdtempSync(join(tmpdir(), 'hearthold-pieces-'))
const bytes = randomBytes(100_003)
let file = -1
beforeAll(() => {
  writeFileSync(join(folder, 'file'), bytes)
  file = openSync(join(folder, 'file'), 'r')
})
afterAll(() => {
  closeSync(file)
  rmSync(folder, { recursive: true })
})

const readAll = async (reader: PieceReader, start: number, end: number): Promise<Buffer> => {
  const { pieces, release } = reader.read(file, { start, end })
  const parts: Buffer[] = []
  for await (const piece of pieces) parts.push(Buffer.from(piece))
  release()
  return Buffer.concat(parts)
}

/** A file system whose reads on the spot take so long, and that counts those in threads. */
const counting = (spotMs: number) => {
  const reads = { inThreads: 0 }
  const fs = {
    ...nodeFileSystem,
    readSync: (...call: Parameters<typeof nodeFileSystem.readSync>): number => {
      const until = performance.now() + spotMs
      while (performance.now() < until);
      return nodeFileSystem.readSync(...call)
    },
    read: (...call: Parameters<typeof nodeFileSystem.read>): Promise<number> => {
      reads.inThreads++
      return nodeFileSystem.read(...call)
    },
  }
  return { fs, reads }
}

test('reads on the spot what is in memory', async () => {
  const { fs, reads } = counting(0)
  const reader = new PieceReader(fs, { pieceBytes: 10_000, pace: new DiskPace(1_000) })
  expect(await readAll(reader, 3, 100_003)).toEqual(bytes.subarray(3))
  expect(reads.inThreads).toBe(0)
})

test('reads in threads from a disk that lets its readers wait, after a few waits', async () => {
  const { fs, reads } = counting(4)
  const reader = new PieceReader(fs, { pieceBytes: 10_000, pace: new DiskPace(2) })
  expect(await readAll(reader, 0, 100_000)).toEqual(bytes.subarray(0, 100_000))
  expect(reads.inThreads).toBe(7)
})

test.each([undefined, new DiskPace(1_000)])('fails where the file is shorter', async (pace) => {
  const reader = new PieceReader(nodeFileSystem, { ...(pace && { pace }) })
  await expect(readAll(reader, 0, 100_004)).rejects.toMatchObject({ code: 'EIO' })
})
