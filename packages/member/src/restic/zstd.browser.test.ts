import { beforeAll, describe, expect, it } from 'vitest'
import { ResticError } from './restic-error.ts'
import { zstdRuns } from './test-repository.oracle.ts'
import { decompress, decompressUnknown, startZstd } from './zstd.ts'

const codeOf = (work: () => unknown): string => {
  try {
    work()
  } catch (error) {
    return error instanceof ResticError ? error.code : String(error)
  }
  return 'nothing was thrown'
}

describe('zstd', () => {
  beforeAll(() => startZstd())

  const frame = zstdRuns([
    [7, 1000],
    [8, 131_072],
    [9, 5],
  ])
  const size = 1000 + 131_072 + 5

  it('leaves fetch as it was', () => {
    expect(String(globalThis.fetch)).not.toContain('atob')
  })

  it('unpacks a frame that names no size', () => {
    const bytes = decompressUnknown(frame, size, 'It')
    expect(bytes.length).toBe(size)
    expect([bytes[999], bytes[1000], bytes[size - 1]]).toEqual([7, 8, 9])
    expect(decompress(frame, size, 'It')).toEqual(bytes)
  })

  it('unpacks more than the memory that it began with', () => {
    const runs = Array.from({ length: 400 }, (_, index) => [index % 251, 131_072] as const)
    const large = 400 * 131_072
    const packed = zstdRuns(runs)
    for (const bytes of [decompress(packed, large, 'It'), decompressUnknown(packed, large, 'It')]) {
      expect(bytes.length).toBe(large)
      expect([bytes[0], bytes[131_072], bytes[large - 1]]).toEqual([0, 1, 399 % 251])
    }
  })

  it('refuses another size than said', () => {
    expect(codeOf(() => decompress(frame, size - 1, 'It'))).toBe('damaged')
    expect(codeOf(() => decompress(frame, size + 1, 'It'))).toBe('damaged')
    expect(codeOf(() => decompressUnknown(frame, size - 1, 'It'))).toBe('too_large')
  })

  it('refuses what is cut off or no frame, at once', () => {
    for (let length = 0; length < frame.length; length++) {
      const part = frame.subarray(0, length)
      expect(codeOf(() => decompressUnknown(part, size, 'It'))).toBe('damaged')
      expect(codeOf(() => decompress(part, size, 'It'))).toBe('damaged')
    }
    const noise = new Uint8Array(1000).fill(0xa5)
    expect(codeOf(() => decompressUnknown(noise, size, 'It'))).toBe('damaged')
    expect(codeOf(() => decompress(noise, 10, 'It'))).toBe('damaged')
  })

  it('stops a bomb at its limit: 4 KB that would be 128 MiB', () => {
    const bomb = zstdRuns(Array.from({ length: 1024 }, () => [0, 131_072] as const))
    expect(codeOf(() => decompressUnknown(bomb, 2 ** 20, 'It'))).toBe('too_large')
    expect(codeOf(() => decompress(bomb, 2 ** 20, 'It'))).toBe('damaged')
  })

  it('works on after a thousand refusals', () => {
    for (let count = 0; count < 1000; count++)
      codeOf(() => decompressUnknown(frame.subarray(0, 20), size, 'It'))
    expect(decompressUnknown(frame, size, 'It').length).toBe(size)
  })
})
