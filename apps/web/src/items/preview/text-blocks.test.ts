import { expect, test } from 'vitest'
import { textBlocks } from './text-blocks.ts'

test('a short text is one block, and an empty one none', () => {
  expect(textBlocks('a\nb\n')).toEqual(['a\nb\n'])
  expect(textBlocks('')).toEqual([])
})

test('blocks end where lines end, and together are the text', () => {
  const text = Array.from({ length: 5_000 }, (_, i) => `line ${i}`).join('\n')
  const blocks = textBlocks(text)
  expect(blocks.length).toBeGreaterThan(4)
  expect(blocks.join('\n')).toBe(text)
})

test('a line without end is cut, and no character with it', () => {
  const text = `x${'😀'.repeat(100_000)}`
  const blocks = textBlocks(text)
  expect(blocks.join('')).toBe(text)
  for (const block of blocks) {
    expect(block.length).toBeLessThanOrEqual(64 * 1024)
    expect(block.isWellFormed()).toBe(true)
  }
})
