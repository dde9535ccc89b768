import { once } from 'node:events'
import { mkdtempSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs'
import { createServer, request, type RequestListener } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { combinedLine, type CombinedEntry, openCombinedLog } from './combined-log.ts'

const entry: CombinedEntry = {
  address: '192.0.2.7',
  user: 'anna',
  at: Date.UTC(2026, 10, 21, 8, 5, 9),
  method: 'GET',
  url: '/a/data/?x=1',
  httpVersion: '1.1',
  status: 200,
  bodyBytes: 12,
  referrer: undefined,
  userAgent: 'restic/0.18',
}
let folder = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'hearthold-combined-'))
})
afterEach(() => {
  vi.unstubAllEnvs()
  rmSync(folder, { recursive: true })
})

/** What tools for Apache's logs expect of a line. */
const combined =
  /^(\S+) - (\S+) \[(\d\d\/[A-Z][a-z]{2}\/\d{4}:\d\d:\d\d:\d\d [+-]\d{4})\] "((?:[^"\\]|\\.)*)" (\d{3}) (\d+) "((?:[^"\\]|\\.)*)" "((?:[^"\\]|\\.)*)"\n$/

test('a line is as Apache writes it', () => {
  vi.stubEnv('TZ', 'UTC')
  expect(combinedLine(entry)).toBe(
    '192.0.2.7 - anna [21/Nov/2026:08:05:09 +0000] "GET /a/data/?x=1 HTTP/1.1" 200 12 "" "restic/0.18"\n',
  )
  vi.stubEnv('TZ', 'Asia/Kolkata')
  expect(combinedLine(entry)).toContain('[21/Nov/2026:13:35:09 +0530]')
  vi.stubEnv('TZ', 'America/St_Johns')
  expect(combinedLine(entry)).toContain('[21/Nov/2026:04:35:09 -0330]')
})
test('what a client chose ends no field and no line', () => {
  const evil = 'a" 200 1 "b\\\r\n\u0000\u001b[31mé'
  const line = combinedLine({
    ...entry,
    ...{ url: evil, referrer: evil, userAgent: evil, user: 'x y]\n"' },
  })
  const [, address, user, , requested] = combined.exec(line) ?? []
  expect([address, user]).toEqual(['192.0.2.7', 'x\\x20y]\\x0a\\"'])
  expect(requested).toContain('\\" 200 1 \\"b\\\\\\x0d\\x0a\\x00\\x1b[31m\\xc3\\xa9')
  expect(combinedLine({ ...entry, address: undefined, user: '' })).toMatch(/^- - - \[/)
})
test('bytes of headers are written as they came, and no others', () => {
  const userAgent = Buffer.from('jörg').toString('latin1')
  expect(combinedLine({ ...entry, userAgent })).toMatch(/"j\\xc3\\xb6rg"\n$/)
  expect(combinedLine({ ...entry, referrer: '\xff' })).toContain('12 "\\xff" "restic')
})

const served = async (listener: RequestListener) => {
  const server = createServer(listener).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  const port = address === null || typeof address === 'string' ? 0 : address.port
  const ask = (path: string, method = 'GET'): Promise<void> =>
    new Promise((resolve) => {
      const sent = request({ port, host: '127.0.0.1', path, method }, (answer) =>
        answer.resume().once('close', resolve),
      )
      sent.once('error', () => resolve())
      sent.end()
    })
  return { ask, close: () => new Promise((done) => server.close(done)) }
}

test('counts the bytes of bodies, tells the user known at the end, and logs answers that were cut', async () => {
  const file = join(folder, 'log')
  const log = openCombinedLog(file, { now: () => Date.now() })
  let user: string | undefined
  const { ask, close } = await served((req, res) => {
    log.watch(req, res, () => user)
    if (req.url === '/parts') {
      user = 'anna'
      res.write('é')
      res.write(Buffer.alloc(10))
      res.end('end', 'latin1')
    } else if (req.url === '/cut') {
      res.writeHead(200, { 'content-length': 100 })
      res.write('1234', () => req.destroy())
    } else res.writeHead(204).end()
  })
  await ask('/none')
  await ask('/parts')
  await ask('/parts', 'HEAD')
  await ask('/cut')
  await close()
  await log.close()
  const lines = readFileSync(file, 'utf8').split(/(?<=\n)/)
  const facts = lines.map((line) => combined.exec(line)?.slice(1))
  expect(facts.map((fact) => [fact?.[0], fact?.[1], fact?.[4], fact?.[5]])).toEqual([
    ['127.0.0.1', '-', '204', '0'],
    ['127.0.0.1', 'anna', '200', '15'],
    ['127.0.0.1', 'anna', '200', '0'],
    ['127.0.0.1', 'anna', '200', '4'],
  ])
  expect(statSync(file).mode & 0o777).toBe(0o640)
})
test('goes on in a new file after a rotation, and loses no line', async () => {
  const file = join(folder, 'log')
  const log = openCombinedLog(file, { now: () => 0 })
  const { ask, close } = await served((req, res) => {
    log.watch(req, res, () => undefined)
    res.end()
  })
  await ask('/before')
  await vi.waitFor(() => expect(readFileSync(file, 'utf8')).toContain('/before'))
  renameSync(file, `${file}.1`)
  log.reopen()
  await ask('/after')
  await close()
  await log.close()
  expect(readFileSync(`${file}.1`, 'utf8') + readFileSync(file, 'utf8')).toMatch(
    /before.*\n.*after/,
  )
  expect(readFileSync(file, 'utf8')).toContain('/after')
})
test('that cannot be written is an error at once', () => {
  expect(() => openCombinedLog(join(folder, 'none/log'), { now: () => 0 })).toThrow('ENOENT')
})
