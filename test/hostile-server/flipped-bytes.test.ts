/** Any byte of an answer changed, or the rest cut off: refused by a name of ours, never by accident, never believed. */
import { appendLogs, getBundle as bundleEndpoint, readLog } from '@hearthold/contract'
import { IntegrityError } from '@hearthold/crypto'
import { NetworkError } from '@hearthold/client'
import {
  createShare,
  getTree,
  type LocalItem,
  makeFolder,
  moveItem,
  openShare,
  putTree,
  type Share,
  trashItems,
  type TreeSink,
  unlock,
} from '@hearthold/member'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Lie, rewriteBytes, truth } from './answers.ts'
import { createWorld, secondDevice, type World } from './world.ts'

let world: World
let share: Share
beforeAll(async () => {
  world = await createWorld()
  share = await createShare(world.ada.member, 'docs')
  const { member } = await secondDevice(world, 'laptop')
  const theirs = await openShare(member, share.log)
  await makeFolder(share, '/a')
  await makeFolder(theirs, '/b')
  await share.replica.sync()
  await moveItem(share, '/a', '/b/a')
  await theirs.replica.sync()
  await trashItems(theirs, ['/b'])
  await putTree(share, files(), '/')
  await theirs.replica.sync()
})
afterAll(() => world.stop())

async function* files(): AsyncGenerator<LocalItem> {
  for (const path of ['one', 'two']) {
    const bytes = new TextEncoder().encode(`contents of ${path}`)
    const open = async function* () {
      yield bytes
    }
    yield { kind: 'file', path, size: bytes.length, modifiedAt: 1_700_000_000_000, open }
  }
}

const flipped = (bytes: Uint8Array, place: number): Uint8Array => {
  const copy = bytes.slice()
  copy[place]! ^= 1 << (place % 8)
  return copy
}

/** How an attempt under a lie ended: the code or kind of a refusal, or what went wrong by accident. */
const outcomeOf = async (work: () => Promise<unknown>): Promise<string> => {
  try {
    await work()
    return 'believed'
  } catch (error) {
    if (error instanceof IntegrityError) return error.code
    if (error instanceof NetworkError) return error.kind
    return `by accident: ${String(error)}`
  }
}

const isRefusal = (outcome: string): boolean =>
  /^(?:[a-z_]+)$/.test(outcome) && outcome !== 'believed'

/** Tries places `step` apart, with `attempt` made under each lie; resolves to those that were not refused. */
const tryAll = async (
  length: number,
  step: number,
  attempt: (place: number) => Promise<unknown>,
): Promise<string[]> => {
  const bad: string[] = []
  for (let place = 0; place < length; place += step) {
    const outcome = await outcomeOf(() => attempt(place))
    if (!isRefusal(outcome)) bad.push(`${place}: ${outcome}`)
  }
  return bad
}

/** The length of the first answer that an honest look gets from an endpoint for `id`. */
const lengthOf = async (
  look: (lie: Lie) => Promise<unknown>,
  lie: typeof rewriteBytes,
  id: string,
) => {
  let length = 0
  await look(
    lie(readLog, (bytes, { url }) => {
      if (url.includes(id)) length ||= bytes.length
      return bytes
    }),
  )
  return length
}

const changing = (id: string, change: (bytes: Uint8Array) => Uint8Array): Lie =>
  rewriteBytes(readLog, (bytes, { url }) => (url.includes(id) ? change(bytes) : bytes))

describe("every part of a share's page", () => {
  it('changed by one bit, or cut off there: refused', async () => {
    const length = await lengthOf((lie) => world.open(share.log, lie), rewriteBytes, share.log)
    expect(length).toBeGreaterThan(3000)
    let change = (bytes: Uint8Array): Uint8Array => bytes
    const member = await world.unlock(changing(share.log, (bytes) => change(bytes)))
    const flips = await tryAll(length, 7, (place) => {
      change = (bytes) => flipped(bytes, place)
      return openShare(member, share.log)
    })
    expect(flips).toEqual([])
    const cuts = await tryAll(length, 31, (place) => {
      change = (bytes) => bytes.slice(0, place)
      return openShare(member, share.log)
    })
    expect(cuts).toEqual([])
    change = (bytes) => bytes
    expect((await openShare(member, share.log)).view.nodes).toEqual(
      (await world.open(share.log)).view.nodes,
    )
  })
})

describe("every part of an account's page", () => {
  it('changed by one bit, or cut off there: refused', async () => {
    const { log } = world.ada.created
    const length = await lengthOf((lie) => world.unlock(lie), rewriteBytes, log)
    expect(length).toBeGreaterThan(5000)
    const flips = await tryAll(length, 29, (place) =>
      world.unlock(changing(log, (bytes) => flipped(bytes, place))),
    )
    expect(flips).toEqual([])
    const cuts = await tryAll(length, 401, (place) =>
      world.unlock(changing(log, (bytes) => bytes.slice(0, place))),
    )
    expect(cuts).toEqual([])
  })
})

describe('every byte of small answers', () => {
  it("of an append's receipt: refused", async () => {
    const liar = world.device()
    const { created } = world.ada
    const member = await unlock(liar.context, created, created.unlockBy, created.device)
    const opened = await openShare(member, share.log)
    const bad = await tryAll(134, 3, (place) => {
      liar.tell(rewriteBytes(appendLogs, (bytes) => flipped(bytes, place)))
      return makeFolder(opened, `/flip ${place}`)
    })
    liar.tell(truth)
    expect(bad).toEqual([])
    await makeFolder(opened, '/after')
    expect(opened.replica.refused).toEqual([])
  })

  it('of a bundle: no file comes of it, and none is wrong', async () => {
    let length = 0
    const seen = rewriteBytes(bundleEndpoint, (bytes) => {
      length = bytes.length
      return bytes
    })
    const written: string[] = []
    const sink: TreeSink = {
      folder: () => Promise.resolve(),
      link: () => Promise.resolve(),
      file: () => Promise.reject(new Error('whole files are asked for')),
      wholeFile: (path, bytes) =>
        Promise.resolve(void written.push(`${path}: ${new TextDecoder().decode(bytes)}`)),
    }
    const get = async (lie: Lie) =>
      getTree(await world.open(share.log, lie), ['/one', '/two'], sink)
    await get(seen)
    expect(written.toSorted()).toEqual(['one: contents of one', 'two: contents of two'])
    for (let place = 0; place < length; place += 3) {
      written.length = 0
      const lie = rewriteBytes(bundleEndpoint, (bytes) => flipped(bytes, place))
      const outcome = await outcomeOf(async () => {
        const { failed } = await get(lie)
        if (failed.length === 1) throw new IntegrityError('object_segment', failed[0]!.code!)
      })
      expect([place, isRefusal(outcome)]).toEqual([place, true])
      for (const line of written) expect(line).toMatch(/^(one|two): contents of \1$/)
    }
  })
})
