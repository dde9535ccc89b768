/** Appends, bundles and objects: bytes that are nearly right, and entries that are signed and yet make no sense. */
import {
  appendAccount,
  appendLogs,
  createUpload,
  getObject,
  getUsage,
  putBundle,
  removeUpload,
  writeUpload,
} from '@hearthold/contract'
import { encodeAppend, toB64 } from '@hearthold/crypto'
import { accountEntryKinds, type Change, encodeShareFacts, shareEntryKinds } from '@hearthold/model'
import * as fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { newNode } from '../../apps/server/src/platform/logs/test-logs.ts'
import { bundleOf, done, openWorld, type World } from '../access/foreign-ids.ts'
import { codeOf } from '../access/instance.ts'
import { type Honest, lookAt } from './honest.ts'
import { cuts, oddText } from './mutations.ts'
import { memoryGraceBytes, runs, usedBytes } from './seed.ts'

let world: World
let before: Honest
let memoryBefore: number
beforeAll(async () => {
  world = await openWorld()
  before = await lookAt(world)
  memoryBefore = usedBytes()
})
afterAll(() => world.instance.close())

/** Fails where the server did: 5xx, or a code that the endpoint does not list. */
const noFault = async (work: () => Promise<unknown>): Promise<void> => {
  const seen = world.instance.faults.length
  await work()
  expect(world.instance.faults.slice(seen)).toEqual([])
}

/**
 * Sends what the asker's device signs, to both endpoints that take appends. The device goes on only from what was
 * accepted, so that the next entry is right again.
 */
const trySigned = async (make: () => Promise<Uint8Array>): Promise<void> => {
  const { instance, asker } = world
  const { token } = asker
  const { own } = asker.device
  const known = new Map(own)
  const body = await make()
  let code = ''
  await noFault(async () => {
    if (body.length > 0) code = codeOf(await instance.ask(appendLogs, { token, body }))
  })
  const append = toB64(new Uint8Array(body))
  await noFault(() => instance.ask(appendAccount, { token, body: { append } }))
  if (code === '' && body.length > 0) return
  own.clear()
  for (const [log, head] of known) own.set(log, head)
}

describe('an append', () => {
  it('whose bytes were spoilt', async () => {
    await fc.assert(
      fc.asyncProperty(cuts, fc.boolean(), async (spoil, founds) => {
        const { share } = world
        await trySigned(async () =>
          spoil(encodeAppend([share.append([await share.folder(), await share.folder()], founds)])),
        )
      }),
      runs(150),
    )
  })

  const number = fc.oneof(
    fc.nat(5),
    fc.constantFrom(0, 2 ** 31, 2 ** 32 - 1, Number.MAX_SAFE_INTEGER),
  )
  const hash = fc.constantFrom(
    new Uint8Array(32),
    new Uint8Array(32).fill(255),
    new Uint8Array(32).fill(7),
  )
  const place = fc.record({ seq: number, chain: hash })
  const draft = fc.record(
    {
      rules: fc.constantFrom(0, 1, 2, 255, 65_535),
      epoch: fc.constantFrom(0, 1, 2, 2 ** 32 - 1),
      own: number,
      ownPrev: hash,
      seen: place,
      basis: place,
      body: fc.oneof(fc.uint8Array({ maxLength: 80 }), fc.constant(new Uint8Array(70_000))),
      author: fc.constantFrom(new Uint8Array(16), new Uint8Array(16).fill(9)),
    },
    { requiredKeys: [] },
  )
  const kinds = [
    ...Object.values(shareEntryKinds),
    ...Object.values(accountEntryKinds),
    0,
    99,
    65_535,
  ]

  it('that is signed, and says what nobody should', async () => {
    await fc.assert(
      fc.asyncProperty(
        draft,
        fc.constantFrom(...kinds),
        cuts,
        fc.uint8Array({ maxLength: 200 }),
        fc.nat(2),
        async (odd, kind, spoil, raw, which) => {
          const { asker, share } = world
          const right = encodeShareFacts({
            entry: 'change',
            changes: [{ op: 'add-folder', node: newNode(), parent: share.log.id }],
          })
          const payload = which === 0 ? right : which === 1 ? new Uint8Array(spoil(right)) : raw
          const content = { kind, payload, ...odd } as Parameters<typeof share.log.sign>[2]
          for (const log of [share.log.idBytes, asker.log.idBytes])
            await trySigned(async () => {
              const entry = await share.log.sign(asker.device, asker.log.idBytes, content)
              return encodeAppend([{ ...share.append([entry]), log }])
            })
        },
      ),
      runs(200),
    )
  })

  /** Some changes no client could even write. */
  const isWritable = (changes: readonly object[]): changes is readonly Change[] => {
    try {
      return encodeShareFacts({ entry: 'change', changes: changes as readonly Change[] }).length > 0
    } catch {
      return false
    }
  }

  it('of changes that a reducer must refuse', async () => {
    const id = fc.constantFrom('0'.repeat(32), 'f'.repeat(32), '7'.repeat(32))
    const any = fc.oneof(id, fc.constantFrom('root', 'object', 'theirs'))
    const change = fc.oneof(
      fc.record({ op: fc.constant('add-folder'), node: any, parent: any }),
      fc.record({
        op: fc.constant('add-file'),
        node: any,
        parent: any,
        object: any,
        sizeBytes: number,
      }),
      fc.record({ op: fc.constant('move'), node: any, base: number, parent: any }),
      fc.record({ op: fc.constantFrom('trash', 'restore', 'erase'), node: any, base: number }),
    )
    await fc.assert(
      fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 20 }), async (changes) => {
        const { share, object } = world
        const names: Record<string, string> = {
          root: share.log.id,
          object,
          theirs: world.theirs.log.id,
        }
        const named = changes.map((one) =>
          Object.fromEntries(
            Object.entries(one).map(([key, value]) => [key, names[String(value)] ?? value]),
          ),
        )
        if (!isWritable(named)) return
        await trySigned(async () => encodeAppend([share.append([await share.change(named)])]))
      }),
      runs(100),
    )
  })

  it('whose place is taken, and which has seen what is not there yet', async () => {
    const { share } = world
    const seen = { seq: Number.MAX_SAFE_INTEGER, chain: new Uint8Array(32) }
    await trySigned(async () =>
      encodeAppend([share.append([await share.folder({ seen, own: 1 })])]),
    )
    expect(world.instance.faults).toEqual([])
  })

  it('that is right is still taken', async () => {
    const { instance, asker, share } = world
    const body = encodeAppend([share.append([await share.folder()])])
    expect(codeOf(await instance.ask(appendLogs, { token: asker.token, body }))).toBe('')
  })
})

describe('objects', () => {
  it('in a spoilt bundle', async () => {
    await fc.assert(
      fc.asyncProperty(
        cuts,
        fc.array(fc.integer({ min: 28, max: 400 }), { maxLength: 5 }),
        async (spoil, sizes) => {
          const { instance, asker } = world
          const body = spoil(
            bundleOf(...sizes.map((size) => ({ id: newNode(), bytes: new Uint8Array(size) }))),
          )
          await noFault(() =>
            instance.ask(putBundle, {
              token: asker.token,
              body: body.length === 0 ? new Uint8Array(1) : body,
            }),
          )
        },
      ),
      runs(150),
    )
  })

  it('in an upload whose sizes and offsets do not fit', async () => {
    const size = fc.oneof(
      fc.integer({ min: 28, max: 700_000 }),
      fc.constantFrom(28, 262_171, 262_172, 262_173, 262_200),
    )
    const step = fc.record({
      offset: fc.oneof(fc.constantFrom(0, 1, 262_172, 524_344, 2 ** 53 - 1), size),
      bytes: fc.nat(300_000),
    })
    await fc.assert(
      fc.asyncProperty(
        size,
        fc.array(step, { minLength: 1, maxLength: 4 }),
        async (sizeBytes, steps) => {
          const { instance, asker } = world
          const { token } = asker
          const begun = await instance.ask(createUpload, {
            token,
            body: { object: newNode(), sizeBytes },
          })
          if (codeOf(begun) !== '') return
          const { upload } = begun.json<{ upload: string }>()
          for (const { offset, bytes } of steps)
            await noFault(() =>
              instance.ask(writeUpload, {
                token,
                params: { upload },
                query: { offset },
                body: new Uint8Array(bytes),
              }),
            )
          await noFault(() => instance.ask(removeUpload, { token, params: { upload } }))
        },
      ),
      runs(40),
    )
  })

  it('by odd ranges: what is asked, or a refusal, and never more', async () => {
    const { instance, victim, object, objectBytes } = world
    const part = fc.oneof(
      fc.nat(700).map(String),
      fc.constantFrom('', '0', '299', '300', '99999999999999999999', '-1', '1e2'),
    )
    const range = fc.oneof(
      { weight: 4, arbitrary: fc.tuple(part, part).map(([from, to]) => `bytes=${from}-${to}`) },
      { weight: 1, arbitrary: oddText.map((text) => text.replaceAll(/[^\x20-\x7e]/g, '?')) },
    )
    await fc.assert(
      fc.asyncProperty(range, async (text) => {
        const answer = await instance.ask(getObject, {
          token: victim.token,
          params: { object },
          headers: { range: text },
        })
        expect([200, 206, 416, 400]).toContain(answer.statusCode)
        const said = /^bytes (\d+)-(\d+)\/300$/.exec(String(answer.headers['content-range']))
        const [from, to] =
          answer.statusCode === 206 ? [Number(said?.[1]), Number(said?.[2])] : [0, 299]
        const isRight = Buffer.compare(answer.rawPayload, objectBytes.subarray(from, to + 1)) === 0
        expect([text, answer.statusCode >= 400 || isRight]).toEqual([text, true])
      }),
      runs(200),
    )
  })
})

it('leave an honest member as it was, the quota in order, and memory bounded', async () => {
  expect(await lookAt(world)).toEqual(before)
  const { usedBytes: used } = (await done(world.instance, getUsage, {
    token: world.asker.token,
  })) as unknown as { usedBytes: number }
  expect(used).toBeGreaterThan(0)
  expect(usedBytes() - memoryBefore).toBeLessThan(memoryGraceBytes)
})
