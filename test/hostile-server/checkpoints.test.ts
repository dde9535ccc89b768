/** Checkpoints and the register of known heads from a hostile server: no lie gives a wrong view, and each is named. */
import { getCheckpoint, getObject, getRegister } from '@hearthold/contract'
import { fromB64, type IntegrityError, randomBytes, toB64, toHex } from '@hearthold/crypto'
import {
  createShare,
  makeFolder,
  openShare,
  revokeDevice,
  settle,
  type Share,
  unlock,
} from '@hearthold/member'
import { encodeShareView } from '@hearthold/model'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { writeCheckpoint } from '../../packages/member/src/files/write-checkpoint.ts'
import { all, type Lie, rewriteBytes, rewriteJson, truth, withhold } from './answers.ts'
import { readHonestly, serve } from './forged-log.ts'
import { createWorld, secondDevice, type World } from './world.ts'

let world: World
beforeAll(async () => {
  world = await createWorld()
})
afterAll(() => world.stop())

type Answer = Record<string, unknown>

/** A device that has seen nothing, behind a lie; what it refused while it went on. */
const openBehind = async (share: Share, lie: Lie) => {
  const refused: IntegrityError[] = []
  const { created } = world.ada
  const context = {
    ...world.device(lie).context,
    distrusted: (_log: string, error: IntegrityError): void => void refused.push(error),
  }
  const member = await unlock(context, created, created.unlockBy, created.device)
  return { opened: await openShare(member, share.log), refused }
}

const expectSame = (opened: Share, share: Share): void =>
  expect(encodeShareView(opened.view)).toEqual(encodeShareView(share.view))

const withCheckpoint = async (name: string): Promise<Share> => {
  const share = await createShare(world.ada.member, name)
  for (const path of ['/a', '/b']) await makeFolder(share, path)
  await writeCheckpoint(share)
  await makeFolder(share, '/after')
  return share
}

const flip = (text: string, at: number): string => {
  const bytes = fromB64(text)
  bytes[at]! ^= 1
  return toB64(bytes)
}

const header = (change: (text: string) => string): Lie =>
  rewriteJson(getCheckpoint, (answer) => ({
    ...answer,
    header: change(answer['header'] as string),
  }))

describe('a checkpoint', () => {
  it('that is honest is believed, and so is the lack of one', async () => {
    const share = await withCheckpoint('honest')
    for (const lie of [truth, withhold(getCheckpoint)]) {
      const { opened, refused } = await openBehind(share, lie)
      expectSame(opened, share)
      expect(refused).toEqual([])
    }
  })

  const lies: [string, Lie][] = [
    [
      'under another signature',
      rewriteJson(getCheckpoint, (answer) => ({ ...answer, signature: toHex(randomBytes(64)) })),
    ],
    ['with another number', rewriteJson(getCheckpoint, (answer) => ({ ...answer, seq: 1 }))],
    ['with another chain', header((text) => flip(text, 40))],
    ['with another code of its view', header((text) => flip(text, 200))],
    ['with another sealed key', header((text) => flip(text, 80))],
    ['by another account', header((text) => flip(text, 130))],
    ['by another device', header((text) => flip(text, 150))],
    [
      'whose parts are exchanged',
      rewriteJson(getCheckpoint, (answer) => ({
        ...answer,
        tree: answer['keys'],
        keys: answer['tree'],
      })),
    ],
  ]
  it.each(lies)('%s: checkpoint, and the replay shows the truth', async (name, lie) => {
    const share = await withCheckpoint(name)
    const { opened, refused } = await openBehind(share, lie)
    expectSame(opened, share)
    expect(refused).toMatchObject([{ code: 'checkpoint' }])
  })

  it('of another share: checkpoint', async () => {
    const other = await withCheckpoint('other')
    const share = await withCheckpoint('not other')
    const theirs = await world.ada.device.client.call(getCheckpoint, { params: { log: other.log } })
    const { opened, refused } = await openBehind(
      share,
      rewriteJson(getCheckpoint, () => theirs),
    )
    expectSame(opened, share)
    expect(refused).toMatchObject([{ code: 'checkpoint' }])
  })

  it('of another member, signed by them for this log: checkpoint', async () => {
    const share = await withCheckpoint('foreign')
    const bob = await world.server.invited(world.ada, 'bob')
    // Whatever bob signs names bob's account or device: the server cannot make it name ada's.
    const bobs = await createShare(bob.member, 'of bob')
    await writeCheckpoint(bobs)
    const theirs = await bob.device.client.call(getCheckpoint, { params: { log: bobs.log } })
    const relabelled = fromB64(theirs.header)
    const log = share.replica.logBytes
    relabelled.set(log, 6)
    const lie = rewriteJson(getCheckpoint, () => ({ ...theirs, header: toB64(relabelled) }))
    const { opened, refused } = await openBehind(share, lie)
    expectSame(opened, share)
    expect(refused).toMatchObject([{ code: 'checkpoint' }])
  })

  it('with a changed part: object_segment', async () => {
    const share = await withCheckpoint('part')
    const lie = rewriteBytes(getObject, (bytes) => bytes.with(bytes.length - 1, bytes.at(-1)! ^ 1))
    const { opened, refused } = await openBehind(share, lie)
    expectSame(opened, share)
    expect(refused).toMatchObject([{ code: 'object_segment' }])
  })

  it('with a log that ends before it: log_rolled_back', async () => {
    const share = await withCheckpoint('ends before')
    const honest = await readHonestly(world.ada.device.client, share.log)
    const cut = serve({ ...honest, entries: honest.entries.slice(0, 2) }, world.receiptSeed)
    const lie = all(cut, withhold(getRegister))
    await expect(openBehind(share, lie)).rejects.toMatchObject({ code: 'log_rolled_back' })
    // A damaged part does not help: what its header signs was seen by a device of the account.
    const damaged = all(
      lie,
      rewriteBytes(getObject, () => randomBytes(100)),
    )
    await expect(openBehind(share, damaged)).rejects.toMatchObject({ code: 'log_rolled_back' })
  })

  it('with another history behind it: refused, as a replay refuses it', async () => {
    const share = await withCheckpoint('behind it')
    const honest = await readHonestly(world.ada.device.client, share.log)
    const entries = honest.entries.map((entry, i) =>
      i === 3 ? { ...entry, body: randomBytes(60) } : entry,
    )
    const lie = serve({ ...honest, entries }, world.receiptSeed)
    await expect(openBehind(share, lie)).rejects.toMatchObject({ code: 'log_body' })
  })

  it('by a device that was revoked since: not looked at', async () => {
    const share = await createShare(world.ada.member, 'by a revoked device')
    const { member, key } = await secondDevice(world, 'gone')
    const theirs = await openShare(member, share.log)
    await makeFolder(theirs, '/theirs')
    await writeCheckpoint(theirs)
    await revokeDevice(world.ada.member, key.id)
    await share.replica.sync()
    const { opened, refused } = await openBehind(share, truth)
    expectSame(opened, share)
    expect(refused).toEqual([])
  })
})

describe('the register of known heads', () => {
  it('shows a share rolled back to a device that has seen nothing: log_rolled_back', async () => {
    const share = await createShare(world.ada.member, 'rolled back')
    await makeFolder(share, '/a')
    await settle(world.ada.member)
    const honest = await readHonestly(world.ada.device.client, share.log)
    const lie = serve({ ...honest, entries: honest.entries.slice(0, 1) }, world.receiptSeed)
    await expect(openBehind(share, lie)).rejects.toMatchObject({ code: 'log_rolled_back' })
    // Withheld, it tells nothing: not detectable by a device that remembers nothing.
    const { opened } = await openBehind(share, all(lie, withhold(getRegister)))
    expect(opened.view.nodes.size).toBe(0)
  })

  it.each([
    ['value', (answer: Answer) => ({ sealedValue: flip(answer['sealedValue'] as string, 30) })],
    ['version', (answer: Answer) => ({ version: (answer['version'] as number) + 1 })],
    ['signature', () => ({ signature: toHex(randomBytes(64)) })],
    ['device', () => ({ device: toHex(randomBytes(16)) })],
  ] as [string, (answer: Answer) => Answer][])(
    'with another %s: register, and the share opens without it',
    async (name, change) => {
      const share = await createShare(world.ada.member, `register ${name}`)
      await settle(world.ada.member)
      const lie = rewriteJson(getRegister, (answer) => ({ ...answer, ...change(answer) }))
      const { opened, refused } = await openBehind(share, lie)
      expectSame(opened, share)
      expect(refused).toMatchObject([{ code: 'register' }])
    },
  )
})
