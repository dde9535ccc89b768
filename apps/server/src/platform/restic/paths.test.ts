import { describe, expect, test } from 'vitest'
import { parseResticPath } from './paths.ts'

const id = 'ab'.repeat(32)

describe('the addresses of the protocol', () => {
  test.each([
    ['/', [], { kind: 'repository' }],
    ['/a/', ['a'], { kind: 'repository' }],
    ['/a/b/', ['a', 'b'], { kind: 'repository' }],
    ['/config', [], { kind: 'object', ref: { type: 'config', id: '' } }],
    ['/a/b/config', ['a', 'b'], { kind: 'object', ref: { type: 'config', id: '' } }],
    ['/a/locks/', ['a'], { kind: 'list', type: 'locks' }],
    [`/data/${id}`, [], { kind: 'object', ref: { type: 'data', id } }],
    [`/a/b/index/${id}`, ['a', 'b'], { kind: 'object', ref: { type: 'index', id } }],
    ['/a%20b/%C3%BC/keys/', ['a b', 'ü'], { kind: 'list', type: 'keys' }],
    ['/..a/...b/keys/', ['..a', '...b'], { kind: 'list', type: 'keys' }],
  ])('%s', (path, folder, rest) => {
    expect(parseResticPath(path, 2)).toEqual({ folder, rest })
  })

  test.each([
    '',
    'a/',
    '/a',
    '/a/b',
    '/a/b/c/',
    `/a/b/c/data/${id}`,
    '/keys',
    '/other/keys',
    '/a/b/other/',
    '//',
    '/a//keys/',
    '/./keys/',
    '/a/../keys/',
    '/%2e%2e/keys/',
    '/a%2fb/keys/',
    '/a%5c..%5cb/keys/',
    '/a%00/keys/',
    '/%zz/keys/',
    '/a\\b/keys/',
    '/.bin/keys/',
    '/a/.bin/keys/',
    '/.hearthold-list',
    '/.hearthold-list/keys/',
    '/a/.hearthold-list',
    `/${'x'.repeat(256)}/keys/`,
    `/${'%C3%BC'.repeat(128)}/keys/`,
    `/data/${id}/`,
    `/data/${id.toUpperCase()}`,
    `/data/${id.slice(1)}`,
    `/data/${id}0`,
    `/data/ab/${id}`,
    `/data/..%2f${id}`,
    `/data/${id}.1.2`,
    `/data/${id}.rest-server-temp1`,
    `/config/${id}`,
    '/config/',
    '/a/config/x',
  ])('%j is none', (path) => {
    expect(parseResticPath(path, 2)).toBeUndefined()
  })

  test('end their folders at the limit, and at the first name of restic', () => {
    expect(parseResticPath('/a/keys/', 1)?.folder).toEqual(['a'])
    expect(parseResticPath('/a/b/keys/', 1)).toBeUndefined()
    expect(parseResticPath('/keys/keys/', 2)).toBeUndefined()
    expect(parseResticPath('/a/', 0)).toBeUndefined()
  })
})
