import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { getSession } from '@hearthold/contract'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { seededRandom } from '../crash/seeded-random.ts'
import type { Ledger } from '../crash/server-ledger.ts'
import { found } from '../crash/server-load.ts'
import { ServerProcess } from '../crash/server-process.ts'
import { holdSlow } from '../fuzz/connections.ts'

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
