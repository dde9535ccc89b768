import { expect, test } from 'vitest'
import { tokenOf } from './link-token.ts'

const token = 'Gl6h4oCjagAYXWNbMv99mUPoWc36jcMQZKNDsSwACoI'

test.each([
  token,
  `  ${token}\n`,
  `http://localhost:8765/set-up#${token}`,
  `https://cloud.example/sign-up#${token}.${'ab'.repeat(32)}`,
  `${token}.${'ab'.repeat(32)}`,
])('finds the token in %j', (given) => {
  expect(tokenOf(given)).toBe(token)
})

test.each([
  '',
  '#',
  'http://localhost:8765/set-up',
  token.slice(1),
  `${token}x`,
  `${token.slice(1)}!`,
])('finds none in %j', (given) => {
  expect(tokenOf(given)).toBeUndefined()
})
