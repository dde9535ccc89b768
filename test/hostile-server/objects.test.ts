/** What a lying server can make of stored objects: nothing wrong is ever released, and every loss has a name. */
import type { TransportRequest } from '@hearthold/client'
import { getBundle, getObject } from '@hearthold/contract'
import { concat, randomBytes, sealedSegmentBytes, toHex } from '@hearthold/crypto'
import {
  createShare,
  getPath,
  getTree,
  type ItemAttributes,
  listVersions,
  type LocalItem,
  putTree,
  type Share,
  type TreeSink,
} from '@hearthold/member'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { appendChanges } from '../../packages/member/src/files/share-writer.ts'
import { type Lie, isCallOf, rewriteBytes, truth, withBytes } from './answers.ts'
import { readHonestly, receiptOf, serve } from './forged-log.ts'
import { createWorld, type World } from './world.ts'

const large = randomBytes(6 * 262_144 - 1000)
const twin = randomBytes(large.length)
const small = randomBytes(1000)
const smallTwin = randomBytes(1000)

async function* itemsOf(files: Record<string, Uint8Array>): AsyncGenerator<LocalItem> {
  for (const [path, bytes] of Object.entries(files)) {
    const open = async function* (offset: number) {
      yield bytes.slice(offset)
    }
    yield { kind: 'file', path, size: bytes.length, modifiedAt: 1_700_000_000_000, open }
  }
}

/** Keeps what was closed apart from what was only begun. */
const watchingSink = () => {
  const closed = new Map<string, Uint8Array>()
  const begun = new Map<string, Uint8Array>()
  const aborted: string[] = []
  const sink: TreeSink = {
    folder: () => Promise.resolve(),
    link: () => Promise.resolve(),
    file: (path: string, _attributes: ItemAttributes) => {
      begun.set(path, new Uint8Array(0))
      return Promise.resolve({
        write: (bytes) =>
          Promise.resolve(void begun.set(path, concat(begun.get(path)!, bytes.slice()))),
        close: () => Promise.resolve(void closed.set(path, begun.get(path)!)),
        abort: () => Promise.resolve(void aborted.push(path)),
      })
    },
  }
  return { sink, closed, begun, aborted }
}

let world: World
let share: Share
const objectOf = (path: string): string => getPath(share.view, path).node!.versions.at(-1)!.object
let stored: (path: string) => Promise<Uint8Array>
beforeAll(async () => {
  world = await createWorld()
  share = await createShare(world.ada.member, 'docs')
  await putTree(share, itemsOf({ large, twin, small, 'small twin': smallTwin }), '/')
  stored = (path) => world.ada.device.client.call(getObject, { params: { object: objectOf(path) } })
})
afterAll(() => world.stop())

const isFor = (path: string, { url }: TransportRequest): boolean => url.includes(objectOf(path))

/** What a device gets of `path` while the answers about its object are changed. */
const getUnder = async (path: string, lie: Lie) => {
  const opened = await world.open(share.log, lie)
  const watched = watchingSink()
  const report = await getTree(opened, [path], watched.sink)
  return { ...watched, report }
}

const segments = (bytes: Uint8Array): Uint8Array[] => {
  const list = []
  for (let at = 0; at < bytes.length; at += sealedSegmentBytes)
    list.push(bytes.slice(at, at + sealedSegmentBytes))
  return list
}

/** Everything that was released is a beginning of the truth, and the file never counts as had. */
const expectRefused = (
  got: Awaited<ReturnType<typeof getUnder>>,
  path: string,
  code: string,
  honest: Uint8Array,
): void => {
  const name = path.slice(1)
  expect(got.report.failed).toMatchObject([{ path: name, code }])
  expect(got.report.files).toBe(0)
  expect(got.closed.size).toBe(0)
  const begun = got.begun.get(name) ?? new Uint8Array(0)
  expect(toHex(begun)).toBe(toHex(honest.slice(0, begun.length)))
  expect(got.aborted).toEqual(got.begun.size === 0 ? [] : [name])
}

describe('a large object', () => {
  it('comes back where nothing was changed', async () => {
    const { closed, report } = await getUnder('/large', truth)
    expect(report.failed).toEqual([])
    expect(toHex(closed.get('large')!)).toBe(toHex(large))
  })

  type Change = (own: Uint8Array[], other: Uint8Array[]) => Uint8Array[]
  const flipped = (bytes: Uint8Array): Uint8Array => {
    const copy = bytes.slice()
    copy[1000]! ^= 1
    return copy
  }
  const changes: readonly (readonly [string, Change])[] = [
    ['a segment dropped', (own) => own.filter((_, i) => i !== 2)],
    ['two segments in the other order', ([a, b, c, ...rest]) => [a!, c!, b!, ...rest]],
    ['a segment doubled', ([a, b, ...rest]) => [a!, b!, b!, ...rest]],
    ['a segment in the place of another', ([a, b, _c, ...rest]) => [a!, b!, b!, ...rest]],
    ['the last segment dropped', (own) => own.slice(0, -1)],
    ['the end cut off', (own) => [...own.slice(0, -1), own.at(-1)!.slice(0, -1)]],
    ['one byte more', (own) => [...own, new Uint8Array(1)]],
    ['a segment more', (own, other) => [...own, other.at(-1)!]],
    ['nothing at all', () => []],
    ['a segment of another object', ([a, b, _c, ...rest], other) => [a!, b!, other[2]!, ...rest]],
    ['another object of the same size', (_own, other) => other],
    ['one bit changed', ([a, b, ...rest]) => [a!, flipped(b!), ...rest]],
  ]
  it.each(changes)('%s: object_segment', async (_name, change) => {
    const other = segments(await stored('/twin'))
    const lie = rewriteBytes(getObject, (bytes, request) =>
      isFor('/large', request) ? concat(...change(segments(bytes), other)) : bytes,
    )
    expectRefused(await getUnder('/large', lie), '/large', 'object_segment', large)
  })

  it('going on with other bytes after the line was cut: object_segment', async () => {
    const other = await stored('/twin')
    let asked = 0
    const lie: Lie = (next) => async (request) => {
      const response = await next(request)
      if (!isCallOf(getObject, request) || !isFor('/large', request)) return response
      if (asked++ > 0) {
        const from = Number(/bytes=(\d+)-/.exec(request.headers['range'] ?? '')![1])
        return withBytes(response, other.slice(from))
      }
      const { body } = response
      const cut = (async function* () {
        let passed = 0
        for await (const chunk of body) {
          yield chunk
          passed += chunk.length
          if (passed > 600_000) return
        }
      })()
      return { ...response, status: 200, headers: response.headers, body: cut, discard() {} }
    }
    expectRefused(await getUnder('/large', lie), '/large', 'object_segment', large)
    expect(asked).toBeGreaterThan(1)
  })

  it('an answer for another range than was asked: the answer is refused as a whole', async () => {
    const opened = await world.open(share.log, (next) => async (request) => {
      const response = await next(request)
      if (!isCallOf(getObject, request)) return response
      return {
        ...response,
        status: 206,
        headers: { ...response.headers, 'content-range': 'bytes 0-9/10' },
      }
    })
    await expect(getTree(opened, ['/large'], watchingSink().sink)).rejects.toMatchObject({
      kind: 'protocol',
    })
  })
})

describe('a bundle of small objects', () => {
  const frames = (bundle: Uint8Array): { id: Uint8Array; bytes: Uint8Array }[] => {
    const list = []
    const view = new DataView(bundle.buffer, bundle.byteOffset)
    for (let at = 0; at < bundle.length;) {
      const end = at + 20 + view.getUint32(at + 16)
      list.push({ id: bundle.slice(at, at + 16), bytes: bundle.slice(at + 20, end) })
      at = end
    }
    return list
  }
  const bundleOf = (list: { id: Uint8Array; bytes: Uint8Array }[]): Uint8Array =>
    concat(
      ...list.flatMap(({ id, bytes }) => {
        const length = new Uint8Array(4)
        new DataView(length.buffer).setUint32(0, bytes.length)
        return [id, length, bytes]
      }),
    )
  type Frames = ReturnType<typeof frames>
  const getBoth = async (change: (list: Frames) => Frames) => {
    const lie = rewriteBytes(getBundle, (bytes) => bundleOf(change(frames(bytes))))
    const opened = await world.open(share.log, lie)
    const watched = watchingSink()
    return { ...watched, report: await getTree(opened, ['/small', '/small twin'], watched.sink) }
  }

  it('comes back where nothing was changed', async () => {
    const { closed } = await getBoth((list) => list)
    expect(toHex(closed.get('small')!)).toBe(toHex(small))
    expect(toHex(closed.get('small twin')!)).toBe(toHex(smallTwin))
  })

  it('two objects swapped: object_segment, for each', async () => {
    const { report, begun } = await getBoth(([a, b]) => [
      { id: a!.id, bytes: b!.bytes },
      { id: b!.id, bytes: a!.bytes },
    ])
    expect(report.failed.map(({ code }) => code)).toEqual(['object_segment', 'object_segment'])
    expect(begun.size).toBe(0)
  })

  it('one object cut short: object_segment, and the other is had', async () => {
    const { report, closed } = await getBoth(([a, b]) => [
      { id: a!.id, bytes: a!.bytes.slice(0, -1) },
      b!,
    ])
    expect(report).toMatchObject({ files: 1, failed: [{ path: 'small', code: 'object_segment' }] })
    expect([...closed.keys()]).toEqual(['small twin'])
  })

  it('one object empty: object_segment', async () => {
    const { report } = await getBoth(([a, b]) => [{ id: a!.id, bytes: new Uint8Array(0) }, b!])
    expect(report.failed).toMatchObject([{ path: 'small', code: 'object_segment' }])
  })

  it.each([
    ['in another order than was asked', ([a, b]: Frames) => [b!, a!]],
    ['with one object left out', ([a]: Frames) => [a!]],
    ['with one object twice', ([a, b]: Frames) => [a!, a!, b!]],
  ])('%s: the answer is refused as a whole', async (_name, change) => {
    await expect(getBoth(change)).rejects.toMatchObject({ kind: 'protocol' })
  })
})

describe('entries and the objects that they name', () => {
  it('a key that its author did not commit to: object_commitment', async () => {
    const { node } = getPath(share.view, '/small')
    const { object, sizeBytes, content } = node!.versions[0]!
    const copy = {
      op: 'add-file',
      node: '12'.repeat(16),
      parent: share.log,
      object,
      sizeBytes,
    } as const
    await appendChanges(share, () => ({
      changes: [copy],
      attributes: [{ name: 'uncommitted', content: { ...content!, commitment: randomBytes(32) } }],
    }))
    const got = await getUnder('/uncommitted', truth)
    expectRefused(got, '/uncommitted', 'object_commitment', small)
  })

  it('an object that the server says it has not: not_found, and the others are had', async () => {
    const missing = await world.open(share.log, (next) => async (request) => {
      const named = new TextDecoder().decode((request.body as Uint8Array) ?? new Uint8Array(0))
      if (!isCallOf(getBundle, request) || !named.includes(objectOf('/small'))) return next(request)
      const problem = { type: 'about:blank', title: 'x', status: 404, code: 'not_found' }
      const bytes = new TextEncoder().encode(JSON.stringify(problem))
      const headers = { 'content-type': 'application/problem+json' }
      return { ...withBytes({ ...(await next(request)), headers }, bytes), status: 404 }
    })
    const watched = watchingSink()
    const report = await getTree(missing, ['/small', '/small twin'], watched.sink)
    expect(report).toMatchObject({ files: 1, failed: [{ path: 'small', code: 'not_found' }] })
  })

  it('a file rolled back to an old version by leaving the newest entry out: log_withheld', async () => {
    await putTree(share, itemsOf({ report: small }), '/', { force: true })
    const before = await readHonestly(world.ada.device.client, share.log)
    await putTree(share, itemsOf({ report: smallTwin }), '/', { force: true })
    expect(listVersions(share.view, '/report').length).toBeGreaterThan(1)
    const after = await readHonestly(world.ada.device.client, share.log)
    const receipt = () => receiptOf(after, world.receiptSeed)
    const lie = serve({ ...after, entries: before.entries, receipt }, world.receiptSeed)
    await expect(world.open(share.log, lie)).rejects.toMatchObject({ code: 'log_withheld' })
  })

  it('after every lie the honest server gives everything, byte for byte', async () => {
    for (const [path, bytes] of [
      ['large', large],
      ['small', small],
    ] as const) {
      const { closed, report } = await getUnder(`/${path}`, truth)
      expect(report.failed).toEqual([])
      expect(toHex(closed.get(path)!)).toBe(toHex(bytes))
    }
  })
})
