import { afterEach, describe, expect, it } from 'vitest'
import { createClient, downloadObject, storedSegmentBytes, uploadObject } from '@hearthold/client'
import { closeAll, plain } from '../../test/loopback.ts'

afterEach(closeAll)

describe('transfers over real connections', () => {
  const object = 'a'.repeat(32)
  const bytes = Buffer.from(
    Uint8Array.from(
      { length: 3 * storedSegmentBytes + 77 },
      (_, index) => (index * 7 + (index >> 9)) & 255,
    ),
  )
  const waiting = { sleep: () => Promise.resolve(), random: () => 0 }

  it('uploads on although the connection is cut again and again', async () => {
    let kept = Buffer.alloc(0)
    const cuts = [storedSegmentBytes + 5, storedSegmentBytes + 1, 3]
    const state = () =>
      JSON.stringify({
        upload: object,
        object,
        offset: kept.length,
        sizeBytes: bytes.length,
        done: kept.length === bytes.length,
        expiresAt: 1,
      })
    const transport = await plain((request, response) => {
      if (request.method !== 'PATCH') return void response.end(state())
      const cut = cuts.shift()
      let received = Buffer.alloc(0)
      const keep = () => {
        const all = Buffer.concat([kept, received])
        kept =
          all.length === bytes.length
            ? all
            : all.subarray(0, Math.floor(all.length / storedSegmentBytes) * storedSegmentBytes)
      }
      request.on('error', () => undefined)
      request.on('data', (chunk: Buffer) => {
        if (request.destroyed) return
        received = Buffer.concat([received, chunk])
        if (cut === undefined || received.length < cut) return
        keep()
        request.destroy()
      })
      request.on('end', () => {
        keep()
        response.end(state())
      })
    })
    const open = async function* (offset: number) {
      for (let from = offset; from < bytes.length; from += storedSegmentBytes)
        yield bytes.subarray(from, from + storedSegmentBytes)
    }
    const done = await uploadObject(createClient({ transport, waiting }), {
      object,
      sizeBytes: bytes.length,
      open,
    })
    expect(done.done).toBe(true)
    expect(kept.equals(bytes)).toBe(true)
    expect(cuts).toEqual([])
  })

  it('downloads on although the connection is cut again and again', async () => {
    const cuts = [100_000, 1, storedSegmentBytes]
    const transport = await plain((request, response) => {
      const from = Number(/^bytes=(\d+)-/.exec(request.headers.range ?? '')?.[1] ?? 0)
      const part = bytes.subarray(from)
      response.writeHead(request.headers.range ? 206 : 200, {
        'content-length': part.length,
        ...(request.headers.range
          ? { 'content-range': `bytes ${from}-${bytes.length - 1}/${bytes.length}` }
          : {}),
      })
      const cut = cuts.shift()
      if (cut === undefined) response.end(part)
      else response.write(part.subarray(0, cut), () => response.destroy())
    })
    const parts: Uint8Array[] = []
    for await (const part of downloadObject(createClient({ transport, waiting }), object))
      parts.push(Uint8Array.from(part))
    expect(Buffer.concat(parts).equals(bytes)).toBe(true)
    expect(cuts).toEqual([])
  })
})
