import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import vectors from '../../../../docs/formats/vectors/recovery-key.json' with { type: 'json' }
import { fromHex, toHex } from '../bytes.ts'
import { recoveryKeyText } from '../oracle/formats.oracle.ts'
import { hexOf } from '../oracle/hex.oracle.ts'
import { buildRecoveryKeys } from '../oracle/vectors.oracle.ts'
import {
  formatRecoveryKey,
  generateRecoverySecret,
  parseRecoveryKey,
  RecoveryKeyError,
  recoveryLocator,
} from './recovery-key.ts'

const codeOf = (text: string): string => {
  try {
    parseRecoveryKey(text)
    return 'returned'
  } catch (error) {
    return error instanceof RecoveryKeyError ? error.code : `threw ${String(error)}`
  }
}

describe('recovery key', () => {
  test('the committed vectors are what the second implementation makes', async () => {
    expect(await buildRecoveryKeys()).toEqual(vectors)
  })

  test.each(vectors.cases)('$text', ({ secret, text, locator }) => {
    expect(formatRecoveryKey(fromHex(secret))).toBe(text)
    expect(toHex(parseRecoveryKey(text))).toBe(secret)
    expect(toHex(recoveryLocator(fromHex(secret)))).toBe(locator)
  })

  test('text and back, as the second implementation writes it', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ minLength: 20, maxLength: 20 }), async (secret) => {
        const text = formatRecoveryKey(secret)
        expect(text).toBe(await recoveryKeyText(hexOf(secret)))
        expect(text).toMatch(/^(?:[0-9A-HJKMNP-TV-Z]{4}-){8}[0-9A-HJKMNP-TV-Z]{4}$/)
        expect(toHex(parseRecoveryKey(text))).toBe(hexOf(secret))
      }),
    )
  })

  test('case, spaces, hyphens and look-alikes do not matter', () => {
    const secret = fromHex('0041082108'.repeat(4))
    const text = formatRecoveryKey(secret)
    const spellings = [
      text.toLowerCase(),
      text.replaceAll('-', ''),
      text.replaceAll('-', ' '),
      `  ${text.replaceAll('-', ' \u2013\n')}\t`,
      text.replaceAll('1', 'I').replaceAll('0', 'O'),
      text.replaceAll('1', 'l').replaceAll('0', 'o'),
      text.replaceAll('1', 'i').replaceAll('0', 'o').toLowerCase(),
      [...text].join(' '),
    ]
    expect(new Set(spellings).size).toBe(spellings.length)
    for (const spelling of spellings) expect(toHex(parseRecoveryKey(spelling))).toBe(toHex(secret))
  })

  test('names what is wrong: length, character or check', () => {
    const text = formatRecoveryKey(fromHex('07'.repeat(20)))
    expect(codeOf('')).toBe('length')
    expect(codeOf(text.slice(0, -1))).toBe('length')
    expect(codeOf(`${text}0`)).toBe('length')
    expect(codeOf('0'.repeat(100_000))).toBe('length')
    // "\u017F" and "\u0131" become S and I in upper case; they are no ASCII letters.
    for (const wrong of [
      'U',
      'u',
      '!',
      '\u017F',
      '\u0131',
      '\u00DF',
      '\uD83D\uDE00',
      '\u0660',
      '_',
    ]) {
      expect(codeOf(wrong + text.slice(1))).toBe('character')
    }
    expect(codeOf((text[0] === '2' ? '3' : '2') + text.slice(1))).toBe('check')
  })

  test('one wrong or two exchanged characters: at most one in a million escapes', () => {
    const text = formatRecoveryKey(fromHex('0123456789abcdef0123456789abcdef01234567')).replaceAll(
      '-',
      '',
    )
    const outcomes = new Set<string>()
    for (let at = 0; at < text.length; at++) {
      for (const character of '0123456789ABCDEFGHJKMNPQRSTVWXYZ') {
        if (character !== text[at])
          outcomes.add(codeOf(text.slice(0, at) + character + text.slice(at + 1)))
      }
      const [a, b] = [text[at], text[at + 1]]
      if (b !== undefined && a !== b)
        outcomes.add(codeOf(text.slice(0, at) + b + a + text.slice(at + 2)))
    }
    expect([...outcomes]).toEqual(['check'])
  })

  test('throws for secrets of other lengths, and makes random ones', () => {
    for (const length of [0, 16, 19, 21, 32]) {
      expect(() => formatRecoveryKey(new Uint8Array(length))).toThrow(RangeError)
      expect(() => recoveryLocator(new Uint8Array(length))).toThrow(RangeError)
    }
    const made = Array.from({ length: 20 }, () => toHex(generateRecoverySecret()))
    expect(new Set(made).size).toBe(20)
    expect(made[0]).toHaveLength(40)
  })
})
