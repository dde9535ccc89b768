import { mkdtempSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Writable } from 'node:stream'
import { expect, test, vi } from 'vitest'
import { loggedError, openFileLog, openLog } from './log.ts'

const sink = (isTTY: boolean) => {
  const lines: string[] = []
  const stream = new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      lines.push(chunk.toString())
      done()
    },
  })
  return { lines, stream: Object.assign(stream, { isTTY }) }
}
const token = 'Zz'.repeat(22)

test('JSON lines without what must not be logged, at the top or one level down', () => {
  const { lines, stream } = sink(false)
  const log = openLog({ level: 'info', format: 'auto', stream })
  log.debug({}, 'too quiet')
  log.info({ token, inner: { password: 'hush', count: 1 }, headers: { cookie: 'hush' } }, 'hello')
  expect(JSON.parse(lines[0] ?? '')).toMatchObject({
    level: 30,
    msg: 'hello',
    token: '[removed]',
    headers: '[removed]',
    inner: { password: '[removed]', count: 1 },
  })
  expect(lines).toHaveLength(1)
})

test('errors keep code, stack and causes, and lose what looks like a token or a query', () => {
  const error = Object.assign(
    new Error(`no ${token} at https://h/p?t=hush`, { cause: new Error('why') }),
    { code: 'EIO' },
  )
  const logged = loggedError(error)
  expect(logged).toMatchObject({
    type: 'Error',
    code: 'EIO',
    message: 'no [removed] at https://h/p?[removed]',
    cause: { message: 'why' },
  })
  expect(JSON.stringify(logged)).not.toMatch(/ZzZz|hush/)
  expect(loggedError('hush')).toEqual({ type: 'string', message: 'not an error object' })
})

test('text for people on a terminal', () => {
  const { lines, stream } = sink(true)
  const log = openLog({ level: 'debug', format: 'auto', stream })
  log.warn({ path: '/api/x', note: 'two words\nand a line' }, 'slow')
  log.error({ err: new Error('broken') }, 'failed')
  expect(lines[0]).toMatch(
    /^\d\d:\d\d:\d\d WARN {2}slow path=\/api\/x note="two words\\nand a line"\n$/,
  )
  expect(lines[1]).toMatch(/ERROR failed\nError: broken\n/)
})

test('a file of 0640 that is opened anew after a rotation', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'hearthold-log-'))
  const path = join(folder, 'access.log')
  const mask = process.umask(0o077)
  try {
    const { log, reopen, close } = openFileLog(path)
    log.info({ n: 1 }, 'request')
    await vi.waitFor(() => expect(readFileSync(path, 'utf8')).toContain('"n":1'))
    expect(statSync(path).mode & 0o777).toBe(0o640)
    renameSync(path, `${path}.1`)
    reopen()
    await vi.waitFor(() => expect(statSync(path).mode & 0o777).toBe(0o640))
    log.info({ n: 2 }, 'request')
    await vi.waitFor(() => expect(readFileSync(path, 'utf8')).toContain('"n":2'))
    await close()
  } finally {
    process.umask(mask)
    rmSync(folder, { recursive: true, force: true })
  }
})
