/** A device in bad hands, still enrolled, and logs that a lying server puts on the list: no share is lost by them. */
import { appendLogs, getRegister, listLogs } from '@hearthold/contract'
import {
  encodeAppend,
  fromHex,
  type Genesis,
  genesisHash,
  logIdOf,
  randomBytes,
  sealBody,
  toHex,
} from '@hearthold/crypto'
import {
  createShare,
  listShares,
  makeFolder,
  moveItem,
  openShare,
  revokeDevice,
  settle,
  type Share,
} from '@hearthold/member'
import {
  encodeAttributes,
  encodeShareFacts,
  shareEntryKinds,
  type ShareFacts,
} from '@hearthold/model'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { signForShare } from '../../packages/member/src/files/share.ts'
import { all, rewriteJson, withhold } from './answers.ts'
import { type ForgedLog, readHonestly, serve } from './forged-log.ts'
import { createWorld, secondDevice, type World } from './world.ts'

let world: World
beforeAll(async () => {
  world = await createWorld()
})
afterAll(() => world.stop())

const names = (one: Share): (string | undefined)[] =>
  [...one.view.nodes.values()].map(({ name }) => name)

/** Appends what no honest device would seal; the server cannot see into it. */
const appendBad = async (share: Share, facts: ShareFacts, seal: 'garbage' | 'wrong key') => {
  const epoch = facts.entry === 'fence' ? facts.epoch : share.view.epoch
  const entries = await signForShare(share, [
    {
      kind: shareEntryKinds[facts.entry],
      epoch,
      facts,
      payload: encodeShareFacts(facts),
      seal: (place) =>
        facts.entry === 'fence'
          ? new Uint8Array(0)
          : seal === 'garbage'
            ? randomBytes(80)
            : sealBody(randomBytes(32), place, encodeAttributes([{ name: 'x' }])),
    },
  ])
  const append = encodeAppend([{ log: share.replica.logBytes, genesis: undefined, entries }])
  await share.member.context.client.call(appendLogs, { body: append })
  await share.replica.sync()
}

const folder = (share: Share): ShareFacts => ({
  entry: 'change',
  changes: [{ op: 'add-folder', node: toHex(randomBytes(16)), parent: share.log }],
})

describe('a device in bad hands', () => {
  it.each(['garbage', 'wrong key'] as const)(
    'that seals a body as %s: listed, and the rest of the share stays',
    async (seal) => {
      const share = await createShare(world.ada.member, seal)
      await makeFolder(share, '/good')
      const { member, key } = await secondDevice(world, seal)
      await appendBad(await openShare(member, share.log), folder(share), seal)
      const opened = await world.open(share.log)
      expect(names(opened)).toEqual(['good', undefined])
      expect(opened.replica.refused).toMatchObject([{ code: 'entry_invalid' }])
      await revokeDevice(opened.member, key.id)
      await makeFolder(opened, '/still')
      expect(names(await world.open(share.log))).toEqual(['good', undefined, 'still'])
    },
  )

  it('that opens an epoch with a key which nobody has: the next writer opens another', async () => {
    const share = await createShare(world.ada.member, 'epochs')
    await makeFolder(share, '/good')
    const { member } = await secondDevice(world, 'epochs')
    const theirs = await openShare(member, share.log)
    const before = theirs.view.epoch
    const { domainKeyVersion } = theirs.view.epochs.get(before)!
    for (const version of [domainKeyVersion, 99]) {
      const epoch = theirs.view.epoch + 1
      const fence = {
        entry: 'fence',
        epoch,
        domainKeyVersion: version,
        sealedLogKey: randomBytes(60),
      } as const
      await appendBad(theirs, fence, 'garbage')
      await makeFolder(share, `/after ${version}`)
      await theirs.replica.sync()
    }
    const opened = await world.open(share.log)
    expect(names(opened)).toEqual(['good', `after ${domainKeyVersion}`, 'after 99'])
    expect(opened.view.epoch).toBe(before + 4)
  })

  it('revoked while another one writes: that one takes the new keys before it seals anything more', async () => {
    const share = await createShare(world.ada.member, 'keys')
    const { member } = await secondDevice(world, 'writer')
    const writing = await openShare(member, share.log)
    const gone = await secondDevice(world, 'gone')
    await revokeDevice(world.ada.member, gone.key.id)
    await makeFolder(writing, '/sealed anew')
    await moveItem(writing, '/sealed anew', '/moved')
    expect(writing.view.epoch).toBe(2)
    expect(member.keys.generation).toBe(world.ada.member.keys.generation)
  })
})

describe('a list of logs that lies', () => {
  const listed = (logs: readonly string[]) =>
    rewriteJson(listLogs, (answer) => {
      const [first] = answer['logs'] as object[]
      return { logs: logs.map((log) => ({ ...first, log, kind: 2 })) }
    })
  const genesisFor = (founder: string): Genesis => ({
    kind: 2,
    rules: 1,
    founder: fromHex(founder),
    governing: fromHex(founder),
    salt: randomBytes(32),
  })
  const emptyLog = (genesis: Genesis): ForgedLog => ({
    log: logIdOf(genesisHash(genesis)),
    genesis,
    entries: [],
  })

  it('with a share that nobody founded: log_withheld', async () => {
    const forged = emptyLog(genesisFor(world.ada.created.log))
    const lie = all(listed([toHex(forged.log)]), serve(forged, world.receiptSeed))
    await expect(listShares(await world.unlock(lie))).rejects.toMatchObject({
      code: 'log_withheld',
    })
  })

  it("with somebody else's share, by its true entries: log_chain", async () => {
    const bob = await world.server.invited(world.ada, 'bob')
    const share = await createShare(bob.member, 'of bob')
    const forged = await readHonestly(bob.device.client, share.log)
    const lie = all(listed([share.log]), serve(forged, world.receiptSeed))
    await expect(listShares(await world.unlock(lie))).rejects.toMatchObject({ code: 'log_chain' })
  })

  it("with the account's own log as a share: log_chain", async () => {
    const member = await world.unlock(listed([world.ada.created.log]))
    await expect(listShares(member)).rejects.toMatchObject({ code: 'log_chain' })
  })

  it('with a share left out that a device of the account has seen: log_withheld', async () => {
    const every = await listShares(world.ada.member)
    await settle(world.ada.member)
    const some = listShares(await world.unlock(listed([every[0]!.log])))
    await expect(some).rejects.toMatchObject({ code: 'log_withheld' })
  })

  it('with the register of known heads withheld too: not detectable, it is only missing', async () => {
    const every = await listShares(await world.unlock())
    const lie = all(listed([every[0]!.log]), withhold(getRegister))
    const some = await listShares(await world.unlock(lie))
    expect(some.map(({ log }) => log)).toEqual([every[0]!.log])
  })
})
