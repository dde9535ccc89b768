import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { findName, findUnquoted, quoteBytes } from './names.ts'

const utf8 = new TextEncoder()

/** strconv.Quote of bytes, as strict as can be: everything that may be an escape is one. */
const quoteAll = (bytes: Uint8Array, form: (byte: number) => string): string =>
  Array.from(bytes, (byte) => {
    if (byte === 0x22 || byte === 0x5c) return `\\${String.fromCharCode(byte)}`
    if (byte >= 0x20 && byte < 0x7f) return String.fromCharCode(byte)
    return form(byte)
  }).join('')

const forms: readonly ((byte: number) => string)[] = [
  (byte) => `\\x${byte.toString(16).padStart(2, '0')}`,
  (byte) => `\\x${byte.toString(16).padStart(2, '0').toUpperCase()}`,
  (byte) => `\\${byte.toString(8).padStart(3, '0')}`,
]

describe('names', () => {
  it.each([
    ['plain', 'plain'],
    ['snöflöke 🌻', 'snöflöke 🌻'],
    ['a\\u200bb', 'a\u200bb'],
    ['\\U0001f33b', '🌻'],
    ['a\\"b\\\\c', 'a"b\\c'],
    ['\\a\\b\\f\\n\\r\\t\\v', '\u0007\b\f\n\r\t\v'],
    ['it\u0027s', "it's"],
    ['\\ufeffmark', '\ufeffmark'],
    ['\ufeffmark', '\ufeffmark'],
  ])('reads %s as Go does', (quoted, name) => {
    expect(findName(quoted)).toEqual({ name })
  })

  it('keeps the bytes of a name that is no UTF-8, and shows them so that nothing else reads the same', () => {
    expect(findName('caf\\xe9')).toEqual({
      name: 'caf\\xe9',
      nameBytes: Uint8Array.of(0x63, 0x61, 0x66, 0xe9),
    })
    expect(findName('\\\\xe9\\xe9')?.name).toBe('\\\\xe9\\xe9')
    expect(findName('\\303\\266')).toEqual({ name: 'ö' })
  })

  it.each([
    '"',
    'a"b',
    'a\nb',
    '\\',
    '\\q',
    "\\'",
    '\\x4',
    '\\x4g',
    '\\u12',
    '\\ud800',
    '\\U00110000',
    '\\400',
    '\\18',
    '\\u{41}',
  ])('refuses %j, as strconv.Unquote does', (quoted) => {
    expect(findUnquoted(quoted)).toBeUndefined()
    expect(findName(quoted)).toBeUndefined()
  })

  it.each(['', '.', '..', 'a/b', '/', 'a\\x2fb', 'a\\x00b', '\\056\\056', 'a\u0000'])(
    'refuses %j, which no file can be called',
    (quoted) => {
      expect(findName(quoted)).toBeUndefined()
    },
  )

  it('gives back all bytes, however they were quoted', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), fc.constantFrom(...forms), (bytes, form) => {
        expect(findUnquoted(quoteAll(bytes, form))).toEqual(Uint8Array.from(bytes))
      }),
    )
  })

  it('gives back all text, by letters or by escapes of their numbers', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 20 }), (text) => {
        const byNumber = Array.from(
          text,
          (letter) => `\\U${letter.codePointAt(0)?.toString(16).padStart(8, '0')}`,
        ).join('')
        expect(findUnquoted(byNumber)).toEqual(Uint8Array.from(utf8.encode(text)))
        const plain = text.replace(/["\\\n]/g, '')
        expect(findUnquoted(plain)).toEqual(Uint8Array.from(utf8.encode(plain)))
      }),
    )
  })

  it('never gives two names of bytes the same text', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 12 }),
        fc.uint8Array({ maxLength: 12 }),
        (one, other) => {
          const same = one.length === other.length && one.every((byte, at) => byte === other[at])
          expect(quoteBytes(one) === quoteBytes(other)).toBe(same)
        },
      ),
    )
  })

  it('never throws, whatever stands there', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom('\\', 'x', 'u', '0', '7', 'f', '"', 'n') }),
        (text) => {
          const bytes = findUnquoted(text)
          expect(bytes === undefined || bytes instanceof Uint8Array).toBe(true)
        },
      ),
    )
  })
})
