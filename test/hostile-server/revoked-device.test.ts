/** A server that works together with a device after its revocation, or with one that knows of none. */
import { createShare, makeFolder, openShare, revokeDevice, settle } from '@hearthold/member'
import { getRegister, listLogs } from '@hearthold/contract'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Share } from '@hearthold/member'
import { all, rewriteJson, withhold } from './answers.ts'
import { readHonestly, serve } from './forged-log.ts'
import { signForged, withEntry } from './forgeries.ts'
import { createWorld, secondDevice, type World } from './world.ts'

let world: World
beforeAll(async () => {
  world = await createWorld()
})
afterAll(() => world.stop())

const read = (share: Share) => readHonestly(world.ada.device.client, share.log)
const keyOf = (share: Share, epoch: number) => share.keys.open(share.view.epochs.get(epoch)!)
const accountSeq = async () => {
  await world.ada.member.account.replica.sync()
  return world.ada.member.account.replica.position.seq
}

/** A share with an entry by a second device, and one more that this device signed and has not sent. */
const withLateEntry = async (name: string) => {
  const share = await createShare(world.ada.member, name)
  const { member, key } = await secondDevice(world, name)
  const theirs = await openShare(member, share.log)
  await makeFolder(theirs, '/honest')
  const log = await read(share)
  const logKey = await keyOf(theirs, 1)
  const late = await signForged({ log, person: world.ada, device: key, logKey })
  return { share, key, late }
}

const openForged = (share: Share, forged: Parameters<typeof serve>[0]) =>
  world.open(share.log, serve(forged, world.receiptSeed))

describe('an entry that a device signed before it was revoked, served afterwards', () => {
  it('with a true governing number: log_signature', async () => {
    const { share, key, late } = await withLateEntry('true number')
    await revokeDevice(world.ada.member, key.id)
    const forged = withEntry(await read(share), late, { gov: await accountSeq() })
    await expect(openForged(share, forged)).rejects.toMatchObject({ code: 'log_signature' })
  })

  it('with a governing number from before, behind the fence: log_stamp', async () => {
    const { share, key, late } = await withLateEntry('old number')
    await revokeDevice(world.ada.member, key.id)
    const forged = withEntry(await read(share), late, { gov: late.gov })
    await expect(openForged(share, forged)).rejects.toMatchObject({ code: 'log_stamp' })
  })

  it('before the fence, where it contradicts what the fence has seen: log_chain', async () => {
    const { share, key, late } = await withLateEntry('before the fence')
    await revokeDevice(world.ada.member, key.id)
    await share.replica.sync()
    await makeFolder(share, '/seen the fence')
    const { entries, ...log } = await read(share)
    const before = entries.slice(0, 2)
    const moved = [...before, late, ...entries.slice(2)].map((entry, i) => ({
      ...entry,
      seq: i + 1,
      at: entries.at(-1)!.at,
    }))
    const forged = { ...log, entries: moved.map((entry, i) => (i < 2 ? before[i]! : entry)) }
    await expect(openForged(share, forged)).rejects.toMatchObject({ code: 'log_chain' })
  })

  const hide = (share: Share) =>
    rewriteJson(listLogs, (answer) => ({
      logs: (answer['logs'] as { log: string }[]).filter(({ log }) => log !== share.log),
    }))

  it('in a share that the list of logs keeps from the revocation: log_withheld, nothing is revoked by halves', async () => {
    const { share, key } = await withLateEntry('left out')
    await settle(world.ada.member)
    const before = await accountSeq()
    const keeper = await world.unlock(hide(share))
    await expect(revokeDevice(keeper, key.id)).rejects.toMatchObject({
      code: 'log_withheld',
      message: expect.stringContaining(share.log) as string,
    })
    expect(await accountSeq()).toBe(before)
    await revokeDevice(await world.unlock(), key.id)
    await share.replica.sync()
    expect(share.view.epoch).toBe(2)
  })

  it('in such a share, with the register of known heads withheld too: accepted, not detectable', async () => {
    const { share, key, late } = await withLateEntry('hidden share')
    const keeper = await world.unlock(all(hide(share), withhold(getRegister)))
    await revokeDevice(keeper, key.id)
    const forged = withEntry(await read(share), late, { gov: late.gov })
    const opened = await openForged(share, forged)
    expect([...opened.view.nodes.values()].map(({ name }) => name)).toContain('evil')
    // It ends with the next entry of a device that has read of the new keys: it opens a new epoch by itself.
    await accountSeq()
    await makeFolder(share, '/fenced')
    expect(share.view.epoch).toBe(2)
    const later = withEntry(await read(share), late, { gov: late.gov })
    await expect(openForged(share, later)).rejects.toMatchObject({ code: 'log_stamp' })
  })
})

describe('a device that was enrolled later', () => {
  it('with an entry stamped before its enrolment, behind one that counts: no effect, listed', async () => {
    const share = await createShare(world.ada.member, 'enrolled later')
    const founded = await read(share)
    const { member, key: device } = await secondDevice(world, 'enrolled later')
    const logKey = await keyOf(await openShare(member, share.log), 1)
    const person = world.ada
    const early = await signForged({ log: founded, person, device, logKey })
    const with1 = withEntry(founded, early, { gov: founded.entries[0]!.gov })
    const second = await signForged({ log: with1, person, device, logKey, node: '34'.repeat(16) })
    const forged = withEntry(with1, second, { gov: await accountSeq() })
    const opened = await openForged(share, forged)
    expect([...opened.view.nodes.keys()]).toEqual(['34'.repeat(16)])
    expect(opened.replica.refused).toMatchObject([{ seq: 2, code: 'device_unknown' }])
  })
})

describe('an entry of a device in good standing', () => {
  it('of an old epoch, accepted by the server after the fence: no effect, and listed', async () => {
    const { share, late } = await withLateEntry('old epoch')
    const gone = await secondDevice(world, 'gone')
    await revokeDevice(world.ada.member, gone.key.id)
    const forged = withEntry(await read(share), late, { gov: await accountSeq() })
    const opened = await openForged(share, forged)
    expect(opened.replica.refused).toMatchObject([
      { seq: forged.entries.length, code: 'epoch_stale' },
    ])
    expect([...opened.view.nodes.values()].map(({ name }) => name)).toEqual(['honest'])
  })
})
