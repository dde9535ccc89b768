import fc from 'fast-check'
import { genesisHash, logIdOf, toHex, type Genesis } from '@hearthold/crypto'
import { describe, expect, it } from 'vitest'
import type { AccountView } from '../account/view.ts'
import { shareEntryKinds } from '../kinds.ts'
import type { Act } from '../rules.ts'
import { decodeShareView, encodeShareView } from './checkpoint.ts'
import { type Change, decodeShareFacts, encodeShareFacts, type ShareFacts } from './facts.ts'
import { shareRules } from './rules.ts'
import type { ShareView } from './view.ts'

const id = (n: number): string => n.toString(16).padStart(32, '0')
const founder = new Uint8Array(16).fill(7)
const genesis: Genesis = {
  kind: 2,
  rules: 1,
  founder,
  governing: founder,
  salt: new Uint8Array(32).fill(1),
}
const root = toHex(logIdOf(genesisHash(genesis)))
const device = id(0xde)

const act = (
  seq: number,
  facts: ShareFacts,
  epoch = 1,
  over: Partial<Act<ShareFacts>> = {},
): Act<ShareFacts> => ({
  kind: shareEntryKinds[facts.entry],
  author: toHex(founder),
  device,
  epoch,
  seq,
  at: 1000 + seq,
  gov: 5,
  bodyHash: new Uint8Array(32),
  facts,
  ...over,
})
const epochFacts = (epoch: number) => ({
  epoch,
  domainKeyVersion: 1,
  sealedLogKey: new Uint8Array(60),
})
const change = (...changes: Change[]): ShareFacts => ({ entry: 'change', changes })

const founded = (): ShareView => {
  const view = shareRules.create(genesis)
  expect(shareRules.apply(view, act(1, { entry: 'found', ...epochFacts(1) })).refusals).toEqual([])
  return view
}
const account = (enrolledSeq = 1, retiredSeq?: number): AccountView => ({
  log: toHex(founder),
  salt: new Uint8Array(32),
  accountId: undefined,
  rootKey: undefined,
  instanceKey: undefined,
  state: undefined,
  identity: undefined,
  profileSeq: undefined,
  devices: new Map([
    [
      device,
      {
        id: device,
        publicKey: new Uint8Array(32),
        enrolledSeq,
        enrolledAt: 0,
        retiredSeq,
        retiredAt: undefined,
        retiredReason: undefined,
      },
    ],
  ]),
})

const addFile = (node: number, parent = root, object = node + 1000): Change => ({
  op: 'add-file',
  node: id(node),
  parent,
  object: id(object),
  sizeBytes: 28,
})

describe('a share', () => {
  it('builds a tree within one entry, parents before children', () => {
    const view = founded()
    const applied = shareRules.apply(
      view,
      act(2, change({ op: 'add-folder', node: id(1), parent: root }, addFile(2, id(1)))),
    )
    expect(applied).toEqual({ refusals: [], referenced: [id(1002)], released: [] })
    expect(view.nodes.get(id(2))).toMatchObject({ parent: id(1), base: 2, kind: 'file' })
    expect(view.children.get(id(1))).toEqual(new Set([id(2)]))
  })

  it.each([
    ['an unknown parent', [addFile(5, id(99))], 'base_stale'],
    ['a file as parent', [addFile(5, id(2))], 'base_stale'],
    ['an id that is taken', [addFile(2)], 'entry_refused'],
    ['the root as a node', [{ ...addFile(5), node: root }], 'entry_refused'],
    ['a stale base', [{ op: 'describe', node: id(2), base: 1 }], 'base_stale'],
    ['an unknown node', [{ op: 'trash', node: id(77), base: 2 }], 'base_stale'],
    [
      'contents for a folder',
      [{ op: 'write', node: id(1), base: 2, object: id(9), sizeBytes: 28 }],
      'entry_refused',
    ],
    ['a folder into itself', [{ op: 'move', node: id(1), base: 2, parent: id(1) }], 'base_stale'],
    ['a folder below itself', [{ op: 'move', node: id(1), base: 2, parent: id(3) }], 'base_stale'],
    [
      'restoring what is not trashed',
      [{ op: 'restore', node: id(2), base: 2, parent: root }],
      'base_stale',
    ],
    [
      'a node twice in one entry',
      [
        { op: 'describe', node: id(2), base: 2 },
        { op: 'trash', node: id(2), base: 2 },
      ],
      'entry_refused',
    ],
    [
      'adding below what the same entry erased',
      [{ op: 'erase', node: id(1), base: 2 }, addFile(5, id(3))],
      'base_stale',
    ],
  ] as [string, Change[], string][])(
    'refuses %s, and says so before and after',
    (_name, changes, code) => {
      const view = founded()
      const tree = change({ op: 'add-folder', node: id(1), parent: root }, addFile(2, id(1)), {
        op: 'add-folder',
        node: id(3),
        parent: id(1),
      })
      shareRules.apply(view, act(2, tree))
      const facts = change(...changes)
      expect(shareRules.may(view, act(3, facts), account())).toMatchObject({ code })
      expect(shareRules.apply(view, act(3, facts)).refusals).toContainEqual(
        expect.objectContaining({ code }),
      )
    },
  )

  it('hides what lies in the trash from new changes and gives it back whole', () => {
    const view = founded()
    shareRules.apply(
      view,
      act(2, change({ op: 'add-folder', node: id(1), parent: root }, addFile(2, id(1)))),
    )
    shareRules.apply(view, act(3, change({ op: 'trash', node: id(1), base: 2 })))
    expect(shareRules.may(view, act(4, change(addFile(3, id(1)))), account())?.code).toBe(
      'base_stale',
    )
    expect(
      shareRules.may(view, act(4, change({ op: 'describe', node: id(2), base: 2 })), account())
        ?.code,
    ).toBe('base_stale')
    shareRules.apply(view, act(4, change({ op: 'restore', node: id(1), base: 3, parent: root })))
    expect(shareRules.may(view, act(5, change(addFile(3, id(1)))), account())).toBeUndefined()
  })

  it('releases an object only with its last version', () => {
    const view = founded()
    shareRules.apply(view, act(2, change(addFile(1, root, 50), addFile(2, root, 50))))
    expect(
      shareRules.apply(view, act(3, change({ op: 'erase', node: id(1), base: 2 }))).released,
    ).toEqual([])
    expect(
      shareRules.apply(view, act(4, change({ op: 'erase', node: id(2), base: 2 }))).released,
    ).toEqual([id(50)])
    expect(view.nodes.size).toBe(0)
    expect(view.children.size).toBe(0)
  })

  it('lets only the founder write, by a device that the account certifies at that point', () => {
    const view = founded()
    const facts = change(addFile(1))
    expect(shareRules.may(view, act(2, facts), account())).toBeUndefined()
    expect(shareRules.may(view, act(2, facts), account(6))?.code).toBe('device_unknown')
    expect(shareRules.may(view, act(2, facts), account(1, 5))?.code).toBe('device_unknown')
    expect(shareRules.may(view, act(2, facts), account(1, 6))).toBeUndefined()
    expect(shareRules.may(view, act(2, facts, 1, { author: id(8) }), account())?.code).toBe(
      'entry_refused',
    )
  })

  it('opens epochs one after the other and refuses entries of an old one', () => {
    const view = founded()
    expect(
      shareRules.may(view, act(2, { entry: 'fence', ...epochFacts(3) }, 3), account())?.code,
    ).toBe('epoch_stale')
    shareRules.apply(view, act(2, { entry: 'fence', ...epochFacts(2) }, 2))
    expect(view.epoch).toBe(2)
    expect(shareRules.may(view, act(3, change(addFile(1)), 1), account())?.code).toBe('epoch_stale')
    expect(shareRules.apply(view, act(3, change(addFile(1)), 1)).refusals).toEqual([
      { code: 'epoch_stale' },
    ])
    expect(shareRules.may(view, act(3, change(addFile(1)), 2), account())).toBeUndefined()
    expect(
      shareRules.may(view, act(3, { entry: 'found', ...epochFacts(3) }, 3), account())?.code,
    ).toBe('entry_refused')
  })
})

/** Changes over few nodes with bases that are often right: most take effect, many do not. */
const anyChange = fc.record({
  op: fc.constantFrom(
    'add-folder',
    'add-file',
    'add-link',
    'write',
    'move',
    'describe',
    'trash',
    'restore',
    'erase',
  ),
  node: fc.integer({ min: 1, max: 12 }),
  parent: fc.integer({ min: 0, max: 12 }),
  object: fc.integer({ min: 100, max: 110 }),
  fresh: fc.integer({ min: 0, max: 9 }),
})

const toChange = (
  raw: { op: string; node: number; parent: number; object: number; fresh: number },
  view: ShareView,
): Change => {
  const node = id(raw.node)
  const base = raw.fresh > 0 ? (view.nodes.get(node)?.base ?? 0) : 1
  const parent = raw.parent === 0 ? root : id(raw.parent)
  return {
    op: raw.op,
    node,
    base,
    parent,
    object: id(raw.object),
    sizeBytes: 28,
  } as unknown as Change
}

/** Facts as they come off the wire: only the fields that an operation has. */
const travelled = (facts: ShareFacts): ShareFacts =>
  decodeShareFacts(shareEntryKinds[facts.entry], encodeShareFacts(stripped(facts)))
const fieldsOf: Record<string, readonly string[]> = {
  'add-folder': ['parent'],
  'add-link': ['parent'],
  'add-file': ['parent', 'object', 'sizeBytes'],
  write: ['base', 'object', 'sizeBytes'],
  move: ['base', 'parent'],
  restore: ['base', 'parent'],
  describe: ['base'],
  trash: ['base'],
  erase: ['base'],
}
const stripped = (facts: ShareFacts): ShareFacts =>
  facts.entry === 'change'
    ? change(
        ...facts.changes.map((one) => {
          const fields = Object.entries(one).filter(([key]) =>
            ['op', 'node', ...fieldsOf[one.op]!].includes(key),
          )
          return Object.fromEntries(fields) as unknown as Change
        }),
      )
    : facts

const sound = (view: ShareView): void => {
  const counts = new Map<string, number>()
  for (const node of view.nodes.values()) {
    expect(view.children.get(node.parent)?.has(node.id)).toBe(true)
    if (node.parent !== root) expect(view.nodes.get(node.parent)?.kind).toBe('folder')
    let at = node.id
    for (let steps = 0; at !== root; steps++) {
      expect(steps).toBeLessThan(300)
      at = view.nodes.get(at)!.parent
    }
    for (const { object } of node.versions) counts.set(object, (counts.get(object) ?? 0) + 1)
  }
  expect(Object.fromEntries(view.objectCounts)).toEqual(Object.fromEntries(counts))
}

describe('the share reducer', () => {
  it('keeps a tree a tree, replays to the same view, and from a checkpoint too', () => {
    fc.assert(
      fc.property(
        fc.array(fc.array(anyChange, { minLength: 1, maxLength: 6 }), { maxLength: 25 }),
        fc.nat(),
        (batches, cut) => {
          const view = founded()
          const acts: Act<ShareFacts>[] = []
          let resumed = founded()
          let isResumed = false
          batches.forEach((batch, i) => {
            // Up to the cut the view itself goes on; from there on one read back from a checkpoint.
            if (i === cut % batches.length) {
              resumed = decodeShareView(encodeShareView(view))
              isResumed = true
            }
            const facts = travelled(change(...batch.map((raw) => toChange(raw, view))))
            const one = act(i + 2, facts)
            const allowed = shareRules.may(view, one, account())
            const { refusals } = shareRules.apply(view, one)
            expect(allowed === undefined).toBe(refusals.length === 0)
            acts.push(one)
            if (isResumed) shareRules.apply(resumed, one)
          })
          sound(view)
          const replayed = founded()
          for (const one of acts) shareRules.apply(replayed, one)
          expect(encodeShareView(replayed)).toEqual(encodeShareView(view))
          expect(encodeShareView(resumed)).toEqual(encodeShareView(view))
        },
      ),
      { numRuns: 200 },
    )
  })
})
