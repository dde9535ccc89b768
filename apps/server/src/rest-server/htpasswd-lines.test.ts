import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { isSha1Of, readHtpasswd } from './htpasswd-lines.ts'

const bcrypt = `$2y$10$${'a'.repeat(53)}`
const sha = `{SHA}${createHash('sha1').update('secret').digest('base64')}`
const usersOf = (text: string): string[] => [...readHtpasswd(text).users.keys()]

test('reads bcrypt of three letters and {SHA}; comments, blanks and Windows line ends count nothing', () => {
  const text = `# people\r\na:$2a${bcrypt.slice(3)}\r\n\r\nb:$2b${bcrypt.slice(3)}\n   \nc:${bcrypt}\nd:${sha}`
  const { users, broken } = readHtpasswd(text)
  expect([...users.keys()]).toEqual(['a', 'b', 'c', 'd'])
  expect(users.get('d')).toEqual({ kind: 'sha1', hash: sha.slice(5) })
  expect(broken).toEqual([])
})
test('users are letters of any script, digits and @ . _ -', () => {
  for (const user of ['anna', 'Jörg', '田中', 'a.b@c-d_e', '7', 'ﬁ'])
    expect(usersOf(`${user}:${bcrypt}`)).toEqual([user])
  for (const user of ['a b', 'a/b', '..\\', 'a+b', '', '٣', 'a\u0000', 'a\u0301'])
    expect(usersOf(`${user}:${bcrypt}`)).toEqual([])
})
test('fields as CSV has them: blanks before, quotes, and more fields than are needed', () => {
  expect(usersOf(` anna: ${bcrypt}`)).toEqual(['anna'])
  expect(usersOf(`"anna":"${bcrypt}":and more`)).toEqual(['anna'])
  expect(usersOf(`an"na:${bcrypt}`)).toEqual([])
  expect(usersOf(`"anna:${bcrypt}`)).toEqual([])
})
test('what follows a bcrypt hash does not count, a blank for one; {SHA} is compared whole', () => {
  for (const more of [' ', '\t', 'x'])
    expect(readHtpasswd(`anna:${bcrypt}${more}`)).toEqual({
      users: new Map([['anna', { kind: 'bcrypt', hash: bcrypt }]]),
      broken: [],
    })
  expect(usersOf(`anna:${sha} `)).toEqual([])
})
test('a broken line is told by its number and reason, never by what it holds, and spoils no other', () => {
  const lines = [
    `good:${bcrypt}`,
    'no-colon',
    'md5:$apr1$abcdefgh$0123456789abcdefghijkl',
    'plain:hunter2',
    `short:${bcrypt.slice(0, -1)}`,
    `cheap:$2y$03$${'a'.repeat(53)}`,
    `dear:$2y$31$${'a'.repeat(53)}`,
    'bad-sha:{SHA}abc',
    `white space:${bcrypt}`,
    `last:${sha}`,
  ]
  const { users, broken } = readHtpasswd(lines.join('\n'))
  expect([...users.keys()]).toEqual(['good', 'last'])
  expect(broken.map(({ line }) => line)).toEqual([2, 3, 4, 5, 6, 7, 8, 9])
  const told = broken.map(({ reason }) => reason).join('\n')
  for (const secret of ['hunter2', '$apr1$', 'aaaa', 'abc', 'white', 'md5'])
    expect(told).not.toContain(secret)
})
test('of two lines with one name the last counts, also if it is broken', () => {
  expect(readHtpasswd(`a:${sha}\na:${bcrypt}`).users.get('a')?.kind).toBe('bcrypt')
  expect(usersOf(`a:${bcrypt}\na:`)).toEqual([])
})
test('whatever a file holds, it is read, and only lines of the right form let somebody in', () => {
  const anyLine = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.string({ unit: fc.constantFrom('a', ':', '"', ' ', '#', '$', '2', 'y', '\r', '\0') }),
    fc.constantFrom(`x:${bcrypt}`, `y:${sha}`, `"z:${bcrypt}`),
  )
  fc.assert(
    fc.property(fc.array(anyLine, { maxLength: 12 }), (lines) => {
      const text = lines.join('\n')
      const { users, broken } = readHtpasswd(text)
      const counted = text.split('\n').length
      for (const { line } of broken) expect(line >= 1 && line <= counted).toBe(true)
      for (const [user, { kind, hash }] of users) {
        expect(user).toMatch(/^[\p{L}\d@._-]+$/u)
        expect(hash).toHaveLength(kind === 'bcrypt' ? 60 : 28)
      }
      // A good line after it is read, whatever stands before.
      expect(usersOf(`${text}\nlast.one:${bcrypt}`)).toContain('last.one')
    }),
    { numRuns: 400 },
  )
})
test('{SHA} compares bytes, those that are no text too', () => {
  const latin = Buffer.from([0xe9, 0xff, 0])
  const hash = createHash('sha1').update(latin).digest('base64')
  expect(isSha1Of(hash, latin)).toBe(true)
  expect(isSha1Of(hash, Buffer.from('é'))).toBe(false)
  expect(isSha1Of('', latin)).toBe(false)
})
