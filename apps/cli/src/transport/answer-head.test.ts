import { describe, expect, it } from 'vitest'
import { headEnd, parsePlainHead } from './answer-head.ts'

const parse = (...lines: string[]) =>
  parsePlainHead(Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1'))

describe('the head of an answer', () => {
  it('is read where the body has one length', () => {
    expect(
      parse('HTTP/1.1 206 Partial Content', 'Content-Length: 10', 'ETag:"x"', 'A: 1 ', 'a:\t2'),
    ).toEqual({
      status: 206,
      headers: { 'content-length': '10', etag: '"x"', a: '1, 2' },
      sizeBytes: 10,
      keeps: true,
    })
    expect(parse('HTTP/1.1 200', 'content-length: 0', 'Connection: Close')).toMatchObject({
      sizeBytes: 0,
      keeps: false,
    })
    expect(parse('HTTP/1.1 200 OK', 'content-length: 1', '__proto__: x')?.sizeBytes).toBe(1)
  })

  it.each([
    ['another status', 'HTTP/1.1 404 Not Found', 'content-length: 2'],
    ['an interim status', 'HTTP/1.1 100 Continue', 'content-length: 2'],
    ['another version', 'HTTP/1.0 200 OK', 'content-length: 2'],
    ['no HTTP', 'SSH-2.0-OpenSSH', 'content-length: 2'],
    ['no length', 'HTTP/1.1 200 OK', 'a: b'],
    ['two lengths', 'HTTP/1.1 200 OK', 'content-length: 2', 'content-length: 2'],
    ['a coding beside the length', 'HTTP/1.1 200 OK', 'content-length: 2', 'transfer-encoding: x'],
    ['a signed length', 'HTTP/1.1 200 OK', 'content-length: +2'],
    ['an impossible length', 'HTTP/1.1 200 OK', 'content-length: 9999999999999999'],
    ['a folded line', 'HTTP/1.1 200 OK', 'content-length: 2', ' 3'],
    ['a space before the colon', 'HTTP/1.1 200 OK', 'content-length : 2'],
    ['a bare line feed', 'HTTP/1.1 200 OK', 'a: b\ncontent-length: 3', 'content-length: 2'],
    ['a zero byte', 'HTTP/1.1 200 OK', 'a: \0', 'content-length: 2'],
  ])('is left to a full client with %s', (_name, ...lines) => {
    expect(parse(...lines)).toBe(undefined)
  })

  it('ends with an empty line', () => {
    expect(headEnd(Buffer.from('HTTP/1.1 200 OK\r\na: b\r\n'))).toBe(undefined)
    expect(headEnd(Buffer.from('HTTP/1.1 200 OK\r\n\r\nbody'))).toBe(19)
  })
})
