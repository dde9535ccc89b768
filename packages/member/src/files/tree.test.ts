import { genesisHash, logIdOf, toHex } from '@hearthold/crypto'
import { logKinds, shareRules, type ShareNode, type ShareView } from '@hearthold/model'
import { describe, expect, it } from 'vitest'
import { findPath, listFolder, pathsById, splitPath } from './tree.ts'

const zeros = new Uint8Array(16)
const genesis = {
  kind: logKinds.share,
  rules: 1,
  founder: zeros,
  governing: zeros,
  salt: new Uint8Array(32),
}
const root = toHex(logIdOf(genesisHash(genesis)))

const viewWith = (
  nodes: readonly {
    id: string
    name: string
    kind?: ShareNode['kind']
    seq?: number
    parent?: string
  }[],
): ShareView => {
  const view = shareRules.create(genesis)
  for (const { id, name, kind = 'file', seq = 1, parent = root } of nodes) {
    const version = { seq, at: 0, author: '', object: id, sizeBytes: 28, content: undefined }
    view.nodes.set(id, {
      id,
      kind,
      parent,
      base: seq,
      at: 0,
      trashedSeq: undefined,
      trashedAt: undefined,
      versions: kind === 'file' ? [version] : [],
      name,
      modifiedAt: undefined,
      mode: undefined,
      target: undefined,
    })
    view.children.set(parent, new Set([...(view.children.get(parent) ?? []), id]))
  }
  return view
}

const shown = (view: ShareView): string[] =>
  listFolder(view, root).map(({ id, name }) => `${name}=${id}`)

describe('listFolder', () => {
  it('numbers clashing names by their first entry, then by id, whatever the order of the view', () => {
    const nodes = [
      { id: 'c', name: 'a.txt', seq: 2 },
      { id: 'b', name: 'a.txt', seq: 3 },
      { id: 'a', name: 'a.txt', seq: 3 },
      { id: 'd', name: 'a (2).txt', seq: 9 },
      { id: 'e', name: '.hidden', seq: 1 },
      { id: 'f', name: '.hidden', seq: 2 },
      { id: 'g', name: 'x.y', kind: 'folder' as const },
      { id: 'h', name: 'x.y', kind: 'folder' as const },
    ]
    const expected = [
      '.hidden=e',
      '.hidden (2)=f',
      'a (2).txt=d',
      'a (3).txt=a',
      'a (4).txt=b',
      'a.txt=c',
      'x.y=g',
      'x.y (2)=h',
    ]
    expect(shown(viewWith(nodes))).toEqual(expected)
    expect(shown(viewWith(nodes.toReversed()))).toEqual(expected)
  })
})

describe('paths', () => {
  const view = viewWith([
    { id: 'f', name: 'Ordner', kind: 'folder' },
    { id: 'x', name: 'é', parent: 'f' },
  ])

  it('finds by path in any composition, and lists paths by id', () => {
    expect(findPath(view, '/Ordner/e\u0301')?.id).toBe('x')
    expect(findPath(view, 'Ordner//')?.id).toBe('f')
    expect(findPath(view, '/')?.id).toBe(root)
    expect(findPath(view, '/Ordner/nothing')).toBeUndefined()
    expect(pathsById(view).get('x')).toBe('/Ordner/é')
  })

  it('refuses what no name can be', () => {
    for (const path of ['/a/../b', './a', 'a\0b', `/${'x'.repeat(1025)}`]) {
      expect(() => splitPath(path)).toThrow(expect.objectContaining({ code: 'bad_request' }))
    }
  })
})
