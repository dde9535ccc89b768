import { expect, it } from 'vitest'
import { leaksAfter } from './leaks.ts'

it('thousands of requests, also cut and refused ones, leave neither descriptors nor memory taken', async () => {
  const { before, after } = await leaksAfter(1_500, 2_000)
  expect(after.descriptors).toBeLessThanOrEqual(before.descriptors + 2)
  expect(after.folders).toBeLessThan(300)
  // 5,000 bodies are 220 MiB, and each cut upload had 90 KB: what stayed would show.
  expect(after.memoryMib - before.memoryMib).toBeLessThan(60)
  expect(after.memoryMib).toBeLessThan(300)
})
