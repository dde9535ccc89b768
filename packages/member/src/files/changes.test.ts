import { NetworkError, type Transport } from '@hearthold/client'
import { randomBytes, sha256, toHex } from '@hearthold/crypto'
import { beforeEach, describe, expect, it } from 'vitest'
import { enrolDevice } from '../account/devices.ts'
import { unlock } from '../account/unlock.ts'
import { MemoryServer } from '../memory-server.oracle.ts'
import { signUp, type TestMember } from '../test-member.oracle.ts'
import {
  copyItem,
  emptyTrash,
  erasePaths,
  listTrash,
  listVersions,
  makeFolder,
  moveItem,
  restoreItems,
  trashItems,
} from './changes.ts'
import { getTree } from './get-tree.ts'
import { decryptObject, exportShareKeys } from './keys-export.ts'
import { putTree } from './put-tree.ts'
import { createShare, renameShare } from './share-writer.ts'
import { findShare, listShares } from './share-list.ts'
import { openShare, type Share } from './share.ts'
import { file, hash, items, memorySink, names } from './test-tree.oracle.ts'

let server: MemoryServer
let ada: TestMember
let share: Share
beforeEach(async () => {
  server = new MemoryServer()
  ada = await signUp(server)
  share = await createShare(ada.member, 'Fotos')
})

describe('a share', () => {
  it('is created, found, renamed and listed', async () => {
    await renameShare(share, 'Bilder')
    expect(await listShares(ada.member)).toMatchObject([{ name: 'Bilder', nodes: 0 }])
    expect(await findShare(ada.member, 'Bilder')).toBe(share)
    await expect(findShare(ada.member, 'nothing')).rejects.toMatchObject({ code: 'not_found' })
    await expect(createShare(ada.member, 'a/b')).rejects.toThrow(RangeError)
  })

  it('is not shown to another member', async () => {
    const bob = await signUp(server, 'bob')
    expect(await listShares(bob.member)).toEqual([])
  })
})

describe('changes', () => {
  it('makes folders, moves, renames and copies', async () => {
    await makeFolder(share, '/a/b/c')
    await putTree(share, items(file('x.txt', randomBytes(10))), '/a')
    await moveItem(share, '/a/x.txt', '/a/b')
    expect(names(share, '/a/b')).toEqual(['c', 'x.txt'])
    await moveItem(share, '/a/b/x.txt', '/a/b/y.txt')
    await copyItem(share, '/a', '/copy')
    expect(names(share, '/copy/b')).toEqual(['c', 'y.txt'])
    expect(server.logs.objects.size).toBe(1)
    await expect(moveItem(share, '/a', '/a/b/c')).rejects.toMatchObject({ code: 'bad_request' })
    await expect(moveItem(share, '/a/b/y.txt', '/copy/b')).rejects.toMatchObject({
      code: 'object_exists',
    })
    await expect(moveItem(share, '/nothing', '/a')).rejects.toMatchObject({ code: 'not_found' })
    await expect(makeFolder(share, '/a/../etc')).rejects.toMatchObject({ code: 'bad_request' })
  })

  it('trashes, restores, erases and empties', async () => {
    await putTree(
      share,
      items(
        file('d/one', randomBytes(10)),
        file('d/two', randomBytes(10)),
        file('three', randomBytes(10)),
      ),
      '/',
    )
    await trashItems(share, ['/d/one', '/d', '/three'])
    expect(names(share, '/')).toEqual([])
    expect(
      listTrash(share.view)
        .map(({ name }) => name)
        .sort(),
    ).toEqual(['d', 'three'])
    const d = listTrash(share.view).find(({ name }) => name === 'd')!
    await restoreItems(share, [d.id])
    expect(names(share, '/d')).toEqual(['two'])
    expect(
      listTrash(share.view)
        .map(({ name }) => name)
        .sort(),
    ).toEqual(['one', 'three'])
    expect(await emptyTrash(share)).toBe(2)
    expect(listTrash(share.view)).toEqual([])
    await erasePaths(share, ['/d/two'])
    expect(share.view.nodes.size).toBe(1)
  })

  it('shows clashing names apart, the same everywhere', async () => {
    const other = await (
      await import('../account/unlock.ts')
    ).unlock(ada.context, ada.created, ada.created.unlockBy, ada.created.device)
    const theirs = await openShare(other, share.log)
    server.before = () => undefined
    await Promise.all([
      putTree(share, items(file('note.txt', randomBytes(10))), '/'),
      putTree(theirs, items(file('note.txt', randomBytes(20))), '/'),
    ])
    await share.replica.sync()
    await theirs.replica.sync()
    expect(names(share, '/')).toEqual(['note (2).txt', 'note.txt'])
    expect(names(theirs, '/')).toEqual(names(share, '/'))
  })
})

describe('two devices at once', () => {
  it('neither loses a change', async () => {
    const other = await unlock(ada.context, ada.created, ada.created.unlockBy)
    await enrolDevice(other, 'other')
    const theirs = await openShare(other, share.log)
    await Promise.all(
      [share, theirs].map((mine, which) =>
        Promise.all(
          [0, 1, 2, 3].map((i) =>
            putTree(mine, items(file(`d${which}/f${i}`, randomBytes(50))), '/'),
          ),
        ),
      ),
    )
    await share.replica.sync()
    await theirs.replica.sync()
    expect(share.view.nodes).toEqual(theirs.view.nodes)
    const { sink, files } = memorySink()
    await getTree(share, ['/'], sink)
    expect(files.size).toBe(8)
    expect(share.replica.refused).toEqual([])
  })

  it('puts a new version on the newest one when both change a file', async () => {
    await putTree(share, items(file('f', randomBytes(10))), '/')
    const other = await unlock(ada.context, ada.created, ada.created.unlockBy, ada.created.device)
    const theirs = await openShare(other, share.log)
    await Promise.all([
      putTree(share, items(file('f', randomBytes(11), 1)), '/'),
      putTree(theirs, items(file('f', randomBytes(12), 2)), '/'),
    ])
    await share.replica.sync()
    expect(listVersions(share.view, '/f')).toHaveLength(3)
  })

  it('puts nothing twice when an append arrives after it was given up', async () => {
    let late: (() => Promise<unknown>) | undefined
    let tries = 0
    const base = server.transport()
    const delayed: Transport = {
      ...base,
      request: async (request) => {
        if (!request.url.startsWith('/api/logs') || request.method !== 'POST')
          return base.request(request)
        // The share's own append, and then the put's first with all its repeats.
        if (++tries > 1 && tries <= 5) {
          late = () => base.request(request)
          throw new NetworkError('dropped', 'late')
        }
        await late?.()
        late = undefined
        return base.request(request)
      },
    }
    const eve = await signUp({ transport: () => delayed }, 'eve')
    const mine = await createShare(eve.member, 'late')
    await putTree(mine, items(file('d/a', randomBytes(10)), file('d/b', randomBytes(10))), '/')
    expect(names(mine, '/')).toEqual(['d'])
    expect(names(mine, '/d')).toEqual(['a', 'b'])
    expect(tries).toBeGreaterThanOrEqual(6)
  })

  it('recognises its own append when only the answer was lost', async () => {
    let lost = 0
    server.change = (name, answer) => {
      if (name === 'appendLogs' && lost++ < 5) throw new NetworkError('dropped', 'lost reply')
      return answer
    }
    await makeFolder(share, '/once')
    expect(names(share, '/')).toEqual(['once'])
    expect(share.replica.position.own.get(ada.member.device!.id)!.own).toBe(2)
  })
})

describe('exported keys', () => {
  it('open stored objects without a server', async () => {
    const bytes = randomBytes(700_000)
    await putTree(share, items(file('x/y', bytes)), '/')
    const [key] = exportShareKeys(share)
    expect(key).toMatchObject({ path: '/x/y', version: 1, newest: true, sizeBytes: 700_000 })
    const stored = server.logs.objects.get(key!.object)!
    const open = async (bytesStored: Uint8Array) => {
      const parts: Uint8Array[] = []
      const chunks = (async function* () {
        yield bytesStored
      })()
      for await (const part of decryptObject({ ...key!, storedBytes: bytesStored.length }, chunks))
        parts.push(part.slice())
      return toHex(sha256(...parts))
    }
    expect(await open(stored)).toBe(hash(bytes))
    expect(() =>
      decryptObject({ ...key!, storedBytes: stored.length - 1 }, (async function* () {})()),
    ).toThrow('longer or shorter')
    const bent = stored.slice()
    bent[0]! ^= 1
    await expect(open(bent)).rejects.toMatchObject({ code: 'object_segment' })
  })
})
