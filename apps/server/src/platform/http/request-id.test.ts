import { expect, it } from 'vitest'
import { requestIds } from './request-id.ts'

it('makes ids of 16 hex digits that do not come again, beyond what is fetched at once', () => {
  const next = requestIds()
  const ids = Array.from({ length: 2000 }, next)
  for (const id of ids) expect(id).toMatch(/^[0-9a-f]{16}$/)
  expect(new Set(ids).size).toBe(ids.length)
})
