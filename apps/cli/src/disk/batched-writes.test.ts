import { describe, expect, it } from 'vitest'
import { BatchedWrites, batchBytes, type WriteAt } from './batched-writes.ts'
import { DiskPace } from './direct-file.ts'

const fault = (code: string): Error => Object.assign(new Error('fault'), { code })
const pause = (ms: number): Promise<void> => new Promise((done) => setTimeout(done, ms))

/** A file in memory, and what was done to it. */
const diskOf = (sizeBytes: number) => {
  const bytes = new Uint8Array(sizeBytes)
  const done = { usual: 0, direct: 0, atOnce: 0, mostAtOnce: 0 }
  const to =
    (kind: 'usual' | 'direct', before: () => Promise<void> | void): WriteAt =>
    async (part, position) => {
      done.mostAtOnce = Math.max(done.mostAtOnce, ++done.atOnce)
      try {
        await pause(1)
        await before()
        bytes.set(part, position)
        done[kind]++
        return part.length
      } finally {
        done.atOnce--
      }
    }
  return { bytes, done, to }
}

const pattern = (sizeBytes: number): Uint8Array => {
  const words = new Uint32Array(Math.ceil(sizeBytes / 4))
  for (let i = 0; i < words.length; i++) words[i] = i
  return new Uint8Array(words.buffer, 0, sizeBytes)
}

/** The same bytes in pieces of their own, which the writer may empty. */
const give = async (writes: BatchedWrites, bytes: Uint8Array, pieceBytes: number) => {
  for (let at = 0; at < bytes.length; at += pieceBytes)
    await writes.add(bytes.slice(at, at + pieceBytes))
}

const sizeBytes = 6 * batchBytes + 12_345
const whole = pattern(sizeBytes)
const same = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0
const nothing = () => undefined

describe('batched writes', () => {
  it('write one batch after the other where there is no direct way', async () => {
    const disk = diskOf(sizeBytes)
    const writes = new BatchedWrites(disk.to('usual', nothing))
    await give(writes, whole, 300_001)
    await writes.flush()
    expect(same(disk.bytes, whole)).toBe(true)
    expect(disk.done).toMatchObject({ usual: 7, direct: 0, mostAtOnce: 1 })
    expect(writes.sizeBytes).toBe(sizeBytes)
  })

  it('take the direct way with whole batches, two at once, and the usual one for the rest', async () => {
    const disk = diskOf(sizeBytes)
    const writes = new BatchedWrites(disk.to('usual', nothing), disk.to('direct', nothing))
    await give(writes, whole, 262_144)
    await writes.flush()
    expect(same(disk.bytes, whole)).toBe(true)
    expect(disk.done).toMatchObject({ usual: 1, direct: 6, mostAtOnce: 2 })
  })

  it('go on the usual way where the direct one is refused', async () => {
    const disk = diskOf(sizeBytes)
    const refuse = () => {
      if (disk.done.direct === 2) throw fault('EINVAL')
    }
    const writes = new BatchedWrites(disk.to('usual', nothing), disk.to('direct', refuse))
    await give(writes, whole, 1_000_000)
    await writes.flush()
    expect(same(disk.bytes, whole)).toBe(true)
    expect(disk.done).toMatchObject({ usual: 5, direct: 2 })
  })

  it('write the rest of a batch that the direct way took a part of', async () => {
    const disk = diskOf(sizeBytes)
    const direct = disk.to('direct', nothing)
    const short: WriteAt = (part, position) => direct(part.subarray(0, 1000), position)
    const writes = new BatchedWrites(disk.to('usual', nothing), short)
    await give(writes, whole, 1_000_000)
    await writes.flush()
    expect(same(disk.bytes, whole)).toBe(true)
  })

  it('leave the direct way on a slow disk, the next file at once', async () => {
    const disk = diskOf(sizeBytes)
    const slowly = disk.to('direct', () => pause(110))
    const pace = new DiskPace()
    for (let file = 0; file < 2; file++) {
      disk.bytes.fill(0)
      const writes = new BatchedWrites(disk.to('usual', nothing), slowly, pace)
      await give(writes, whole, 1_000_000)
      await writes.flush()
      expect(same(disk.bytes, whole)).toBe(true)
    }
    // Three slow ones, and what was under way with the last of them.
    expect(disk.done.direct).toBeLessThanOrEqual(4)
  })

  it('tell a failure of the direct way, write nothing after it, and settle', async () => {
    const disk = diskOf(sizeBytes)
    const fail = () => {
      throw fault('EIO')
    }
    const writes = new BatchedWrites(disk.to('usual', nothing), disk.to('direct', fail))
    await expect(give(writes, whole, 1_000_000).then(() => writes.flush())).rejects.toMatchObject({
      code: 'EIO',
    })
    await writes.settle()
    expect(disk.done).toMatchObject({ usual: 0, direct: 0, atOnce: 0 })
  })
})
