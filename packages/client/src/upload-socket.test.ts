import {
  getUpload,
  type ProblemCode,
  problemStatus,
  writeUploadBySocket,
} from '@hearthold/contract'
import { describe, expect, it } from 'vitest'
import { createClient } from './client.ts'
import { NetworkError } from './network-error.ts'
import type { TransportRequest, TransportResponse } from './transport.ts'
import { uploadObject } from './upload.ts'
import { createUploadSockets, type UploadSocketLike } from './upload-socket.ts'

const segment = 256 * 1024 + 28
const mebibyte = 1024 * 1024
const upload = 'a'.repeat(32)
const object = '0123456789abcdef0123456789abcdef'

/** What the next socket does: `closed` never opens; a number opens and breaks after so many bytes; else it is served. */
type Fate = 'closed' | 'silent' | 'served' | 'lost' | ProblemCode | number

/** A server of one upload that counts whole segments, by requests and by sockets. */
const uploadServer = (sizeBytes: number, fates: Fate[]) => {
  let kept = new Uint8Array(0)
  let waiting = 0
  let most = 0
  const log: string[] = []
  const paths: string[] = []
  const state = () => ({
    ...{ upload, object, sizeBytes, expiresAt: 1 },
    offset: kept.length,
    done: kept.length === sizeBytes,
  })
  const keep = (bytes: Uint8Array) => {
    const all = new Uint8Array(kept.length + bytes.length)
    all.set(kept)
    all.set(bytes, kept.length)
    kept = all
  }
  const cutToSegments = () => {
    if (kept.length < sizeBytes) kept = kept.slice(0, kept.length - (kept.length % segment))
  }
  class FakeSocket implements UploadSocketLike {
    binaryType = 'blob'
    readonly #listeners = new Map<string, (event: object) => void>()
    readonly #fate: Fate
    #closed = false
    #got = 0
    constructor(url: string, protocol: string) {
      paths.push(url.slice('ws://here'.length))
      log.push(`socket ${protocol}`)
      this.#fate = fates.shift() ?? 'served'
      setTimeout(() => {
        if (this.#fate === 'closed') this.#drop()
        else if (this.#fate !== 'silent') this.#emit('open', {})
      }, 1)
    }
    addEventListener(type: string, listener: (event: object) => void) {
      this.#listeners.set(type, listener)
    }
    #emit(type: string, event: object) {
      if (!this.#closed || type === 'close') this.#listeners.get(type)?.(event)
    }
    #say(frame: object) {
      this.#emit('message', { data: JSON.stringify(frame) })
    }
    #drop() {
      if (this.#closed) return
      this.#closed = true
      cutToSegments()
      this.#emit('close', {})
    }
    send(data: Uint8Array<ArrayBuffer>) {
      const bytes = data.slice()
      waiting += bytes.length
      most = Math.max(most, waiting)
      setTimeout(() => this.#take(bytes), 1)
    }
    #take(bytes: Uint8Array) {
      waiting -= bytes.length
      if (this.#closed) return
      const fate = this.#fate
      if (typeof fate === 'number') {
        keep(bytes.subarray(0, Math.max(0, fate - this.#got)))
        this.#got += bytes.length
        if (this.#got >= fate) return this.#drop()
      } else keep(bytes)
      if (typeof fate === 'string' && Object.hasOwn(problemStatus, fate)) {
        const status = problemStatus[fate as ProblemCode]
        return this.#say({
          frame: 'problem',
          type: 't',
          title: 'T',
          status,
          code: fate,
          detail: 'No.',
        })
      }
      if (kept.length < sizeBytes) return this.#say({ frame: 'received', offset: kept.length })
      if (fate === 'lost') return this.#drop()
      this.#say({ frame: 'written', state: state(), more: 1 })
    }
    close() {
      this.#drop()
    }
  }
  const json = (value: object): TransportResponse => ({
    status: 200,
    headers: { 'content-type': 'application/json' },
    bytes: () => Promise.resolve(new TextEncoder().encode(JSON.stringify(value))),
    discard: () => undefined,
    body: (async function* () {})(),
  })
  const request = async ({ method, body }: TransportRequest): Promise<TransportResponse> => {
    log.push(method)
    if (method === 'PATCH') keep(await (body as Blob).bytes())
    return json(state())
  }
  const client = createClient({
    transport: { streamsBodies: false, request },
    waiting: { sleep: () => Promise.resolve(), random: () => 0.5 },
    uploadSockets: createUploadSockets({
      origin: 'ws://here',
      WebSocket: FakeSocket,
      timeoutMs: 20,
      windowBytes: 2 * mebibyte,
    }),
  })
  return { client, log, paths, kept: () => kept, most: () => most }
}

const bytesOf = (length: number) =>
  Uint8Array.from({ length }, (_, index) => (index * 31 + (index >> 11)) & 255)

const open = (bytes: Uint8Array) =>
  async function* (offset: number) {
    for (let at = offset; at < bytes.length; at += 100_000) yield bytes.slice(at, at + 100_000)
  }

const run = async (fates: Fate[], sizeBytes = 6 * mebibyte + 5) => {
  const bytes = bytesOf(sizeBytes)
  const server = uploadServer(sizeBytes, fates)
  const progress: number[] = []
  const sent = uploadObject(server.client, {
    ...{ object, sizeBytes, open: open(bytes) },
    onProgress: (done) => void progress.push(done),
  })
  const state = await sent
  expect(Buffer.compare(server.kept(), bytes)).toBe(0)
  expect(state).toMatchObject({ done: true, offset: sizeBytes })
  return { ...server, progress, sizeBytes }
}

describe('an upload by a socket', () => {
  it('is sent in one go, never more under way than the window; progress is what the server says', async () => {
    const { log, paths, most, progress, sizeBytes } = await run([])
    expect(log).toEqual(['POST', 'socket hearthold.upload.1'])
    expect(paths).toEqual([`/api/uploads/${upload}/socket?offset=0&sizeBytes=${sizeBytes}`])
    expect(most()).toBeLessThanOrEqual(2 * mebibyte + 512 * 1024)
    expect(progress.length).toBeGreaterThan(5)
    expect(progress).toEqual(progress.toSorted((a, b) => a - b))
  })

  it('goes by requests where it is small', async () => {
    const { log } = await run([], mebibyte)
    expect(log).toEqual(['POST', 'PATCH'])
  })

  it.each(['closed', 'silent'] as const)(
    'goes by requests where the socket is %s, and the next does too',
    async (fate) => {
      const { log, client, sizeBytes } = await run([fate])
      expect(log).toEqual(['POST', 'socket hearthold.upload.1', 'PATCH'])
      expect(await client.uploadSockets!.connect('/', sizeBytes, undefined)).toBeUndefined()
    },
  )

  it.each([0, 1, segment, segment + 1, 5 * mebibyte])(
    'that breaks after %i bytes goes on from the server’s offset by requests',
    async (bytes) => {
      const { log } = await run([bytes])
      expect(log).toEqual(['POST', 'socket hearthold.upload.1', 'GET', 'PATCH'])
    },
  )

  it('whose last answer is lost is found to be done', async () => {
    const { log } = await run(['lost'])
    expect(log).toEqual(['POST', 'socket hearthold.upload.1', 'GET'])
  })

  it('ends with the problem that the server tells', async () => {
    await expect(run(['disk_full'])).rejects.toMatchObject({
      name: 'ProblemError',
      code: 'disk_full',
      status: 507,
      detail: 'No.',
    })
  })

  it('tries again by a socket after a problem that passes', async () => {
    const { log } = await run(['unavailable'])
    expect(log.slice(0, 3)).toEqual(['POST', 'socket hearthold.upload.1', 'GET'])
  })

  it('is aborted at once, while it connects and while it sends', async () => {
    for (const fate of ['silent', 'served'] as const) {
      const server = uploadServer(6 * mebibyte, [fate])
      const stop = new AbortController()
      const reason = new Error('enough')
      let closed = false
      const source = async function* () {
        try {
          for (;;) {
            yield new Uint8Array(mebibyte / 2)
            stop.abort(reason)
          }
        } finally {
          closed = true
        }
      }
      if (fate === 'silent') setTimeout(() => stop.abort(reason), 5)
      const sent = uploadObject(server.client, {
        ...{ object, sizeBytes: 6 * mebibyte, open: source, signal: stop.signal },
      })
      await expect(sent).rejects.toBe(reason)
      expect(closed).toBe(fate === 'served')
      expect(server.log.filter((one) => one === 'PATCH')).toEqual([])
    }
  })

  it('fails as what the source throws', async () => {
    const server = uploadServer(6 * mebibyte, [])
    const changed = new Error('changed')
    const source = async function* () {
      yield new Uint8Array(mebibyte)
      throw changed
    }
    const options = { object, sizeBytes: 6 * mebibyte, open: source }
    await expect(uploadObject(server.client, options)).rejects.toBe(changed)
  })

  it('refuses words that are none of a server', async () => {
    class Babbling {
      binaryType = ''
      addEventListener(type: string, listener: (event: object) => void) {
        if (type === 'open') setTimeout(listener, 1)
        if (type === 'message') setTimeout(() => listener({ data: '{"frame":"written"}' }), 3)
      }
      send() {}
      close() {}
    }
    const sockets = createUploadSockets({ origin: 'ws://here', WebSocket: Babbling })
    const connection = await sockets.connect('/', 6 * mebibyte, undefined)
    const written = connection!.write(open(bytesOf(6 * mebibyte))(0), 0, () => undefined)
    await expect(written).rejects.toMatchObject({ name: 'NetworkError', kind: 'protocol' })
    await expect(written).rejects.toBeInstanceOf(NetworkError)
  })

  it('refuses a word of more bytes than were sent', async () => {
    class Boasting {
      binaryType = ''
      addEventListener(type: string, listener: (event: object) => void) {
        if (type === 'open') setTimeout(listener, 1)
        const data = JSON.stringify({ frame: 'received', offset: 5 * mebibyte })
        if (type === 'message') setTimeout(() => listener({ data }), 3)
      }
      send() {}
      close() {}
    }
    const sockets = createUploadSockets({
      ...{ origin: 'ws://here', WebSocket: Boasting, windowBytes: mebibyte, timeoutMs: 200 },
    })
    const connection = await sockets.connect('/', 6 * mebibyte, undefined)
    const told: number[] = []
    const written = connection!.write(open(bytesOf(6 * mebibyte))(0), 0, (at) => void told.push(at))
    await expect(written).rejects.toMatchObject({ name: 'NetworkError', kind: 'protocol' })
    expect(told).toEqual([])
  })

  it('answers as requests do', () => {
    expect(writeUploadBySocket.answer).toBe(getUpload.answer)
  })
})
