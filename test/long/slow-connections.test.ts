import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { getSession } from '@hearthold/contract'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ResticCaller } from '../cli/restic-caller.ts'
import { seededRandom } from '../crash/seeded-random.ts'
import type { Ledger } from '../crash/server-ledger.ts'
import { found } from '../crash/server-load.ts'
import { ServerProcess } from '../crash/server-process.ts'
import { holdSlow } from '../fuzz/connections.ts'
import { churn, heldBy, type Place } from '../repositories/churn.ts'
import { startServerPlace } from '../repositories/server-place.ts'

const slowClients = 10_000

let folder: string
let server: ServerProcess
let ledger: Ledger
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'hearthold-slow-'))
  server = await ServerProcess.create(join(folder, 'data'))
  await server.start()
  ledger = await found(server, seededRandom(1))
})
afterAll(async () => {
  await server.end('SIGKILL')
  rmSync(folder, { recursive: true, force: true })
})

it('ten thousand clients that never finish keep nobody from being served', async () => {
  const { token } = ledger.host
  const status = async (): Promise<number> => (await server.ask(getSession, { token })).status
  expect(await status()).toBe(200)
  const slow = await holdSlow(server.port, slowClients, token)
  try {
    // Who was there before them goes on over the connection that it has.
    const held = slow.held()
    for (let asked = 0; asked < 20; asked++) expect(await status()).toBe(200)
    process.stdout.write(`${held} of ${slowClients} were held\n`)
    // Who comes anew may find every place taken, until the first of them have had their time.
    const began = Date.now()
    let served = 0
    while (served !== 200 && Date.now() - began < 60_000) {
      served = await fetch(`http://localhost:${server.port}/healthz`).then(
        (answer) => answer.status,
        () => delay(500, 0),
      )
    }
    process.stdout.write(`a new one was served after ${Date.now() - began} ms\n`)
    expect(served).toBe(200)
  } finally {
    slow.stop()
  }
  await delay(1000)
  expect(await status()).toBe(200)
  expect(server.output).not.toMatch(/request failed/)
})

describe('ten thousand clients that never finish at a repository', () => {
  /** Ways to begin an upload or a download, and never to go on. */
  const beginnings = ({ path, user = '', host }: Place, object: string): string[] => {
    const basic = `Authorization: Basic ${Buffer.from(user).toString('base64')}`
    const length = 'Content-Length: 16777216'
    const head = (line: string, ...headers: string[]): string =>
      [`${line} HTTP/1.1`, `Host: ${host}`, ...headers, '', ''].join('\r\n')
    const upload = `POST ${path}data/${'ab'.repeat(32)}`
    return [
      head(upload, basic, length),
      head(upload, basic, 'Transfer-Encoding: chunked'),
      head(upload, basic, length, 'Expect: 100-continue'),
      head(upload, length),
      `GET ${path}data/ HTTP/1.1\r\nHost: ${host}\r\nAuthorization: Bas`,
      head(`GET ${path}data/${object}`, basic),
    ]
  }

  it('keep no machine from backing up, and leave nothing behind', async () => {
    const own = mkdtempSync(join(tmpdir(), 'hearthold-slow-'))
    const { server: itself, place } = await startServerPlace(own)
    try {
      const caller = new ResticCaller(`rest:http://${place.user}@${place.host}${place.path}`)
      await caller.init()
      const bytes = new Uint8Array(randomBytes(8_000_000))
      const { id } = await caller.put('data', bytes)
      await churn(place, 500)
      const before = heldBy(place.pid)
      const slow = await holdSlow(place.port, slowClients, '', beginnings(place, id))
      try {
        process.stdout.write(`${slow.held()} of ${slowClients} were held at a repository\n`)
        const began = Date.now()
        let stored = 0
        while (stored !== 200 && Date.now() - began < 120_000) {
          const made = new Uint8Array(randomBytes(100_000))
          stored = await caller.put('data', made).then(
            ({ status }) => status,
            () => delay(500, 0),
          )
        }
        process.stdout.write(`a new upload was stored after ${Date.now() - began} ms\n`)
        expect(stored).toBe(200)
      } finally {
        slow.stop()
      }
      await delay(5000)
      await churn(place, 500)
      await delay(2000)
      expect(heldBy(place.pid).descriptors).toBeLessThanOrEqual(before.descriptors + 4)
      expect((await caller.list('data')).every(({ name }) => /^[0-9a-f]{64}$/.test(name))).toBe(
        true,
      )
    } finally {
      await itself.end('SIGTERM')
      rmSync(own, { recursive: true, force: true })
    }
  })
})
