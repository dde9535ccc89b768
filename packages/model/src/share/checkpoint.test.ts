/** Columns of a share's view: what a device in bad hands could write into them is refused, not shown. */
import { ByteWriter, concat, fromHex, utf8 } from '@hearthold/crypto'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { addShareKeys, decodeShareTree, decodeShareView, encodeShareView } from './checkpoint.ts'
import type { ShareNode, ShareView } from './view.ts'
import { addChild } from './view.ts'

const id = (n: number): string => n.toString(16).padStart(32, '0')
const root = 'ab'.repeat(16)

const nodeOf = (n: number, over: Partial<ShareNode> = {}): ShareNode => ({
  id: id(n),
  kind: 'folder',
  parent: root,
  base: 2,
  at: 1000,
  trashedSeq: undefined,
  trashedAt: undefined,
  versions: [],
  name: `node ${n}`,
  modifiedAt: undefined,
  mode: undefined,
  target: undefined,
  ...over,
})

const viewOf = (...nodes: readonly ShareNode[]): ShareView => {
  const view: ShareView = {
    root,
    founder: id(7),
    epoch: 1,
    epochs: new Map([
      [1, { epoch: 1, domainKeyVersion: 1, sealedLogKey: new Uint8Array(60).fill(3) }],
    ]),
    nodes: new Map(nodes.map((node) => [node.id, node])),
    children: new Map(),
    objectCounts: new Map(),
    name: 'share',
  }
  for (const node of nodes) {
    addChild(view, node.parent, node.id)
    for (const { object } of node.versions) {
      view.objectCounts.set(object, (view.objectCounts.get(object) ?? 0) + 1)
    }
  }
  return view
}

const malformed = expect.objectContaining({ code: 'malformed' }) as Error

const outcomeOf = (work: () => unknown): unknown => {
  try {
    work()
    return 'read'
  } catch (error) {
    return (error as { code?: unknown }).code
  }
}

describe('the columns of a view', () => {
  it('come back as they were: texts of any script, none and empty, versions with and without content', () => {
    const version = {
      seq: 2,
      at: 5,
      author: id(7),
      object: id(900),
      sizeBytes: 2 ** 41,
      content: undefined,
    }
    const content = {
      key: new Uint8Array(32).fill(1),
      commitment: new Uint8Array(32).fill(2),
      sizeBytes: 2 ** 40 + 1,
    }
    const view = viewOf(
      nodeOf(3, { name: 'Ordner ä 文 🙂' }),
      nodeOf(1, { kind: 'link', parent: id(3), target: '', name: undefined }),
      nodeOf(2, {
        kind: 'file',
        parent: id(3),
        modifiedAt: -5,
        mode: 0o755,
        trashedSeq: 9,
        trashedAt: 0,
        versions: [version, { ...version, seq: 4, content }],
      }),
    )
    const back = decodeShareView(encodeShareView(view))
    expect(back).toEqual(view)
    expect(encodeShareView(back)).toEqual(encodeShareView(view))
  })

  it('are the same bytes whatever the order in which the nodes came', () => {
    const nodes = [5, 2, 9, 1].map((n) => nodeOf(n))
    expect(encodeShareView(viewOf(...nodes))).toEqual(
      encodeShareView(viewOf(...nodes.toReversed())),
    )
  })

  it.each([
    ['a name that leads out of its folder', [nodeOf(1, { name: '../x' })]],
    ['a name that is two dots', [nodeOf(1, { name: '..' })]],
    ['a name with NUL', [nodeOf(1, { name: 'a\0b' })]],
    ['an empty name', [nodeOf(1, { name: '' })]],
    ['the root as a node', [nodeOf(1, { id: root })]],
    ['a node in itself', [nodeOf(1, { parent: id(1) })]],
    [
      'folders in a circle',
      [nodeOf(1, { parent: id(2) }), nodeOf(2, { parent: id(3) }), nodeOf(3, { parent: id(1) })],
    ],
    ['a node in a file', [nodeOf(1, { kind: 'file' }), nodeOf(2, { parent: id(1) })]],
    [
      'folders too deep',
      Array.from({ length: 300 }, (_, n) => nodeOf(n + 1, n > 0 ? { parent: id(n) } : {})),
    ],
    [
      'folders too deep, the deepest first',
      Array.from({ length: 300 }, (_, n) => nodeOf(300 - n, n > 0 ? { parent: id(301 - n) } : {})),
    ],
  ] as [string, ShareNode[]][])('with %s are refused', (_, nodes) => {
    expect(() => decodeShareView(encodeShareView(viewOf(...nodes)))).toThrow(malformed)
  })

  it('with nodes out of order, twice, or without their parent are refused', () => {
    const { tree } = encodeShareView(viewOf(nodeOf(1), nodeOf(2)))
    const at = Buffer.from(tree).indexOf(fromHex(id(1)))
    const twice = tree.slice()
    twice.set(fromHex(id(1)), at + 16)
    expect(() => decodeShareTree(twice)).toThrow(malformed)
    const swapped = tree.slice()
    swapped.set(fromHex(id(2)), at)
    swapped.set(fromHex(id(1)), at + 16)
    expect(() => decodeShareTree(swapped)).toThrow(malformed)
    const orphan = tree.slice()
    orphan[at + 32 + 3] = 9
    expect(() => decodeShareTree(orphan)).toThrow(malformed)
  })

  it('of another tree, cut or longer are refused', () => {
    const one = encodeShareView(viewOf(nodeOf(1)))
    const two = encodeShareView(viewOf(nodeOf(1), nodeOf(2)))
    expect(() => addShareKeys(decodeShareTree(one.tree), two.keys)).toThrow(malformed)
    for (const tree of [one.tree.subarray(0, -1), concat(one.tree, utf8('x')), utf8('hhst')]) {
      expect(() => decodeShareTree(tree)).toThrow(malformed)
    }
    const claims = new ByteWriter(16).bytes(utf8('hhsk')).u32(1).u32(0xffff_ffff).finish()
    expect(() => addShareKeys(decodeShareTree(one.tree), claims)).toThrow(malformed)
  })

  it('of any bytes, are refused or read, and never anything else', () => {
    const good = encodeShareView(viewOf(nodeOf(1), nodeOf(2, { parent: id(1), name: 'ä' })))
    fc.assert(
      fc.property(fc.nat(good.tree.length - 1), fc.nat(255), fc.boolean(), (at, value, inKeys) => {
        const bytes = (inKeys ? good.keys : good.tree).slice()
        bytes[at % bytes.length] = value
        const changed = inKeys ? { ...good, keys: bytes } : { ...good, tree: bytes }
        expect(['read', 'malformed']).toContain(outcomeOf(() => decodeShareView(changed)))
      }),
      { numRuns: 500 },
    )
  })
})
