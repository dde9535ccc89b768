import { genesisHash, logIdOf, toHex } from '@hearthold/crypto'
import { logKinds, shareRules, type ShareNode, type ShareView } from '@hearthold/model'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { findPath, listFolder, listFolderInSteps, pathsById, splitPath } from './tree.ts'

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

/** The rule as it is told: sorted by first entry and id, the first of a name keeps it, the others count up. */
const reference = (view: ShareView): string[] => {
  const first = (node: ShareNode): number => node.versions[0]?.seq ?? 0
  const nodes = [...view.nodes.values()].sort(
    (a, b) => first(a) - first(b) || (a.id < b.id ? -1 : 1),
  )
  const taken = new Map<string, string>()
  const rest = nodes.filter((node) => {
    if (taken.has(node.name!)) return true
    taken.set(node.name!, node.id)
    return false
  })
  for (const { name, kind, id } of rest) {
    const [, stem, ending] = kind === 'file' ? /^(.+?)(\.[^.]*)?$/s.exec(name!)! : ['', name, '']
    let count = 2
    while (taken.has(`${stem} (${count})${ending ?? ''}`)) count++
    taken.set(`${stem} (${count})${ending ?? ''}`, id)
  }
  const names = [...taken.keys()].sort()
  return names.map((name) => `${name}=${taken.get(name)}`)
}

describe('listFolderInSteps', () => {
  it('gives what listFolder gives, and both what the rule says', async () => {
    const name = fc.constantFrom('a.txt', 'a (2).txt', 'b', 'b (2)', 'b (3)', 'c.d.e', 'ä')
    const node = fc.record({
      name,
      seq: fc.integer({ min: 1, max: 4 }),
      kind: fc.constantFrom('file' as const, 'folder' as const),
    })
    await fc.assert(
      fc.asyncProperty(fc.array(node, { maxLength: 30 }), async (list) => {
        const view = viewWith(list.map((one, i) => ({ ...one, id: `id ${i}` })))
        expect(shown(view)).toEqual(reference(view))
        expect(await listFolderInSteps(view, root)).toEqual(listFolder(view, root))
      }),
      { numRuns: 200 },
    )
  })

  const large = (): ShareView => {
    const view = viewWith([])
    const [template] = viewWith([{ id: 't', name: 't' }]).nodes.values()
    const ids = new Set<string>()
    for (let i = 0; i < 60_000; i++) {
      const id = `${(i * 7919) % 60_000}`
      view.nodes.set(id, { ...template!, id, name: `name ${Number(id) % 50_000}` })
      ids.add(id)
    }
    view.children.set(root, ids)
    return view
  }

  it('lets others run while it lists a large folder, whose order is right', async () => {
    const view = large()
    let others = 0
    const timer = setInterval(() => others++, 0)
    const items = await listFolderInSteps(view, root)
    clearInterval(timer)
    expect(others).toBeGreaterThan(0)
    const names = items.map((item) => item.name)
    expect(names).toEqual([...names].sort())
    expect(new Set(names).size).toBe(60_000)
    expect(items).toEqual(listFolder(view, root))
  })

  it('ends when asked to, and stands what is erased meanwhile', async () => {
    const view = large()
    const stop = new AbortController()
    const stopped = listFolderInSteps(view, root, stop.signal)
    stop.abort(new Error('enough'))
    await expect(stopped).rejects.toThrow('enough')
    const listing = listFolderInSteps(view, root)
    for (const id of [...view.nodes.keys()].slice(-10)) view.nodes.delete(id)
    expect((await listing).length).toBeGreaterThanOrEqual(59_990)
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
