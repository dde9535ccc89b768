import { allEndpoints, type Endpoint } from '@hearthold/contract'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type RecordingLog, recordingLog } from '#platform/http/test-http.ts'
import { type App, createApp } from './app.ts'
import { loadConfig } from './config/load.ts'

let folder = ''
let log: RecordingLog
let app: App | undefined
const open = async (argv: string[] = []): Promise<App> => {
  const { config, secrets } = loadConfig({
    argv: ['--listen', '127.0.0.1:0', ...argv],
    env: {},
    folder,
  })
  app = await createApp(config, secrets, log)
  return app
}
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'hearthold-app-'))
  log = recordingLog()
})
afterEach(async () => {
  await app?.stop()
  app = undefined
  rmSync(folder, { recursive: true, force: true })
})

const openBeforeSetUp = new Set(['getSetUp', 'startSetUp', 'finishSetUp'])
const concrete = ({ path }: Endpoint): string => path.replaceAll(/:\w+/g, 'ab'.repeat(16))

test('before set-up every endpoint but set-up itself answers not_set_up, and every one is bound', async () => {
  const { http } = await open()
  for (const endpoint of allEndpoints) {
    const answer = await http.fastify.inject({
      method: endpoint.method,
      url: concrete(endpoint),
      headers: { host: 'localhost:8765' },
    })
    const { code } = answer.statusCode === 200 ? { code: 'ok' } : answer.json<{ code: string }>()
    const wanted =
      endpoint.name === 'getSetUp'
        ? 'ok'
        : openBeforeSetUp.has(endpoint.name)
          ? 'bad_request'
          : 'not_set_up'
    expect([endpoint.name, code]).toEqual([endpoint.name, wanted])
    expect([endpoint.name, http.paths.methodsOf(concrete(endpoint))]).toEqual([
      endpoint.name,
      expect.arrayContaining([endpoint.method]),
    ])
  }
})

test('starts, reloads, stops, and starts again on the same data; what failed half-way lets go', async () => {
  for (let round = 0; round < 2; round++) {
    const made = await open()
    await made.start()
    expect((await fetch(`${made.publicUrl()}/readyz`)).status).toBe(200)
    await made.reload()
    await made.stop()
    await made.stop()
  }
  await expect(
    open([
      '--tls-cert-file',
      'none',
      '--tls-key-file',
      'none',
      '--public-url',
      'https://h.example',
    ]),
  ).rejects.toThrow('ENOENT')
  await open()
  expect(log.lines.filter(({ level }) => level === 'error')).toEqual([])
})

test('the address carries the port that the system chose', async () => {
  const made = await open()
  expect(made.publicUrl()).toBe('http://localhost:8765')
  await made.start()
  expect(made.publicUrl()).toBe(`http://localhost:${made.http.port()}`)
})
