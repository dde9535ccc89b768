import { describe, expect, it } from 'vitest'
import { blocksOf, createCrew, mapAhead, readAhead, SourceChangedError } from './flow.ts'

async function* from<T>(...values: readonly T[]) {
  yield* values
}
const collect = async <T>(source: AsyncIterable<T>): Promise<T[]> => {
  const all: T[] = []
  for await (const one of source) all.push(one)
  return all
}
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

describe('createCrew', () => {
  it('keeps no more under way than it may, and ends when all is done', async () => {
    const crew = createCrew(3)
    let now = 0
    let most = 0
    let done = 0
    for (let i = 0; i < 20; i++) {
      await crew.add(async () => {
        most = Math.max(most, ++now)
        await pause(1)
        now--
        done++
      })
    }
    await crew.end()
    expect(most).toBe(3)
    expect(done).toBe(20)
  })

  it('gives the first failure to the next and to the end', async () => {
    const crew = createCrew(1)
    await crew.add(() => Promise.reject(new Error('first')))
    await expect(crew.add(() => Promise.resolve())).rejects.toThrow('first')
    await expect(crew.end()).rejects.toThrow('first')
  })
})

describe('readAhead and mapAhead', () => {
  it('keep the order and pass failures on', async () => {
    expect(await collect(readAhead(from(1, 2, 3)))).toEqual([1, 2, 3])
    const late = mapAhead(from(30, 10, 20), 2, async (ms) => (await pause(ms / 10), ms))
    expect(await collect(late)).toEqual([30, 10, 20])
    const failing = (async function* () {
      yield 1
      throw new Error('broken')
    })()
    await expect(collect(readAhead(failing))).rejects.toThrow('broken')
  })

  it('close the source when the reader stops early', async () => {
    let closed = false
    const source = (async function* () {
      try {
        for (let i = 0; ; i++) yield i
      } finally {
        closed = true
      }
    })()
    for await (const i of readAhead(source)) if (i === 3) break
    expect(closed).toBe(true)
  })
})

describe('blocksOf', () => {
  const bytes = (...values: number[]) => new Uint8Array(values)
  const blocks = async (sizes: number[], size: number, total: number): Promise<number[][]> => {
    let next = 0
    const chunks = sizes.map((length) => bytes(...Array.from({ length }, () => next++)))
    const all: number[][] = []
    for await (const block of blocksOf(from(...chunks), size, total)) all.push([...block])
    return all
  }

  it('cuts anything into equal blocks and leaves out what is beyond', async () => {
    expect(await blocks([5, 5], 4, 10)).toEqual([
      [0, 1, 2, 3],
      [4, 5, 6, 7],
      [8, 9],
    ])
    expect(await blocks([1, 1, 1, 1, 1], 2, 5)).toEqual([[0, 1], [2, 3], [4]])
    expect(await blocks([8], 4, 8)).toEqual([
      [0, 1, 2, 3],
      [4, 5, 6, 7],
    ])
    expect(await blocks([3, 9], 4, 6)).toEqual([
      [0, 1, 2, 3],
      [4, 5],
    ])
    expect(await blocks([], 4, 0)).toEqual([])
    expect(await blocks([2, 0, 6, 4], 8, 8)).toEqual([[0, 1, 2, 3, 4, 5, 6, 7]])
  })

  it('says when the source is too short', async () => {
    await expect(blocks([3], 4, 5)).rejects.toThrow(SourceChangedError)
    await expect(blocks([], 4, 1)).rejects.toThrow(SourceChangedError)
  })
})
