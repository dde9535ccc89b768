import { ProblemError } from '@hearthold/contract'
import { describe, expect, it } from 'vitest'
import { parseSharePath, withAdvice } from './share-path.ts'

describe('a place in a share', () => {
  it.each([
    ['Photos:/2026/x', 'Photos', '/2026/x'],
    ['Photos:', 'Photos', '/'],
    ['Photos:/', 'Photos', '/'],
    ['Photos://a//b/', 'Photos', '/a/b'],
    ['a:b:/c:/d', 'a:b', '/c:/d'],
    ['  :/x', '  ', '/x'],
    ['é:/e\u0301', 'é', '/é'],
    ['two\nlines:/x\ny', 'two\nlines', '/x\ny'],
  ])('%j', (text, share, path) => {
    expect(parseSharePath(text)).toEqual({ share, path })
  })

  it.each([
    '',
    ':',
    ':/x',
    'Photos',
    'Photos:x',
    './Photos',
    'Photos:/a/../b',
    'Photos:/.',
    'P:/\0',
  ])('refuses %j as a usage error that repeats nothing', (text) => {
    expect(() => parseSharePath(text)).toThrow(expect.objectContaining({ exitCode: 2 }) as Error)
  })

  it('is a whole share where a bare one is meant', () => {
    expect(parseSharePath('Photos', true)).toEqual({ share: 'Photos', path: '/' })
    expect(parseSharePath('Photos:/x', true)).toEqual({ share: 'Photos', path: '/x' })
    expect(() => parseSharePath('', true)).toThrow(
      expect.objectContaining({ exitCode: 2 }) as Error,
    )
  })
})

describe('problems of the tree', () => {
  it.each([
    ['bad_request', 2],
    ['not_found', 4],
    ['object_exists', 5],
  ] as const)('%s gets exit code %i', async (code, exitCode) => {
    const failed = withAdvice(() => Promise.reject(new ProblemError(code, 'Why.')))
    await expect(failed).rejects.toMatchObject({ name: 'CliError', exitCode, message: 'Why.' })
  })

  it('are the only ones that change', async () => {
    const other = new ProblemError('over_quota')
    await expect(withAdvice(() => Promise.reject(other))).rejects.toBe(other)
  })
})
