import { describe, expect, it } from 'vitest'
import { ProblemError } from '@hearthold/contract'
import { createAppendQueue } from './append-queue.ts'
import type { PreparedAppend } from './append-request.ts'

const mebibyte = 1024 * 1024
const append = (sizeBytes = 100) => ({
  actor: { account: '0', log: '0' },
  parts: [],
  references: [],
  within: undefined,
  sizeBytes,
})
const answerAll = (batch: readonly PreparedAppend[]): void => {
  for (const { resolve } of batch) resolve([])
}

describe('the queue of appends', () => {
  it('hands on together what came in one turn, and what came meanwhile after it', async () => {
    const batches: number[] = []
    const queue = createAppendQueue(async (batch) => {
      batches.push(batch.length)
      if (batches.length === 1) void queue.push(append())
      await new Promise((resolve) => setTimeout(resolve, 5))
      answerAll(batch)
    })
    await Promise.all([queue.push(append()), queue.push(append()), queue.push(append())])
    await queue.push(append())
    expect(batches).toEqual([3, 2])
    await queue.push(append())
    expect(batches).toEqual([3, 2, 1])
  })

  it('ends a batch at its limits of appends and bytes, one append always fits', async () => {
    const batches: number[] = []
    const queue = createAppendQueue(async (batch) => {
      batches.push(batch.length)
      answerAll(batch)
    })
    await Promise.all(Array.from({ length: 300 }, () => queue.push(append())))
    await Promise.all([4, 8, 8, 20].map((size) => queue.push(append(size * mebibyte))))
    expect(batches).toEqual([256, 44, 2, 1, 1])
  })

  it('tells clients to come back when too much waits', async () => {
    const { promise, resolve } = Promise.withResolvers<void>()
    const queue = createAppendQueue(async (batch) => {
      await promise
      answerAll(batch)
    })
    const large = Array.from({ length: 33 }, () => queue.push(append(4 * mebibyte)))
    const refused = queue.push(append())
    await expect(refused).rejects.toMatchObject({ code: 'unavailable', retryAfterSeconds: 1 })
    resolve()
    await Promise.all(large)
    await expect(queue.push(append())).resolves.toEqual([])
  })

  it('tries each append by itself after a failure of our own, and none after a full disk', async () => {
    const batches: number[] = []
    const failing = (error: Error) =>
      createAppendQueue(async (batch) => {
        batches.push(batch.length)
        if (batch.some(({ sizeBytes }) => sizeBytes === 13)) throw error
        answerAll(batch)
      })
    const settle = async (queue: ReturnType<typeof failing>) => {
      const all = await Promise.allSettled([7, 13, 8].map((size) => queue.push(append(size))))
      return all.map(({ status }) => status)
    }
    expect(await settle(failing(new Error('a bug')))).toEqual([
      'fulfilled',
      'rejected',
      'fulfilled',
    ])
    expect(batches.splice(0)).toEqual([3, 1, 1, 1])
    expect(await settle(failing(new ProblemError('disk_full')))).toEqual(Array(3).fill('rejected'))
    expect(batches).toEqual([3])
  })
})
