/** What a lying server can answer to an append: nothing that it did not sign is believed, and a retry does no harm. */
import { appendLogs } from '@hearthold/contract'
import {
  decodeAppend,
  encodeReceipts,
  decodeReceipts,
  generateSigningSeed,
  headerHash,
  nextChain,
  randomBytes,
  type Receipt,
  signReceipt,
} from '@hearthold/crypto'
import {
  createShare,
  makeFolder,
  memoryHeads,
  openShare,
  type Share,
  unlock,
} from '@hearthold/member'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { answerInstead, type Lie, rewriteBytes, truth } from './answers.ts'
import { readHonestly, receiptOf, serve } from './forged-log.ts'
import { createWorld, type LiedTo, type World } from './world.ts'

let world: World
let device: LiedTo
let share: Share
beforeAll(async () => {
  world = await createWorld()
  const { log } = await createShare(world.ada.member, 'docs')
  const { created } = world.ada
  device = world.device()
  share = await openShare(
    await unlock(device.context, created, created.unlockBy, created.device),
    log,
  )
})
afterAll(() => world.stop())

const names = (one: Share): string[] => [...one.view.nodes.values()].map(({ name }) => name!)

const rewriteReceipts = (change: (receipts: Receipt[]) => Promise<Receipt[]> | Receipt[]): Lie =>
  rewriteBytes(appendLogs, async (bytes) => encodeReceipts(await change(decodeReceipts(bytes))))
const resigned =
  (fields: Partial<Receipt>, seed = world.receiptSeed) =>
  ([receipt]: Receipt[]) =>
    signReceipt({ ...receipt!, ...fields }, seed).then((made) => [made])

describe('the answer to an append', () => {
  const cases: readonly (readonly [string, string, () => Lie])[] = [
    ['without receipts', 'log_receipt', () => rewriteReceipts(() => [])],
    ['with a receipt too many', 'log_receipt', () => rewriteReceipts(([r]) => [r!, r!])],
    [
      'with a receipt that nobody signed',
      'log_receipt',
      () => rewriteReceipts(([r]) => [{ ...r!, signature: new Uint8Array(64) }]),
    ],
    [
      'with a receipt by another instance',
      'log_receipt',
      () => rewriteReceipts(resigned({}, generateSigningSeed())),
    ],
    [
      'with a receipt of another log',
      'log_receipt',
      () => rewriteReceipts(resigned({ log: randomBytes(16) })),
    ],
    [
      'with a receipt for another history',
      'log_chain',
      () => rewriteReceipts(resigned({ chain: randomBytes(32) })),
    ],
    ['cut short', 'malformed', () => rewriteBytes(appendLogs, (bytes) => bytes.slice(0, -1))],
  ]
  it.each(cases)(
    '%s: %s, and the next append goes on where the log is',
    async (name, code, lie) => {
      device.tell(lie())
      await expect(makeFolder(share, `/${name}`)).rejects.toMatchObject({ code })
      device.tell(truth)
      await makeFolder(share, `/after ${name}`)
      const fresh = await world.open(share.log)
      expect(names(fresh)).toEqual(names(share))
      expect(names(fresh)).toContain(name)
    },
  )

  it('for an entry that was never kept: log_rolled_back at the next look', async () => {
    const memory = memoryHeads()
    const before = await readHonestly(world.ada.device.client, share.log)
    /** Signs for what it was given, as if it had it, and forgets it. */
    const forgetful = answerInstead(appendLogs, async ({ body }) => {
      const [append] = decodeAppend(body as Uint8Array)
      const head = await receiptOf(before, world.receiptSeed)
      let { chain, seq } = head
      const last = before.entries.at(-1)!
      for (const entry of append!.entries) {
        chain = nextChain(chain, headerHash(entry), entry.signature, {
          seq: ++seq,
          at: last.at,
          gov: last.gov,
        })
      }
      return encodeReceipts([await signReceipt({ ...head, chain, seq }, world.receiptSeed)])
    })
    const lost = await world.open(share.log, forgetful, memory)
    await makeFolder(lost, '/never kept')
    expect(names(lost)).toContain('never kept')
    await expect(lost.replica.sync()).rejects.toMatchObject({ code: 'log_rolled_back' })
    await expect(world.open(share.log, undefined, memory)).rejects.toMatchObject({
      code: 'log_rolled_back',
    })
    expect(names(await world.open(share.log))).not.toContain('never kept')
  })
})

describe('what a device remembers of a share', () => {
  it('a rollback: log_rolled_back, and the honest server is believed again', async () => {
    const memory = memoryHeads()
    const old = await readHonestly(world.ada.device.client, share.log)
    await makeFolder(share, '/newest')
    await world.open(share.log, undefined, memory)
    const lie = serve(old, world.receiptSeed)
    await expect(world.open(share.log, lie, memory)).rejects.toMatchObject({
      code: 'log_rolled_back',
    })
    device.tell(lie)
    await expect(share.replica.sync()).rejects.toMatchObject({ code: 'log_rolled_back' })
    device.tell(truth)
    expect(names(await world.open(share.log, undefined, memory))).toContain('newest')
  })

  it('another history of the same length: log_rolled_back', async () => {
    const memory = memoryHeads()
    await world.open(share.log, undefined, memory)
    const honest = await readHonestly(world.ada.device.client, share.log)
    const entries = honest.entries.map((entry) =>
      entry.seq === honest.entries.length ? { ...entry, at: entry.at + 1 } : entry,
    )
    const lie = serve({ ...honest, entries }, world.receiptSeed)
    await expect(world.open(share.log, lie, memory)).rejects.toMatchObject({
      code: 'log_rolled_back',
    })
    expect(names(await world.open(share.log, undefined, memory))).toContain('newest')
  })

  it('nothing after a lie is used by the replica that saw it, not even the truth', async () => {
    const liar = world.device()
    const { created } = world.ada
    const member = await unlock(liar.context, created, created.unlockBy, created.device)
    const opened = await openShare(member, share.log)
    const count = opened.view.nodes.size
    await makeFolder(await world.open(share.log), '/one more')
    const honest = await readHonestly(world.ada.device.client, share.log)
    const entries = honest.entries.map((entry) =>
      entry.seq === honest.entries.length ? { ...entry, body: randomBytes(40) } : entry,
    )
    liar.tell(serve({ ...honest, entries }, world.receiptSeed))
    await expect(opened.replica.sync()).rejects.toMatchObject({ code: 'log_body' })
    liar.tell(truth)
    await expect(opened.replica.sync()).rejects.toMatchObject({ code: 'log_body' })
    await expect(makeFolder(opened, '/never')).rejects.toMatchObject({ code: 'log_body' })
    expect(names(await world.open(share.log)).length).toBe(count + 1)
  })
})
