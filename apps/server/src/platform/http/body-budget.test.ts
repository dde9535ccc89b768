import { appendLogs, putBundle, putRegister, readLog, writeUpload } from '@hearthold/contract'
import type { IncomingMessage } from 'node:http'
import { expect, test } from 'vitest'
import { bodyBudget, heldBytes } from './body-budget.ts'

test('bounds what one account holds, and what all do, and gives room back once', () => {
  const budget = bodyBudget({ perAccountBytes: 100, totalBytes: 150 })
  const over = budget.take('a', 60)
  expect(() => budget.take('a', 41)).toThrow(expect.objectContaining({ code: 'rate_limited' }))
  budget.take('b', 90)
  expect(() => budget.take('c', 1)).toThrow(expect.objectContaining({ code: 'unavailable' }))
  over()
  over()
  budget.take('a', 60)
  expect(() => budget.take('c', 1)).toThrow(expect.objectContaining({ code: 'unavailable' }))
})

test.each([
  ['a bundle', putBundle, '5000000', 5_000_000],
  ['a bundle of unknown size', putBundle, undefined, 16 * 2 ** 20],
  ['an append that is too large', appendLogs, '99999999', 4 * 2 ** 20],
  ['a small body', putRegister, '9000', 0],
  ['a body that is handed on', writeUpload, '99999999', 0],
  ['no body', readLog, undefined, 0],
] as const)('counts %s as far as it is held', (_what, endpoint, length, held) => {
  const headers = length === undefined ? {} : { 'content-length': length }
  expect(heldBytes(endpoint, { headers } as IncomingMessage)).toBe(held)
})
