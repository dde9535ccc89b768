/** The member's side as a whole, in Node and in a browser: sign up, seal, sign in by paper, open. */
import { randomBytes, sha256, toHex } from '@hearthold/crypto'
import { encodeShareView } from '@hearthold/model'
import { expect, it } from 'vitest'
import { signInWithRecoveryKey } from './account/sign-in.ts'
import { unlock } from './account/unlock.ts'
import { getTree } from './files/get-tree.ts'
import { putTree } from './files/put-tree.ts'
import { createShare } from './files/share-writer.ts'
import { openShare } from './files/share.ts'
import { file, items, memorySink } from './files/test-tree.oracle.ts'
import { writeCheckpoint } from './files/write-checkpoint.ts'
import { memoryHeads } from './logs/known-heads.ts'
import { MemoryServer } from './memory-server.oracle.ts'
import { signUp, testClient } from './test-member.oracle.ts'

it(
  'brings files back on another device with the recovery key alone',
  { timeout: 60_000 },
  async () => {
    const server = new MemoryServer()
    const { member, recoveryKey } = await signUp(server)
    const share = await createShare(member, 'Fotos')
    const contents = new Map([
      ['a/zero', new Uint8Array(0)],
      ['a/small', randomBytes(1000)],
      ['large', randomBytes(1_500_000)],
    ])
    await putTree(share, items(...[...contents].map(([path, bytes]) => file(path, bytes))), '/')

    const { client, setToken } = testClient(server.transport())
    const context = { client, heads: memoryHeads() }
    const signedIn = await signInWithRecoveryKey(context, { recoveryKey, transport: 'bearer' })
    setToken(signedIn.token!)
    const other = await unlock(context, signedIn, signedIn.unlockBy)
    const { sink, files } = memorySink()
    const got = await getTree(await openShare(other, share.log), ['/'], sink)
    expect(got.failed).toEqual([])
    for (const [path, bytes] of contents) expect(files.get(path)).toBe(toHex(sha256(bytes)))
  },
)

it('opens a share from a checkpoint, compressed and sealed as another device wrote it', async () => {
  const server = new MemoryServer()
  const { member, context, created } = await signUp(server)
  const share = await createShare(member, 'Fotos')
  await putTree(share, items(file('a/ä', randomBytes(1000)), file('b', randomBytes(10))), '/')
  await writeCheckpoint(share)
  const fresh = { ...context, heads: memoryHeads() }
  const other = await unlock(fresh, created, created.unlockBy, created.device)
  const trees: number[] = []
  const opened = await openShare(other, share.log, {
    onTree: (view) => void trees.push(view.nodes.size),
  })
  expect(trees).toEqual([3])
  expect(encodeShareView(opened.view)).toEqual(encodeShareView(share.view))
})
