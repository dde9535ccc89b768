import { randomBytes } from 'node:crypto'
import { uploadFrameLimitBytes, uploadSocketProtocol } from '@hearthold/contract'
import { sealedSegmentBytes } from '@hearthold/crypto'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { clientFrame, RawClient } from '#platform/socket/test-frames.ts'
import {
  alice,
  bob,
  newId,
  openTestFiles,
  type Requests,
  requestsOf,
  type TestFiles,
  type TestMember,
} from './test-files.ts'

let files: TestFiles
let ask: Requests
let clients: RawClient[]
beforeEach(async () => {
  files = await openTestFiles()
  ask = requestsOf(files)
  clients = []
  await files.http.http.listen()
})
afterEach(async () => {
  for (const { socket } of clients) socket.destroy()
  await files.close()
})

type Made = { readonly upload: string; readonly object: string; readonly bytes: Buffer }

const segments = (count: number, more = 0): number => count * sealedSegmentBytes + more

const begin = async (sizeBytes: number): Promise<Made> => {
  const object = newId()
  const answer = await ask.create(alice, object, sizeBytes)
  return { upload: answer.json().upload, object, bytes: randomBytes(sizeBytes) }
}

const bearer = ({ token }: TestMember) => ({ authorization: `Bearer ${token}` })

const open = (
  upload: string,
  offset: number,
  sizeBytes: number,
  headers: Readonly<Record<string, string>> = bearer(alice),
): RawClient => {
  const path = `/api/uploads/${upload}/socket?offset=${offset}&sizeBytes=${sizeBytes}`
  const protocol = { 'sec-websocket-protocol': `other, ${uploadSocketProtocol}` }
  const client = new RawClient(files.http.http.port()!, path, { ...protocol, ...headers })
  clients.push(client)
  return client
}

const upgraded = async (...given: Parameters<typeof open>): Promise<RawClient> => {
  const client = open(...given)
  expect((await client.until(({ status }) => status > 0)).status).toBe(101)
  return client
}

const offsetOf = async (upload: string): Promise<number> =>
  (await ask.stateOf(alice, upload)).json().offset

const last = async (client: RawClient) => {
  const heard = await client.until(({ closed }) => closed !== undefined)
  client.close()
  return { frame: heard.frames.at(-1), closed: heard.closed }
}

/** The rest by one more socket, and then the whole object as it is stored. */
const finish = async ({ upload, object, bytes }: Made): Promise<void> => {
  const offset = await offsetOf(upload)
  const client = await upgraded(upload, offset, bytes.length - offset)
  client.send(bytes.subarray(offset))
  const { frame, closed } = await last(client)
  expect(frame).toMatchObject({ frame: 'written', state: { done: true, offset: bytes.length } })
  expect(closed).toBe(1000)
  expect((await ask.get(alice, object)).rawPayload.equals(bytes)).toBe(true)
}

describe('an upload by a socket', () => {
  test('is stored as sent; on the way the server says how far it has come', async () => {
    const made = await begin(segments(9, 1234))
    const { upload, object, bytes } = made
    const client = await upgraded(upload, 0, bytes.length)
    for (let at = 0; at < bytes.length; at += 100_000) client.send(bytes.subarray(at, at + 100_000))
    const { frames } = await client.until(({ closed }) => closed !== undefined)
    expect(frames.at(-1)).toMatchObject({ frame: 'written', state: { upload, done: true } })
    const told = frames.slice(0, -1).map((frame) => Number(frame['offset']))
    expect(told.length).toBe(2)
    expect(told.every((offset, index) => offset >= (index + 1) * 1024 * 1024)).toBe(true)
    expect((await ask.get(alice, object)).rawPayload.equals(bytes)).toBe(true)
    expect((await ask.get(bob, object)).statusCode).toBe(404)
  })

  test('of a large file, written past the page cache, is stored as sent from any segment on', async () => {
    const made = await begin(segments(50, 77))
    const client = await upgraded(made.upload, 0, made.bytes.length)
    client.send(made.bytes.subarray(0, segments(5, 5)))
    await client.until(({ frames }) => frames.length > 0)
    client.socket.destroy()
    await expect.poll(() => offsetOf(made.upload)).toBe(segments(5))
    const again = await upgraded(made.upload, segments(5), made.bytes.length - segments(5))
    for (let at = segments(5); at < made.bytes.length; at += uploadFrameLimitBytes)
      again.send(made.bytes.subarray(at, at + uploadFrameLimitBytes))
    expect((await last(again)).frame).toMatchObject({ state: { done: true } })
    expect((await ask.get(alice, made.object)).rawPayload.equals(made.bytes)).toBe(true)
  })

  test.each([0, 1, 13, segments(1, -1), segments(1), segments(1, 1), segments(2, 70_000)])(
    'that is cut after %i bytes keeps whole segments, shows nothing, and goes on',
    async (sent) => {
      const made = await begin(segments(3, 500))
      const client = await upgraded(made.upload, 0, made.bytes.length)
      const wire = clientFrame(0x82, made.bytes)
      // A frame of this length has a head of 14 bytes.
      client.socket.write(wire.subarray(0, 14 + sent))
      await new Promise((resolve) => setTimeout(resolve, 20))
      client.socket.destroy()
      const whole = sent - (sent % sealedSegmentBytes)
      await expect.poll(() => files.objects.uploads.isBusy(made.upload)).toBe(false)
      await expect.poll(() => offsetOf(made.upload)).toBe(whole)
      expect((await ask.get(alice, made.object)).statusCode).toBe(404)
      await finish(made)
    },
  )

  test('a second one takes over; the first is told what came of it', async () => {
    const made = await begin(segments(6))
    const first = await upgraded(made.upload, 0, made.bytes.length)
    first.send(made.bytes.subarray(0, segments(4, 70_000)))
    await first.until(({ frames }) => frames.length > 0)
    await expect.poll(() => offsetOf(made.upload)).toBe(segments(4))
    const second = await upgraded(made.upload, segments(4), segments(2))
    second.send(made.bytes.subarray(segments(4)))
    expect((await last(second)).frame).toMatchObject({ state: { done: true } })
    expect((await last(first)).frame).toMatchObject({
      frame: 'written',
      state: { done: false, offset: segments(4) },
    })
    expect((await ask.get(alice, made.object)).rawPayload.equals(made.bytes)).toBe(true)
  })

  test('that goes on at another offset, or was cancelled meanwhile, is told the problem', async () => {
    const made = await begin(segments(3))
    const wrong = await upgraded(made.upload, segments(1), segments(2))
    expect(await last(wrong)).toMatchObject({
      frame: { frame: 'problem', code: 'offset_mismatch', status: 409, extra: { offset: 0 } },
      closed: 1008,
    })
    const client = await upgraded(made.upload, 0, made.bytes.length)
    client.send(made.bytes.subarray(0, segments(1)))
    expect((await ask.cancel(alice, made.upload)).json()).toEqual({ removed: true })
    client.send(made.bytes.subarray(segments(1)))
    expect((await last(client)).frame?.['frame']).toMatch(/written|problem/)
    expect((await ask.get(alice, made.object)).statusCode).toBe(404)
    expect((await ask.stateOf(alice, made.upload)).statusCode).toBe(404)
  })

  test('that is done already is said to be, unread', async () => {
    const made = await begin(segments(1))
    await ask.patch(alice, made.upload, 0, made.bytes)
    const client = await upgraded(made.upload, 0, made.bytes.length)
    expect((await last(client)).frame).toMatchObject({ frame: 'written', state: { done: true } })
  })

  test('of more bytes than announced, of text, or of too long a frame ends; what came before counts', async () => {
    const made = await begin(segments(40))
    const wires: [Buffer, number][] = [
      [clientFrame(0x82, randomBytes(segments(1, 1))), 1009],
      [clientFrame(0x81, Buffer.from('text')), 1003],
      [clientFrame(0x82, Buffer.alloc(uploadFrameLimitBytes + 1)), 1009],
    ]
    for (const [wire, closed] of wires) {
      const offset = await offsetOf(made.upload)
      const client = await upgraded(made.upload, offset, segments(1))
      client.socket.write(wire)
      expect((await last(client)).closed).toBe(closed)
      await expect.poll(() => files.objects.uploads.isBusy(made.upload)).toBe(false)
    }
    expect((await ask.get(alice, made.object)).statusCode).toBe(404)
  })

  test('answers pings, and goodbyes', async () => {
    const { upload } = await begin(segments(1))
    const client = await upgraded(upload, 0, segments(1))
    client.socket.write(clientFrame(0x89, Buffer.from('here?')))
    await client.until(({ body }) => body.includes('here?'))
    client.close()
    expect((await client.until(({ closed }) => closed !== undefined)).closed).toBe(1000)
    await client.until(() => false)
    expect(client.over).toBe(true)
  })

  test('under way when the server stops keeps what has come', async () => {
    const made = await begin(segments(5))
    const client = await upgraded(made.upload, 0, made.bytes.length)
    client.send(made.bytes.subarray(0, segments(4, 70_000)))
    await client.until(({ frames }) => frames.length > 0)
    await expect.poll(() => offsetOf(made.upload)).toBe(segments(4))
    const stopped = files.http.close()
    expect((await last(client)).frame).toMatchObject({ state: { offset: segments(4) } })
    await stopped
  })
})

describe('an upgrade is refused', () => {
  const refusal = async (...given: Parameters<typeof open>) => {
    const client = open(...given)
    const { status, body } = await client.until(() => false)
    return [status, /"code":"(\w+)"/.exec(body)?.[1]]
  }

  test('without a session, for what is another member’s, and for what is no upgrade of ours', async () => {
    const { upload } = await begin(segments(1))
    const size = segments(1)
    expect(await refusal(upload, 0, size, {})).toEqual([401, 'unauthenticated'])
    expect(await refusal(upload, 0, size, bearer(bob))).toEqual([404, 'not_found'])
    expect(await refusal(newId(), 0, size)).toEqual([404, 'not_found'])
    expect(await refusal(upload, 0, size + 1)).toEqual([400, 'object_invalid'])
    const headers: Record<string, string>[] = [
      { 'sec-websocket-protocol': 'other' },
      { 'sec-websocket-version': '8' },
      { 'sec-websocket-key': 'short' },
      { upgrade: 'h2c' },
    ]
    for (const wrong of headers)
      expect(await refusal(upload, 0, size, { ...bearer(alice), ...wrong })).toEqual([
        400,
        'bad_request',
      ])
    expect(await refusal(upload, 0, size, { ...bearer(alice), host: 'evil.example' })).toEqual([
      421,
      'wrong_host',
    ])
  })

  test('by a cookie from another page', async () => {
    const { upload } = await begin(segments(1))
    const cookie = `hearthold=${files.cookieToken}`
    for (const origin of ['https://evil.example', 'null', 'http://localhost:8766'])
      expect(await refusal(upload, 0, segments(1), { cookie, origin })).toEqual([403, 'csrf'])
    expect(await refusal(upload, 0, segments(1), { cookie })).toEqual([403, 'csrf'])
    const { port } = files.http.http
    await upgraded(upload, 0, segments(1), { cookie, origin: `http://localhost:${port()}` })
  })

  test('by nothing where none was asked for: it says how far the upload has come', async () => {
    const { upload } = await begin(segments(2))
    const url = `/api/uploads/${upload}/socket?offset=0&sizeBytes=1`
    const answer = await files.as(alice, { method: 'GET', url })
    expect(answer.json()).toMatchObject({ upload, offset: 0, done: false })
  })
})
