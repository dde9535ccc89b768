import { randomBytes, randomId, toHex } from '@hearthold/crypto'
import { beforeEach, describe, expect, it } from 'vitest'
import { MemoryServer } from '../memory-server.oracle.ts'
import { signUp } from '../test-member.oracle.ts'
import { doAct, type ShareAct } from './acts.ts'
import { emptyTrash, listTrash, trashItems } from './changes.ts'
import { putTree } from './put-tree.ts'
import { createShare } from './share-writer.ts'
import type { Share } from './share.ts'
import { file, items, names } from './test-tree.oracle.ts'
import { getPath } from './tree.ts'

let server: MemoryServer
let share: Share
beforeEach(async () => {
  server = new MemoryServer()
  const ada = await signUp(server)
  share = await createShare(ada.member, 'Photos')
  await putTree(
    share,
    items(
      file('a/x.txt', randomBytes(10)),
      file('a/b/y.txt', randomBytes(20)),
      file('z.txt', randomBytes(5)),
    ),
    '/',
  )
})

const idOf = (path: string): string => getPath(share.view, path).id
const seqAfter = async (act: ShareAct): Promise<number> => {
  await doAct(share, act)
  return share.replica.position.seq
}

describe('acts by id', () => {
  it('have their effect once, also when they are sent again', async () => {
    const root = share.view.root
    const [a, b, z] = [idOf('/a'), idOf('/a/b'), idOf('/z.txt')]
    const acts: ShareAct[] = [
      { act: 'make-folder', node: toHex(randomId()), parent: root, name: 'new' },
      { act: 'rename', node: z, name: 'zz.txt' },
      { act: 'move', nodes: [b], folder: root },
      { act: 'copy', nodes: [a, z], folder: b, seed: toHex(randomId()) },
      { act: 'trash', nodes: [a] },
      { act: 'restore', nodes: [a] },
      { act: 'name-share', name: 'Pictures' },
      { act: 'erase', nodes: [z] },
    ]
    for (const act of acts) {
      const before = share.replica.position.seq
      const seq = await seqAfter(act)
      expect([act.act, seq > before]).toEqual([act.act, true])
      expect([act.act, await seqAfter(act)]).toEqual([act.act, seq])
    }
    expect(names(share, '/')).toEqual(['a', 'b', 'new'])
    expect(names(share, '/b')).toEqual(['a', 'y.txt', 'zz.txt'])
    expect(names(share, '/b/a')).toEqual(['x.txt'])
    expect(share.view.name).toBe('Pictures')
  })

  it('copy beside the original under a numbered name', async () => {
    const { root } = share.view
    await doAct(share, {
      act: 'copy',
      nodes: [idOf('/z.txt'), idOf('/a')],
      folder: root,
      seed: toHex(randomId()),
    })
    expect(names(share, '/')).toEqual(['a', 'a (2)', 'z (2).txt', 'z.txt'])
    expect(names(share, '/a (2)')).toEqual(['b', 'x.txt'])
  })

  it('refuse names that are taken or none, folders in themselves, and what is gone', async () => {
    const { root } = share.view
    const [a, b, z] = [idOf('/a'), idOf('/a/b'), idOf('/z.txt')]
    const refused: [ShareAct, string][] = [
      [{ act: 'make-folder', node: toHex(randomId()), parent: root, name: 'a' }, 'object_exists'],
      [{ act: 'make-folder', node: toHex(randomId()), parent: root, name: '..' }, 'bad_request'],
      [
        { act: 'make-folder', node: toHex(randomId()), parent: z, name: 'in a file' },
        'bad_request',
      ],
      [
        { act: 'make-folder', node: toHex(randomId()), parent: toHex(randomId()), name: 'n' },
        'not_found',
      ],
      [{ act: 'rename', node: z, name: 'a' }, 'object_exists'],
      [{ act: 'rename', node: z, name: 'a/b' }, 'bad_request'],
      [{ act: 'move', nodes: [a], folder: b }, 'bad_request'],
      [{ act: 'copy', nodes: [a], folder: b, seed: toHex(randomId()) }, 'bad_request'],
      [{ act: 'move', nodes: [toHex(randomId())], folder: root }, 'not_found'],
    ]
    const { seq } = share.replica.position
    for (const [act, code] of refused) {
      await expect(doAct(share, act)).rejects.toMatchObject({ code })
    }
    expect(share.replica.position.seq).toBe(seq)
  })

  it('trash a folder and what is in it as one', async () => {
    await doAct(share, { act: 'trash', nodes: [idOf('/a/b'), idOf('/a')] })
    expect(listTrash(share.view).map(({ name }) => name)).toEqual(['a'])
    expect(await emptyTrash(share)).toBe(1)
  })

  it('copies more than one entry holds, and goes on where it was cut off', async () => {
    const many = Array.from({ length: 1500 }, (_, i) => file(`many/${i}.txt`, new Uint8Array(0)))
    await putTree(share, items(...many), '/')
    const act: ShareAct = {
      act: 'copy',
      nodes: [idOf('/many')],
      folder: idOf('/a'),
      seed: toHex(randomId()),
    }
    const before = share.replica.position.seq
    expect(await seqAfter(act)).toBe(before + 2)
    expect(names(share, '/a/many')).toHaveLength(1500)
    expect(await seqAfter(act)).toBe(before + 2)
  })
})

describe('a put into a folder by its id', () => {
  it('goes into that folder, wherever it was moved, and refuses one that is gone', async () => {
    const b = idOf('/a/b')
    await doAct(share, { act: 'move', nodes: [b], folder: share.view.root })
    const report = await putTree(share, items(file('deep/n.txt', randomBytes(3))), { folder: b })
    expect(report).toMatchObject({ files: 1, folders: 1 })
    expect(names(share, '/b')).toEqual(['deep', 'y.txt'])
    const again = await putTree(share, items(file('y.txt', randomBytes(9))), { folder: b })
    expect(again.files).toBe(1)
    expect(names(share, '/b')).toEqual(['deep', 'y.txt'])
    await trashItems(share, ['/b'])
    const put = putTree(share, items(file('n.txt', randomBytes(3))), { folder: b })
    await expect(put).rejects.toMatchObject({ code: 'not_found' })
  })
})
