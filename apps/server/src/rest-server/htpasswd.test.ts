import { createHash } from 'node:crypto'
import { mkdtempSync, renameSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { hashSync } from 'bcryptjs'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { recordingLog } from '#platform/http/test-http.ts'
import type { BcryptWorker } from './bcrypt-worker.ts'
import { type Htpasswd, openHtpasswd, type PasswordAnswer } from './htpasswd.ts'

let folder = ''
let now = 0
let opened: Htpasswd[] = []
const clock = { now: () => now }
const log = recordingLog()
beforeEach(() => {
  now = Date.UTC(2026, 10, 21)
  log.lines.length = 0
  folder = mkdtempSync(join(tmpdir(), 'hearthold-htpasswd-'))
})
afterEach(async () => {
  for (const htpasswd of opened) await htpasswd.close()
  opened = []
  rmSync(folder, { recursive: true })
})

const sha = (password: string): string =>
  `{SHA}${createHash('sha1').update(password).digest('base64')}`
const bcrypt = (password: string): string => hashSync(password, 4)
const write = (...lines: string[]): string => {
  const file = join(folder, 'users')
  writeFileSync(file, lines.join('\n'))
  return file
}
const open = (file: string, worker?: BcryptWorker): Htpasswd => {
  const htpasswd = openHtpasswd({ file, clock, log, ...(worker === undefined ? {} : { worker }) })
  opened.push(htpasswd)
  return htpasswd
}
const asker =
  (htpasswd: Htpasswd) =>
  (user: string, password: string | Uint8Array, from = '10.0.0.1') =>
    htpasswd.check(user, typeof password === 'string' ? Buffer.from(password) : password, from)

/** Compares only when told to, and keeps what it was asked. */
const slowWorker = () => {
  const asked: { password: string; answer: (matches: boolean) => void }[] = []
  const worker: BcryptWorker = {
    matches: (password) => new Promise((answer) => asked.push({ password, answer })),
    close: async () => {},
  }
  return { worker, asked }
}
const allOf = (answers: readonly (PasswordAnswer | Promise<PasswordAnswer>)[]) =>
  Promise.all(answers.map(async (answer) => answer))
const turns = async (): Promise<void> => {
  for (let turn = 0; turn < 10; turn++) await Promise.resolve()
}

describe('passwords', () => {
  test('bcrypt of three letters and {SHA}; wrong ones and strangers are not let in', async () => {
    const hash = bcrypt('secret')
    const check = asker(
      open(
        write(
          `a:$2a${hash.slice(3)}`,
          `b:$2b${hash.slice(3)}`,
          `y:$2y${hash.slice(3)}`,
          `s:${sha('secret')}`,
        ),
      ),
    )
    for (const user of ['a', 'b', 'y', 's']) {
      expect(await check(user, 'secret')).toBe(true)
      expect(await check(user, 'Secret')).toBe(false)
      expect(await check(user, '')).toBe(false)
    }
    expect(await check('stranger', 'secret')).toBe(false)
    expect(await check('', 'secret')).toBe(false)
  })
  test('of a password beyond 72 bytes the first 72 count, as bcrypt has it', async () => {
    const long = 'é'.repeat(36)
    const check = asker(open(write(`a:${bcrypt(long)}`)))
    expect(await check('a', long)).toBe(true)
    expect(await check('a', `${long}and more`)).toBe(true)
    expect(await check('a', long.slice(0, -1))).toBe(false)
    expect(await check('a', 'x'.repeat(100_000))).toBe(false)
  })
  test('bytes that are no UTF-8 match no bcrypt hash', async () => {
    const check = asker(open(write(`a:${bcrypt('\ufffd')}`)))
    expect(await check('a', '\ufffd')).toBe(true)
    expect(await check('a', Uint8Array.of(0xff))).toBe(false)
  })
  test('a right pair is believed for a minute after its last use, and only that pair', async () => {
    const { worker, asked } = slowWorker()
    const check = asker(open(write(`a:${bcrypt('x')}`), worker))
    const first = check('a', 'secret')
    asked[0]?.answer(true)
    expect(await first).toBe(true)
    for (let minute = 0; minute < 5; minute++) {
      now += 59_000
      expect(check('a', 'secret')).toBe(true)
    }
    expect(asked).toHaveLength(1)
    const wrong = check('a', 'other')
    asked[1]?.answer(false)
    expect(await wrong).toBe(false)
    now += 60_000
    const later = check('a', 'secret')
    expect(later).toBeInstanceOf(Promise)
    asked[2]?.answer(true)
    expect(await later).toBe(true)
    // A clock that was set back makes nothing believed for longer.
    now -= 3_600_000
    expect(check('a', 'secret')).toBeInstanceOf(Promise)
  })
})

describe('a flood of wrong passwords', () => {
  test('waits in its own lane: others are looked at in turn, and what was right goes first', async () => {
    const { worker, asked } = slowWorker()
    const check = asker(open(write(`a:${bcrypt('x')}`, `b:${bcrypt('x')}`), worker))
    const before = check('a', 'right')
    asked[0]?.answer(true)
    expect(await before).toBe(true)
    now += 61_000
    const flood = Array.from({ length: 40 }, (_, index) => check('a', `guess ${index}`, '6.6.6.6'))
    const refused = flood.filter((answer) => answer === 'busy')
    // One is looked at and eight wait.
    expect(flood.length - refused.length).toBe(9)
    const other = check('b', 'mine', '10.0.0.2')
    const known = check('a', 'right')
    const order: string[] = []
    for (let index = 1; index < 12; index++) {
      await turns()
      const question = asked[index]
      order.push(question?.password ?? '')
      question?.answer(!question.password.startsWith('guess'))
    }
    expect(order.slice(0, 4)).toEqual(['guess 0', 'right', 'guess 1', 'mine'])
    expect([await known, await other]).toEqual([true, true])
    expect(await allOf(flood)).not.toContain(true)
    // Believed again: no queue at all.
    expect(check('a', 'right')).toBe(true)
  })
  test('of many addresses is bounded as a whole', async () => {
    const { worker, asked } = slowWorker()
    const check = asker(open(write(`a:${bcrypt('x')}`), worker))
    const flood = Array.from({ length: 500 }, (_, index) =>
      check(`nobody${index}`, 'guess', `6.6.${index % 250}.1`),
    )
    const waiting = flood.filter((answer) => answer !== 'busy')
    expect(waiting).toHaveLength(65)
    for (let index = 0; index < 65; index++) {
      await turns()
      asked[index]?.answer(true)
    }
    // Even a comparison that matched lets no stranger in.
    expect(new Set(await allOf(waiting))).toEqual(new Set<PasswordAnswer>([false]))
  })
  test('requests of one pair at once are one comparison', async () => {
    const { worker, asked } = slowWorker()
    const check = asker(open(write(`a:${bcrypt('x')}`), worker))
    const answers = Array.from({ length: 30 }, () => check('a', 'right'))
    asked[0]?.answer(true)
    expect(new Set(await allOf(answers))).toEqual(new Set([true]))
    expect(asked).toHaveLength(1)
  })
  test('a comparison that fails is an answer to ask again, and no way in', async () => {
    const worker = {
      matches: () => Promise.reject(new Error('the thread ended')),
      close: async () => {},
    }
    const check = asker(open(write(`a:${bcrypt('x')}`), worker))
    expect(await check('a', 'x')).toBe('busy')
    expect(log.lines.map(({ level }) => level)).toEqual(['error'])
  })
})

describe('the file', () => {
  test('is read again when it changed, looked at most every 30 s', async () => {
    const file = write(`a:${sha('one')}`)
    const check = asker(open(file))
    expect(await check('a', 'one')).toBe(true)
    write(`a:${sha('two')}`)
    now += 29_999
    expect(await check('a', 'one')).toBe(true)
    now += 1
    expect(await check('a', 'one')).toBe(false)
    expect(await check('a', 'two')).toBe(true)
  })
  test('is noticed when it is replaced by one of the same size and time', async () => {
    const file = write(`a:${sha('one')}`)
    const at = new Date(1_000_000)
    utimesSync(file, at, at)
    const check = asker(open(file))
    const other = join(folder, 'other')
    writeFileSync(other, `a:${sha('two')}`)
    utimesSync(other, at, at)
    renameSync(other, file)
    now += 30_000
    expect(await check('a', 'two')).toBe(true)
  })
  test('keeps the old users where it cannot be read, and is tried again', async () => {
    const file = write(`a:${sha('one')}`)
    const htpasswd = open(file)
    const check = asker(htpasswd)
    rmSync(file)
    htpasswd.reload()
    expect(await check('a', 'one')).toBe(true)
    expect(log.lines.at(-1)).toMatchObject({ level: 'error' })
    write(`b:${sha('two')}`)
    now += 30_000
    expect(await check('a', 'one')).toBe(false)
    expect(await check('b', 'two')).toBe(true)
  })
  test('of which a line changed forgets the pair of that line, also in the middle of a comparison', async () => {
    const { worker, asked } = slowWorker()
    const keeps = bcrypt('x')
    const file = write(`a:${keeps}`, `b:${bcrypt('x')}`)
    const htpasswd = open(file, worker)
    const check = asker(htpasswd)
    const both = [check('a', 'x'), check('b', 'x')]
    asked[0]?.answer(true)
    await turns()
    write(`a:${keeps}`, `b:${bcrypt('y')}`)
    htpasswd.reload()
    asked[1]?.answer(true)
    expect(await allOf(both)).toEqual([true, false])
    expect(check('a', 'x')).toBe(true)
    expect(check('b', 'x')).toBeInstanceOf(Promise)
  })
  test('has its broken lines told once', () => {
    const file = write(`a:${sha('one')}`, 'broken')
    const htpasswd = open(file)
    const told = () => log.lines.filter(({ message }) => message.includes('line 2')).length
    expect(told()).toBe(1)
    htpasswd.reload()
    expect(told()).toBe(1)
    write(`a:${sha('one')}`, `b:${sha('two')}`, 'broken')
    htpasswd.reload()
    expect(log.lines.filter(({ message }) => message.includes('line 3'))).toHaveLength(1)
  })
  test('that is not there is an error', () => {
    expect(() => open(join(folder, 'none'))).toThrow('ENOENT')
  })
})
