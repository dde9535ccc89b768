import { describe, expect, test } from 'vitest'
import { decodeText } from './decode-text.ts'
import { previewOf } from './preview-kind.ts'

describe('previewOf', () => {
  test.each([
    ['Passport scan.pdf', 'pdf'],
    ['IMG_1.JPEG', 'image'],
    ['plan.svg', 'image'],
    ['notes.md', 'markdown'],
    ['page.html', 'text'],
    ['README', 'text'],
    ['.gitignore', 'text'],
    ['choir.flac', 'audio'],
    ['birthday.mov', 'video'],
    ['archive.zip', undefined],
    ['no ending', undefined],
    ['odd.constructor', undefined],
    ['.', undefined],
  ])('%s: %s', (name, kind) => {
    expect(previewOf(name)?.kind).toBe(kind)
  })
  test('never tells the browser a type that runs', () => {
    for (const name of ['a.html', 'a.htm', 'a.xml', 'a.js', 'a.mjs', 'a.md'])
      expect(previewOf(name)?.type).toBe('text/plain')
  })
})

describe('decodeText', () => {
  const utf8 = new TextEncoder()
  test('reads UTF-8 with and without a mark', () => {
    expect(decodeText(utf8.encode('\ufeffgrün'), false)).toBe('grün')
    expect(decodeText(utf8.encode('grün'), false)).toBe('grün')
  })
  test('reads UTF-16 by its mark', () => {
    expect(decodeText(Uint8Array.of(0xff, 0xfe, 0x68, 0, 0x69, 0), false)).toBe('hi')
    expect(decodeText(Uint8Array.of(0xfe, 0xff, 0, 0x68, 0, 0x69), false)).toBe('hi')
  })
  test('a character cut in two is left out, not misread', () => {
    const bytes = utf8.encode('grün')
    expect(decodeText(bytes.subarray(0, 3), true)).toBe('gr')
    expect(decodeText(bytes.subarray(0, 3), false)).toBe('grÃ')
  })
  test('takes any bytes', () => {
    expect(decodeText(Uint8Array.of(0x67, 0xfc, 0x6e), false)).toBe('gün')
  })
})
