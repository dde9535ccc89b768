import { generateKeyPairSync } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { parseServerPin, pinOf } from './server-pin.ts'

describe('parseServerPin', () => {
  const pin = pinOf(generateKeyPairSync('ed25519').publicKey)
  const bytes = Buffer.from(pin, 'hex')

  it.each([
    ['hex', pin],
    ['upper case', pin.toUpperCase()],
    ['colons', pin.match(/../g)?.join(':') ?? ''],
    ['base64url', bytes.toString('base64url')],
    ['base64', bytes.toString('base64')],
    ['a prefix', `sha256:${pin}`],
    ["curl's prefix", `sha256//${bytes.toString('base64')}`],
    ['a line end', `${pin}\n`],
  ])('reads %s', (_, text) => {
    expect(parseServerPin(text)).toBe(pin)
  })

  it.each(['', 'abc', `${pin}0`, pin.slice(1), `${pin.slice(1)}g`, 'A'.repeat(42)])(
    'refuses %j',
    (text) => {
      expect(parseServerPin(text)).toBeUndefined()
    },
  )
})
