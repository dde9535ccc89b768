import { randomBytes } from 'node:crypto'
import { memoryUsage } from 'node:process'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect, test } from 'vitest'
import { GatheredBytes } from './gathered-bytes.ts'

test.each([0, 1, 255, 256, 257, 1000])('%i pieces come out as they went in', (count) => {
  const bytes = randomBytes(count * 3)
  const parts = new GatheredBytes()
  for (let at = 0; at < count; at++) parts.add(bytes.subarray(at * 3, at * 3 + 3))
  expect(Buffer.from(parts.take()).equals(bytes)).toBe(true)
})

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void
const bytesHeld = (): number => {
  collectGarbage()
  return memoryUsage().heapUsed
}

test('a body that comes byte by byte takes little more memory than its bytes', () => {
  const before = bytesHeld()
  const parts = new GatheredBytes()
  for (let at = 0; at < 2 ** 20; at++) parts.add(Buffer.alloc(1))
  expect(bytesHeld() - before).toBeLessThan(20e6)
  expect(parts.take()).toHaveLength(2 ** 20)
})
