import { describe, expect, it } from 'vitest'
import { parseServerAddress, parseServerLink } from './server-address.ts'

const token = 'abcDEF0123456789abcDEF0123456789abcDEF01_-x'

describe('parseServerAddress', () => {
  it.each([
    ['https://Hearth.example', 'https://hearth.example'],
    ['https://hearth.example:443/', 'https://hearth.example'],
    ['hearth.example:8765', 'https://hearth.example:8765'],
    [' localhost:8765\n', 'http://localhost:8765'],
    ['http://127.0.0.1:1', 'http://127.0.0.1:1'],
    ['http://[::1]:8765', 'http://[::1]:8765'],
    ['https://localhost:8765', 'https://localhost:8765'],
    ['https://bücher.example', 'https://xn--bcher-kva.example'],
  ])('reads %j', (text, origin) => {
    expect(parseServerAddress(text)).toBe(origin)
  })

  it.each([
    '',
    'https://',
    'ftp://x',
    'http://hearth.example',
    'http://localhost.evil.example',
    'http://127.0.0.1.evil.example',
    'http://10.0.0.1',
    'https://user:secret@hearth.example',
    'https://hearth.example/path',
    'https://hearth.example/?q',
    `http://localhost:1/set-up#${token}`,
    'a b',
    'file:///etc/passwd',
  ])('refuses %j without repeating it', (text) => {
    const refuse = () => parseServerAddress(text)
    expect(refuse).toThrow(
      expect.objectContaining({
        exitCode: 2,
        message: expect.not.stringContaining('secret') as string,
      }),
    )
    expect(refuse).toThrow(
      expect.objectContaining({ message: expect.not.stringContaining(token) as string }),
    )
  })
})

describe('parseServerLink', () => {
  const pin = 'ab'.repeat(32)

  it.each([
    [
      `http://localhost:8765/set-up#${token}`,
      { origin: 'http://localhost:8765', token, pin: undefined },
    ],
    [`https://h.example:1/invite#${token}.${pin}\n`, { origin: 'https://h.example:1', token, pin }],
    [
      `https://h.example/invite#${token}.${Buffer.from(pin, 'hex').toString('base64url')}`,
      { origin: 'https://h.example', token, pin },
    ],
    [token, { origin: undefined, token, pin: undefined }],
    [`${token}.${pin}`, { origin: undefined, token, pin }],
  ])('reads %j', (text, link) => {
    expect(parseServerLink(text)).toEqual(link)
  })

  it.each([
    '',
    'x',
    `${token}x`,
    `${token}.short`,
    `http://evil.example/#${token}`,
    `https://h.example/${token}`,
    `#${token}.${pin}.${pin}`,
  ])('refuses %j', (text) => {
    expect(() => parseServerLink(text)).toThrow(
      expect.objectContaining({
        exitCode: 2,
        message: expect.not.stringContaining(token) as string,
      }),
    )
  })
})
