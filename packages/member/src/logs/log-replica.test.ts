import { NetworkError } from '@hearthold/client'
import { expect, it } from 'vitest'
import { enrolDevice, forgetDevice, listDevices } from '../account/devices.ts'
import { replaceRecoveryKey } from '../account/methods.ts'
import { unlock } from '../account/unlock.ts'
import { makeFolder } from '../files/changes.ts'
import { createShare } from '../files/share-writer.ts'
import { openShare } from '../files/share.ts'
import { MemoryServer } from '../memory-server.oracle.ts'
import { signUp, type TestMember } from '../test-member.oracle.ts'
import { memoryHeads } from './known-heads.ts'

const elsewhere = async (ada: TestMember) => {
  const context = { ...ada.context, heads: memoryHeads() }
  return unlock(context, ada.created, ada.created.unlockBy, ada.created.device)
}

it('is read by two at once as one replica', async () => {
  const server = new MemoryServer()
  const ada = await signUp(server)
  const { log } = await createShare(ada.member, 'docs')
  const other = await elsewhere(ada)
  const [one, two] = await Promise.all([openShare(other, log), openShare(other, log)])
  expect(one).toBe(two)
  await Promise.all(['/a', '/b', '/c'].map((path) => makeFolder(one, path)))
  expect(one.view.nodes.size).toBe(3)
})

it('begins anew after the network failed in the middle of a page', async () => {
  const server = new MemoryServer()
  const ada = await signUp(server)
  const share = await createShare(ada.member, 'docs')
  await makeFolder(share, '/a')
  const other = await elsewhere(ada)
  const theirs = await openShare(other, share.log)
  // A fence under keys that the other device must first fetch.
  await replaceRecoveryKey(ada.member, () => Promise.resolve())
  await makeFolder(share, '/b')
  let reads = 0
  server.before = (name) => {
    if (name === 'readLog' && ++reads > 1) throw new NetworkError('refused', 'gone')
  }
  await expect(theirs.replica.sync()).rejects.toThrow('gone')
  server.before = () => undefined
  await theirs.replica.sync()
  expect(theirs.view.nodes).toEqual(share.view.nodes)
  await makeFolder(theirs, '/c')
  await share.replica.sync()
  expect(share.view.nodes.size).toBe(3)
})

it('goes on after this device has retired itself', async () => {
  const server = new MemoryServer()
  const ada = await signUp(server)
  const member = await elsewhere(ada)
  const { id } = await enrolDevice(member, 'short visit')
  await forgetDevice(member, id)
  await enrolDevice(ada.member, 'unrelated')
  expect((await listDevices(member)).map(({ retired }) => retired?.reason)).toEqual([
    undefined,
    'forgotten',
    undefined,
  ])
})
