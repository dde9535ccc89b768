import { problemStatus, type ProblemCode } from '@hearthold/contract'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createClient } from './client.ts'
import { NetworkError } from './network-error.ts'
import type { TransportRequest, TransportResponse } from './transport.ts'
import { SourceLengthError, storedSegmentBytes, uploadObject } from './upload.ts'

const object = '00112233445566778899aabbccddeeff'
const upload = 'a'.repeat(32)
const dropped = () => new NetworkError('dropped', 'The connection to the server ended early.')

const respond = (
  status: number,
  bytes: Uint8Array,
  headers: Record<string, string> = {},
): TransportResponse => ({
  status,
  headers,
  body: (async function* () {
    yield bytes
  })(),
  bytes: () => Promise.resolve(bytes),
  discard: () => undefined,
})
const json = (status: number, value: unknown, type = 'application/json') =>
  respond(status, new TextEncoder().encode(JSON.stringify(value)), { 'content-type': type })
const problem = (code: ProblemCode) =>
  json(
    problemStatus[code],
    { type: 'about:blank', title: code, status: problemStatus[code], code },
    'application/problem+json',
  )

/** A server of one upload, which keeps whole segments only, and drops a connection after each number of bytes in `drops`. */
const uploadServer = (
  sizeBytes: number,
  drops: number[],
  options: { loseLastAnswer?: boolean; forget?: boolean; streams?: boolean } = {},
) => {
  let kept = new Uint8Array(0)
  let done = false
  let known = false
  let loseAnswer = options.loseLastAnswer ?? false
  const log: string[] = []
  const state = () => ({ upload, object, offset: kept.length, sizeBytes, done, expiresAt: 1 })
  const bodyChunks = async function* (body: TransportRequest['body']) {
    if (body instanceof Uint8Array) yield body
    else if (body instanceof Blob) yield await body.bytes()
    else if (body) yield* body
  }
  const patch = async ({ url, body, bodyLength }: TransportRequest) => {
    const offset = Number(/offset=(\d+)/.exec(url)?.[1])
    log.push(`patch ${offset}`)
    if (!known) return problem('upload_expired')
    if (offset !== kept.length) return problem('offset_mismatch')
    const limit = drops.shift()
    const received: Uint8Array[] = []
    let count = 0
    for await (const chunk of bodyChunks(body)) {
      received.push(chunk.slice())
      count += chunk.length
      if (limit !== undefined && count >= limit) break
    }
    const cut = limit !== undefined && count >= limit
    if (!cut && bodyLength !== undefined) expect(count).toBe(bodyLength)
    const all = new Uint8Array(kept.length + (cut ? limit : count))
    all.set(kept)
    let position = kept.length
    for (const chunk of received) {
      all.set(chunk.subarray(0, all.length - position), position)
      position = Math.min(all.length, position + chunk.length)
    }
    kept =
      all.length === sizeBytes
        ? all
        : all.slice(0, Math.floor(all.length / storedSegmentBytes) * storedSegmentBytes)
    if (cut && limit !== undefined && all.length < sizeBytes) throw dropped()
    done = kept.length === sizeBytes
    if (done && loseAnswer) {
      loseAnswer = false
      if (options.forget) known = false
      throw dropped()
    }
    return json(200, state())
  }
  const client = createClient({
    waiting: { sleep: () => Promise.resolve(), random: () => 0 },
    transport: {
      streamsBodies: options.streams ?? true,
      request: async (request) => {
        if (request.method === 'PATCH') return patch(request)
        log.push(request.method.toLowerCase())
        if (request.method === 'POST') {
          if (done) return problem('object_exists')
          known = true
          return json(200, state())
        }
        return known ? json(200, state()) : problem('upload_expired')
      },
    },
  })
  return { client, log, bytes: () => kept, forget: () => (known = false) }
}

const pattern = (length: number) =>
  Uint8Array.from({ length }, (_, index) => (index * 31 + (index >> 11)) & 255)
const source = (bytes: Uint8Array, chunk = 100_000) =>
  async function* (offset: number) {
    for (let from = offset; from < bytes.length; from += chunk)
      yield bytes.subarray(from, from + chunk)
  }

describe('uploadObject', () => {
  const bytes = pattern(5 * storedSegmentBytes + 1234)

  it('sends all in one request when nothing fails', async () => {
    const server = uploadServer(bytes.length, [])
    const progress: number[] = []
    const state = await uploadObject(server.client, {
      object,
      sizeBytes: bytes.length,
      open: source(bytes),
      onProgress: (done) => progress.push(done),
    })
    expect(state.done).toBe(true)
    expect(server.bytes()).toEqual(bytes)
    expect(server.log).toEqual(['post', 'patch 0'])
    expect(progress.at(-1)).toBe(bytes.length)
    expect(progress).toEqual(progress.toSorted((a, b) => a - b))
  })

  it('goes on from whole segments, wherever the connection drops', async () => {
    expect.hasAssertions()
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: storedSegmentBytes, max: bytes.length }), { maxLength: 4 }),
        fc.boolean(),
        async (drops, streams) => {
          const server = uploadServer(bytes.length, [...drops], { streams })
          const offsets: number[] = []
          const open = (offset: number) => {
            offsets.push(offset)
            return source(bytes)(offset)
          }
          const state = await uploadObject(server.client, { object, sizeBytes: bytes.length, open })
          expect(state.done).toBe(true)
          expect(server.bytes()).toEqual(bytes)
          expect(
            offsets.every((offset) => offset % storedSegmentBytes === 0 || offset === bytes.length),
          ).toBe(true)
        },
      ),
      { numRuns: 15 },
    )
  })

  it('sends pieces where bodies cannot stream, and counts each once the server has it', async () => {
    const large = pattern(40 * storedSegmentBytes + 99)
    const server = uploadServer(large.length, [], { streams: false })
    const progress: number[] = []
    const state = await uploadObject(server.client, {
      object,
      sizeBytes: large.length,
      open: source(large, 262_144),
      onProgress: (done) => {
        expect(server.bytes()).toHaveLength(done)
        progress.push(done)
      },
    })
    expect(state.done).toBe(true)
    expect(Buffer.compare(server.bytes(), large)).toBe(0)
    const first = 32 * storedSegmentBytes
    expect(server.log).toEqual(['post', 'patch 0', `patch ${first}`])
    expect(progress).toEqual([0, first, large.length])
  })

  it('gives up when nothing gets further', async () => {
    const server = uploadServer(
      bytes.length,
      Array.from({ length: 20 }, () => 10),
    )
    await expect(
      uploadObject(server.client, { object, sizeBytes: bytes.length, open: source(bytes) }),
    ).rejects.toMatchObject({ kind: 'dropped' })
    expect(server.log.filter((line) => line.startsWith('patch'))).toHaveLength(4)
  })

  it('knows that all is done when only the last answer was lost', async () => {
    for (const [forget, streams] of [
      [false, true],
      [true, true],
      [false, false],
      [true, false],
    ] as const) {
      const server = uploadServer(bytes.length, [], { loseLastAnswer: true, forget, streams })
      expect(
        await uploadObject(server.client, { object, sizeBytes: bytes.length, open: source(bytes) }),
      ).toMatchObject({ done: true, offset: bytes.length })
    }
  })

  it('resumes an upload begun earlier, and begins anew what the server forgot', async () => {
    const server = uploadServer(bytes.length, [
      2 * storedSegmentBytes,
      ...Array.from({ length: 4 }, () => 0),
    ])
    const ids: string[] = []
    const options = {
      object,
      sizeBytes: bytes.length,
      open: source(bytes),
      onUpload: (id: string) => void ids.push(id),
    }
    await expect(uploadObject(server.client, options)).rejects.toMatchObject({ kind: 'dropped' })
    server.log.length = 0
    expect(await uploadObject(server.client, { ...options, upload })).toMatchObject({ done: true })
    expect(server.log).toEqual(['get', `patch ${2 * storedSegmentBytes}`])
    const other = uploadServer(bytes.length, [])
    await uploadObject(other.client, { ...options, upload: 'b'.repeat(32) })
    expect(other.log).toEqual(['get', 'post', 'patch 0'])
    expect(ids).toEqual([upload, upload])
  })

  it('ends with the error of the source, unchanged', async () => {
    const server = uploadServer(bytes.length, [])
    const changed = new Error('changed')
    const open = async function* () {
      yield bytes.subarray(0, 10)
      throw changed
    }
    await expect(
      uploadObject(server.client, { object, sizeBytes: bytes.length, open }),
    ).rejects.toBe(changed)
  })

  it.each([bytes.length - 1, bytes.length + 1])(
    'refuses a source of another length (%i)',
    async (length) => {
      const server = uploadServer(bytes.length, [])
      const open = source(pattern(length))
      await expect(
        uploadObject(server.client, { object, sizeBytes: bytes.length, open }),
      ).rejects.toBeInstanceOf(SourceLengthError)
    },
  )

  it("does not hide that the object is someone else's, or that the quota is used up", async () => {
    const client = createClient({
      transport: { streamsBodies: true, request: () => Promise.resolve(problem('over_quota')) },
    })
    await expect(
      uploadObject(client, { object, sizeBytes: bytes.length, open: source(bytes) }),
    ).rejects.toMatchObject({ code: 'over_quota' })
  })
})
