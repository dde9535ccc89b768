import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { largestHold, ReadBudget } from './read-budget.ts'
import { sha256, startRestic, type TestRestic } from './test-restic.ts'

/** More than the system takes from a server whose reader takes nothing. */
const bytes = randomBytes(24 * 2 ** 20)
const path = `/r/data/${sha256(bytes)}`

let restic: TestRestic
let opened = 0
const sockets: Socket[] = []
beforeEach(async () => {
  opened = 0
  restic = await startRestic((store) => ({
    bin: store.bin,
    create: () => store.create(),
    stat: (ref) => store.stat(ref),
    write: (ref, body, options) => store.write(ref, body, options),
    remove: (ref) => store.remove(ref),
    list: (type) => store.list(type),
    open: (ref) => {
      opened++
      return store.open(ref)
    },
  }))
  await restic.send('POST', path, { body: bytes })
})
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy()
  await restic.close()
})

const passwordOf = (user: string): string => `Basic ${btoa(`${user}:secret`)}`

/** Asks and takes nothing of the answer. */
const ask = async (user: string): Promise<Socket> => {
  const socket = connect({ host: '127.0.0.1', port: restic.port })
  sockets.push(socket)
  socket.on('error', () => undefined)
  await once(socket, 'connect')
  socket.pause()
  const headers = `Host: localhost\r\nAuthorization: ${passwordOf(user)}\r\n`
  socket.write(`GET ${path} HTTP/1.1\r\n${headers}\r\n`)
  return socket
}

const until = async (isSo: () => boolean): Promise<void> => {
  for (let waited = 0; !isSo() && waited < 5_000; waited += 10) await wait(10)
  expect(isSo()).toBe(true)
}

const get = (user: string, range: string) =>
  restic.send('GET', path, { headers: { authorization: passwordOf(user), range } })

describe('readers who take nothing', () => {
  test('hold no more than the budget, and those who wait hold nothing', async () => {
    const reads = new ReadBudget({ totalBytes: 4 * largestHold, perReaderBytes: 4 * largestHold })
    restic.policy = { reads }
    for (let reader = 0; reader < 20; reader++) await ask(`u${reader}`)
    await until(() => reads.heldBytes === 4 * largestHold)
    await wait(200)
    expect(reads.heldBytes).toBe(4 * largestHold)
    expect(opened).toBe(4)
    expect(reads.isTight).toBe(true)
    for (const socket of sockets) socket.destroy()
    await until(() => reads.heldBytes === 0)
    expect(reads.isTight).toBe(false)
    const answer = await get('somebody', 'bytes=0-')
    expect(answer.status).toBe(206)
    expect(answer.body.equals(bytes)).toBe(true)
    await until(() => reads.heldBytes === 0)
  })

  test('are cut off once others wait, and only then', async () => {
    const reads = new ReadBudget({
      ...{ totalBytes: 4 * largestHold, perReaderBytes: 4 * largestHold },
      ...{ stallMs: 200, lookEveryMs: 20 },
    })
    restic.policy = { reads }
    for (let reader = 0; reader < 4; reader++) await ask('slow')
    await until(() => opened === 4)
    await wait(600)
    expect(reads.heldBytes).toBe(4 * largestHold)
    const answers = await Promise.all(
      Array.from({ length: 6 }, (_, at) => get('quick', `bytes=${at}-999999`)),
    )
    for (const [at, { status, body }] of answers.entries()) {
      expect(status).toBe(206)
      expect(body.equals(bytes.subarray(at, 1_000_000))).toBe(true)
    }
    await until(() => reads.heldBytes <= 4 * largestHold && !reads.isTight)
  })

  test('keep nobody else waiting while they have had their own share', async () => {
    const reads = new ReadBudget({
      ...{ totalBytes: 8 * largestHold, perReaderBytes: 4 * largestHold },
    })
    restic.policy = { reads }
    for (let reader = 0; reader < 12; reader++) await ask('slow')
    await until(() => reads.heldBytes === 4 * largestHold)
    for (const range of ['bytes=0-9', 'bytes=0-', 'bytes=5-4000000'])
      expect((await get('quick', range)).status).toBe(206)
    await until(() => reads.heldBytes === 4 * largestHold)
  })

  test('who left while they waited take no place', async () => {
    const reads = new ReadBudget({ totalBytes: largestHold, perReaderBytes: largestHold })
    restic.policy = { reads }
    const first = await ask('slow')
    await until(() => opened === 1)
    const second = await ask('gone')
    await until(() => reads.isTight)
    await wait(50)
    second.destroy()
    await wait(50)
    const third = get('quick', 'bytes=0-99999')
    await wait(50)
    first.destroy()
    expect((await third).body.equals(bytes.subarray(0, 100_000))).toBe(true)
    expect(opened).toBe(2)
    await until(() => reads.heldBytes === 0 && !reads.isTight)
  })
})

test('more than may wait are told to come again, and their connections are closed', async () => {
  const reads = new ReadBudget({
    ...{ totalBytes: 2 * largestHold, perReaderBytes: largestHold },
    ...{ waiting: 4, waitingPerReader: 3 },
  })
  restic.policy = { reads }
  const readers: Socket[] = []
  for (let reader = 0; reader < 10; reader++) readers.push(await ask('slow'))
  await until(() => reads.isTight)
  await wait(100)
  // One holds, three wait, six are refused.
  const answers = readers.slice(4).map(async (socket) => {
    const parts: Buffer[] = []
    socket.on('data', (part: Buffer) => parts.push(part)).resume()
    await once(socket, 'close')
    return Buffer.concat(parts).toString()
  })
  for (const answer of await Promise.all(answers))
    expect(answer).toMatch(/^HTTP\/1.1 503 [^]*retry-after: 5\r\n/)
  expect((await get('quick', 'bytes=0-99999')).status).toBe(206)
  expect(reads.heldBytes).toBe(largestHold)
})

test('small answers hold nothing once the system has taken them', async () => {
  const reads = new ReadBudget()
  restic.policy = { reads }
  for (let step = 0; step < 50; step++) {
    expect((await get('quick', 'bytes=0-4095')).body).toHaveLength(4096)
    expect(reads.heldBytes).toBe(0)
  }
})
