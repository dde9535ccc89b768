/** Checkpoints and the register of known heads between a member's devices, over a real server. */
import { getCheckpoint, getRegister, readLog } from '@hearthold/contract'
import { randomBytes, toHex } from '@hearthold/crypto'
import {
  createShare,
  getTree,
  makeFolder,
  openShare,
  putTree,
  settle,
  type Share,
} from '@hearthold/member'
import { encodeShareView, type ShareView } from '@hearthold/model'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { appendChanges } from '../../packages/member/src/files/share-writer.ts'
import { writeCheckpoint } from '../../packages/member/src/files/write-checkpoint.ts'
import { file, hash, items, memorySink } from '../../packages/member/src/files/test-tree.oracle.ts'
import { type FlowServer, type Person, signInElsewhere, startFlowServer } from './flow-server.ts'

let server: FlowServer
let ada: Person
beforeAll(async () => {
  server = await startFlowServer()
  ada = await server.host()
})
afterAll(() => server.stop())

const same = (one: ShareView, other: ShareView): void =>
  expect(encodeShareView(one)).toEqual(encodeShareView(other))

/** Small files, enough of them that a checkpoint is due. */
const fill = (share: Share, count: number) =>
  putTree(
    share,
    items(
      ...Array.from({ length: count }, (_, i) =>
        file(`folder ${i % 10}/file ${i}`, new TextEncoder().encode(`text ${i}`)),
      ),
    ),
    '/',
  )

describe('a share of many files', () => {
  it('opens on a device that has seen nothing from the checkpoint that the writer left', async () => {
    const share = await createShare(ada.member, 'many')
    await fill(share, 1200)
    await settle(ada.member)
    const { client } = ada.device
    const checkpoint = await client.call(getCheckpoint, { params: { log: share.log } })
    expect(checkpoint.seq).toBe(share.replica.position.seq)
    await makeFolder(share, '/after')

    const { member, device } = await signInElsewhere(server, ada)
    const asked: string[] = []
    device.network = (next) => (request) => {
      if (request.url.includes(readLog.path.split('/:')[0]!)) asked.push(request.url)
      return next(request)
    }
    const opened = await openShare(member, share.log)
    same(opened.view, share.view)
    const reads = asked.filter((url) => url.includes('/entries'))
    expect(reads).toEqual([`/api/logs/${share.log}/entries?after=${checkpoint.seq}`])
    const { sink, files } = memorySink()
    await getTree(opened, ['/folder 3'], sink)
    expect(files.get('folder 3/file 13')).toBe(hash(new TextEncoder().encode('text 13')))
  })

  it('keeps what the newest checkpoint refers to, and lets go of the older one', async () => {
    const share = await createShare(ada.member, 'newer')
    await makeFolder(share, '/a')
    await writeCheckpoint(share)
    await makeFolder(share, '/b')
    await writeCheckpoint(share)
    const { member } = await signInElsewhere(server, ada)
    same((await openShare(member, share.log)).view, share.view)
  })

  it('with parts too large for a bundle is stored and read in segments', async () => {
    const share = await createShare(ada.member, 'large')
    const content = (i: number) => ({ name: `${i} ${toHex(randomBytes(120))}` })
    for (let batch = 0; batch < 10; batch++) {
      const nodes = Array.from({ length: 1000 }, () => toHex(randomBytes(16)))
      await appendChanges(share, () => ({
        changes: nodes.map((node) => ({ op: 'add-folder', node, parent: share.log })),
        attributes: nodes.map((_, i) => content(i)),
      }))
    }
    await writeCheckpoint(share)
    const { member } = await signInElsewhere(server, ada)
    same((await openShare(member, share.log)).view, share.view)
  })
})

describe('the register of known heads', () => {
  it('is kept by the server, replaced by compare and set, and opened by another device', async () => {
    const share = await createShare(ada.member, 'heads')
    await settle(ada.member)
    const query = { name: 'known-heads' }
    const first = await ada.device.client.call(getRegister, { query })
    const { member } = await signInElsewhere(server, ada)
    const theirs = await openShare(member, share.log)
    same(theirs.view, share.view)
    await makeFolder(share, '/more')
    await settle(ada.member)
    const second = await ada.device.client.call(getRegister, { query })
    expect(second.version).toBe(first.version + 1)
  })
})
