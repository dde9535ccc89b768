import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { contentSecurityPolicy } from './security-headers.ts'
import { createTestHttp, type TestHttp } from './test-http.ts'
import { addWebApp, appPaths } from './web-app.ts'

let folder = ''
let served: TestHttp | undefined
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'hearthold-web-'))
})
afterEach(async () => {
  await served?.close()
  rmSync(folder, { recursive: true, force: true })
})

const serve = (built = true): TestHttp['send'] => {
  if (built) {
    mkdirSync(join(folder, 'dist', 'assets'), { recursive: true })
    const files = {
      'index.html': '<!doctype html>app',
      'service-worker.js': 'worker',
      'assets/app-1.js': 'plain',
      'assets/app-1.js.br': 'as brotli',
      'assets/app-1.js.gz': 'as gzip',
      'assets/app-1.js.map': 'a map',
      'notes.txt': 'of no known type',
    }
    for (const [name, text] of Object.entries(files))
      writeFileSync(join(folder, 'dist', name), text)
    writeFileSync(join(folder, 'secret.js'), 'beside the build')
  }
  served = createTestHttp({}, { setUp: { needed: () => true } })
  addWebApp(served.http, join(folder, 'dist'))
  return served.send
}
const get = (url: string, headers = {}) => ({ method: 'GET' as const, url, headers })

describe('the web app', () => {
  test('is the same page under each of its paths, also before set-up, and never kept unasked', async () => {
    const send = serve()
    for (const path of appPaths) {
      const answer = await send(get(path.replaceAll(/:\w+/g, 'x')))
      expect([path, answer.statusCode, answer.payload]).toEqual([path, 200, '<!doctype html>app'])
      expect(answer.headers).toMatchObject({
        'content-type': 'text/html; charset=utf-8',
        'cache-control': 'no-cache',
        'content-security-policy': contentSecurityPolicy,
      })
    }
  })
  test.each([
    ['br, gzip', 'as brotli', 'br'],
    ['gzip;q=0.9', 'as gzip', 'gzip'],
    ['identity', 'plain', undefined],
    ['brotli', 'plain', undefined],
    [undefined, 'plain', undefined],
  ])('sends to who accepts %s the file %s', async (accepted, payload, encoding) => {
    const answer = await serve()(
      get('/assets/app-1.js', accepted === undefined ? {} : { 'accept-encoding': accepted }),
    )
    expect([answer.payload, answer.headers['content-encoding']]).toEqual([payload, encoding])
    expect(answer.headers).toMatchObject({
      vary: 'accept-encoding',
      'cache-control': 'public, max-age=31536000, immutable',
      'content-type': 'text/javascript; charset=utf-8',
    })
  })
  test('the service worker is asked for each time', async () => {
    const answer = await serve()(get('/service-worker.js'))
    expect([answer.payload, answer.headers['cache-control']]).toEqual(['worker', 'no-cache'])
  })
  test.each([
    '/index.html',
    '/notes.txt',
    '/assets/app-1.js.map',
    '/assets/app-1.js.br',
    '/assets/',
    '/secret.js',
    '/../secret.js',
    '/assets/..%2f..%2fsecret.js',
    '/files/a/b/c',
  ])('%s is nothing', async (path) => {
    const send = serve()
    const answer = await send(get(path))
    expect(answer.statusCode).toBeGreaterThanOrEqual(400)
    expect(answer.payload).not.toContain('beside')
  })
  test('that was not built is a page that says what to do', async () => {
    const answer = await serve(false)(get('/'))
    expect(answer.payload).toContain('npm start')
  })
})
