import { expect, it } from 'vitest'
import { leaksAfter } from '../repositories/leaks.ts'

it('a hundred thousand requests leave neither descriptors nor memory taken', async () => {
  const { before, after } = await leaksAfter(20_000, 100_000)
  expect(after.descriptors).toBeLessThanOrEqual(before.descriptors + 2)
  expect(after.folders).toBeLessThan(300)
  expect(after.memoryMib - before.memoryMib).toBeLessThan(40)
})
