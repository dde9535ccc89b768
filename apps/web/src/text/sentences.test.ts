import { expect, test } from 'vitest'
import { sentences } from './sentences.ts'

test('sentences end once, and empty parts leave no gap', () => {
  expect(sentences('It is full.', 'Empty the trash')).toBe('It is full. Empty the trash.')
  expect(sentences('Nothing was lost', '', ' Really? ')).toBe('Nothing was lost. Really?')
  expect(sentences('', '')).toBe('')
})
