/** What a lying server can make of a share's log, each refused by its name before anything is shown. */
import { readLog } from '@hearthold/contract'
import {
  encodeHeader,
  generateSigningSeed,
  type Header,
  makeFacts,
  randomBytes,
  sha256,
  signReceipt,
  type StampedEntry,
} from '@hearthold/crypto'
import {
  createShare,
  makeFolder,
  memoryHeads,
  moveItem,
  openShare,
  type Share,
} from '@hearthold/member'
import { encodeShareFacts } from '@hearthold/model'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { deviceKeyOf } from '../../packages/member/src/account/unlock.ts'
import { rewriteBytes } from './answers.ts'
import { type ForgedLog, readHonestly, renumbered, serve } from './forged-log.ts'
import { malleable, signForged } from './forgeries.ts'
import { createWorld, secondDevice, type World } from './world.ts'

let world: World
let share: Share
let other: Share
let honest: ForgedLog
let otherHonest: ForgedLog
/** Of two devices: found, /a, /b, /x, /c, /y, /a moved to /b/a. */
beforeAll(async () => {
  world = await createWorld()
  share = await createShare(world.ada.member, 'docs')
  other = await createShare(world.ada.member, 'others')
  await makeFolder(other, '/z')
  const { member } = await secondDevice(world, 'laptop')
  await makeFolder(share, '/a')
  const theirs = await openShare(member, share.log)
  await makeFolder(share, '/b')
  await makeFolder(theirs, '/x')
  await makeFolder(share, '/c')
  await makeFolder(theirs, '/y')
  await moveItem(share, '/a', '/b/a')
  honest = await readHonestly(world.ada.device.client, share.log)
  otherHonest = await readHonestly(world.ada.device.client, other.log)
})
afterAll(() => world.stop())

const forge = (entries: readonly StampedEntry[], more: Partial<ForgedLog> = {}): ForgedLog => ({
  ...honest,
  entries,
  ...more,
})
const openForged = (forged: ForgedLog) => world.open(share.log, serve(forged, world.receiptSeed))
const at = (seq: number): StampedEntry => honest.entries[seq - 1]!
const changed = (seq: number, change: (entry: StampedEntry) => StampedEntry): StampedEntry[] =>
  honest.entries.map((entry) => (entry.seq === seq ? change(entry) : entry))
const without = (seq: number) => honest.entries.filter((entry) => entry.seq !== seq)
const lastSeq = () => honest.entries.length
const withHeader = (entry: StampedEntry, fields: Partial<Header>): StampedEntry => {
  const header = { ...entry.header, ...fields }
  return { ...entry, header, headerBytes: encodeHeader(header) }
}

describe('a share log from a lying server', () => {
  it('opens where every byte passed through the liar unchanged', async () => {
    const opened = await openForged(honest)
    expect(opened.view.nodes).toEqual(share.view.nodes)
    expect(opened.replica.refused).toEqual([])
  })

  type Case = readonly [name: string, code: string, forged: () => ForgedLog | Promise<ForgedLog>]
  const newest = (change: (entry: StampedEntry) => StampedEntry) => () =>
    forge(changed(lastSeq(), change))
  const moved = () =>
    makeFacts(
      encodeShareFacts({
        entry: 'change',
        changes: [{ op: 'add-folder', node: 'ab'.repeat(16), parent: share.log }],
      }),
    )
  const cases: readonly Case[] = [
    ['a dropped entry', 'log_chain', () => forge(without(4))],
    ['a dropped entry, the rest renumbered', 'log_chain', () => forge(renumbered(without(4)))],
    [
      "a device's first entry dropped, the rest renumbered",
      'log_chain',
      () => forge(renumbered(without(3))),
    ],
    [
      'a replayed entry',
      'log_own_chain',
      () => forge(renumbered([...honest.entries, at(lastSeq())])),
    ],
    [
      'two entries of two devices in the other order',
      'log_chain',
      () =>
        forge(
          renumbered([...honest.entries.slice(0, 3), at(5), at(4), ...honest.entries.slice(5)]),
        ),
    ],
    [
      'two entries of one device in the other order',
      'log_chain',
      () => forge(renumbered([at(1), at(3), at(2), ...honest.entries.slice(3)])),
    ],
    [
      'an entry of another log',
      'log_header',
      () => forge(renumbered([...honest.entries, otherHonest.entries[1]!])),
    ],
    [
      'another log under this id',
      'log_genesis',
      () => forge(otherHonest.entries, { genesis: otherHonest.genesis }),
    ],
    [
      'a genesis of the liar',
      'log_genesis',
      () => forge(honest.entries, { genesis: { ...honest.genesis, salt: randomBytes(32) } }),
    ],
    [
      'other facts: a node moved',
      'log_facts',
      () => forge(changed(2, (entry) => ({ ...entry, facts: moved() }))),
    ],
    [
      'other facts with the header hashed anew',
      'log_signature',
      newest((entry) => {
        const facts = moved()
        return { ...withHeader(entry, { factsHash: sha256(facts) }), facts }
      }),
    ],
    [
      'the body of another entry: a node renamed',
      'log_body',
      () => forge(changed(2, (entry) => ({ ...entry, body: at(3).body }))),
    ],
    [
      'the facts of another entry',
      'log_facts',
      () => forge(changed(2, (entry) => ({ ...entry, facts: at(3).facts }))),
    ],
    [
      'a body withheld',
      'log_withheld',
      () => forge(changed(2, (entry) => ({ ...entry, body: undefined }))),
    ],
    [
      'facts withheld',
      'log_withheld',
      () => forge(changed(2, (entry) => ({ ...entry, facts: undefined }))),
    ],
    [
      'a time that goes back',
      'log_stamp',
      () => forge(changed(4, (entry) => ({ ...entry, at: 1 }))),
    ],
    [
      'a governing number below what the author knew',
      'log_stamp',
      () => forge(honest.entries.map((entry) => ({ ...entry, gov: 1 }))),
    ],
    [
      'a governing number that the account never reached',
      'log_stamp',
      newest((entry) => ({ ...entry, gov: 99 })),
    ],
    [
      'a signature of the liar',
      'log_signature',
      newest((entry) => ({ ...entry, signature: randomBytes(64) })),
    ],
    [
      'a malleable signature: S plus the order of the group',
      'log_signature',
      newest((entry) => ({ ...entry, signature: malleable(entry.signature) })),
    ],
    [
      'another author',
      'log_signature',
      newest((entry) => withHeader(entry, { author: randomBytes(16) })),
    ],
    [
      'an entry of a device that nobody enrolled',
      'log_signature',
      async () =>
        forge([
          ...honest.entries,
          await signForged({
            log: honest,
            person: world.ada,
            device: deviceKeyOf(generateSigningSeed()),
          }),
        ]),
    ],
    [
      'the newest entry kept back, though the receipt counts it',
      'log_withheld',
      () => forge(without(lastSeq()), { receipt: () => receiptOfHonest() }),
    ],
    [
      'a receipt for another history',
      'log_chain',
      () =>
        forge(honest.entries, {
          receipt: (r) => signReceipt({ ...r, chain: randomBytes(32) }, world.receiptSeed),
        }),
    ],
    [
      'a receipt that counts less than what was sent',
      'log_rolled_back',
      () =>
        forge(honest.entries, { receipt: (r) => signReceipt({ ...r, seq: 2 }, world.receiptSeed) }),
    ],
    [
      'a receipt without a signature',
      'log_receipt',
      () => forge(honest.entries, { receipt: (r) => ({ ...r, signature: new Uint8Array(64) }) }),
    ],
    [
      'a receipt by another instance',
      'log_receipt',
      () => forge(honest.entries, { receipt: (r) => signReceipt(r, generateSigningSeed()) }),
    ],
    [
      'a receipt of another log',
      'log_receipt',
      () =>
        forge(honest.entries, {
          receipt: (r) => signReceipt({ ...r, log: otherHonest.log }, world.receiptSeed),
        }),
    ],
  ]
  const receiptOfHonest = () => {
    const { seq, chain, at: time } = share.replica.position
    return signReceipt({ log: honest.log, seq, chain, at: time }, world.receiptSeed)
  }
  it.each(cases)('%s: %s', async (_name, code, forged) => {
    await expect(openForged(await forged())).rejects.toMatchObject({ code, name: 'IntegrityError' })
  })

  it('a page cut in the middle: malformed', async () => {
    const cut = rewriteBytes(readLog, (bytes, { url }) =>
      url.includes(share.log) ? bytes.slice(0, -1) : bytes,
    )
    await expect(world.open(share.log, cut)).rejects.toMatchObject({ code: 'malformed' })
  })

  it('newest entries kept back on a device without memory: accepted, and shown as of then', async () => {
    const old = await openForged(forge(honest.entries.slice(0, 3)))
    expect([...old.view.nodes.values()].map(({ name }) => name)).toEqual(['a', 'b'])
    expect(old.replica.confirmedAt).toBe(at(3).at)
    expect(old.replica.confirmedAt).toBeLessThanOrEqual(share.replica.confirmedAt)
  })

  it('after every lie an honest server is believed again, by the same memory', async () => {
    const memory = memoryHeads()
    await world.open(share.log, undefined, memory)
    for (const [, code, forged] of cases) {
      const lie = serve(await forged(), world.receiptSeed)
      await expect(world.open(share.log, lie, memory)).rejects.toMatchObject({ code })
    }
    const again = await world.open(share.log, undefined, memory)
    expect(again.view.nodes).toEqual(share.view.nodes)
    await makeFolder(again, '/healed')
    await share.replica.sync()
    expect(share.view.nodes.size).toBe(again.view.nodes.size)
  })
})
