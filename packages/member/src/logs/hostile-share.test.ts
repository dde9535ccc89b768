/** What a hostile server can do to a share's log, each refused by its name. */
import {
  encodeHeader,
  genesisHash,
  headerHash,
  nextChain,
  randomBytes,
  type StampedEntry,
} from '@hearthold/crypto'
import { beforeEach, describe, expect, it } from 'vitest'
import { enrolDevice, revokeDevice } from '../account/devices.ts'
import { unlock } from '../account/unlock.ts'
import { makeFolder, trashItems } from '../files/changes.ts'
import { createShare } from '../files/share-writer.ts'
import { openShare, type Share } from '../files/share.ts'
import { MemoryServer } from '../memory-server.oracle.ts'
import { signUp, type TestMember } from '../test-member.oracle.ts'
import { memoryHeads } from './known-heads.ts'

let server: MemoryServer
let ada: TestMember
let share: Share
beforeEach(async () => {
  server = new MemoryServer()
  ada = await signUp(server)
  share = await createShare(ada.member, 'docs')
  for (const name of ['a', 'b', 'c']) await makeFolder(share, `/${name}`)
})

const logOf = () => server.logs.logs.get(share.log)!

const rewrite = (
  change: (entry: StampedEntry) => StampedEntry | readonly StampedEntry[] | undefined,
): void => {
  const log = logOf()
  log.entries = log.entries.flatMap((entry) => change(entry) ?? [])
  log.chain = log.entries.reduce(
    (chain, entry) => nextChain(chain, headerHash(entry), entry.signature, entry),
    genesisHash(log.genesis),
  )
}

/** Another device that has seen nothing yet. */
const openFresh = async () => {
  const context = { ...ada.context, heads: memoryHeads() }
  const member = await unlock(context, ada.created, ada.created.unlockBy, ada.created.device)
  return openShare(member, share.log)
}

const renumber = (): void => {
  let seq = 0
  rewrite((entry) => ({ ...entry, seq: ++seq }))
}

describe('a share log from a hostile server', () => {
  const lies: [string, string, () => void][] = [
    [
      'a dropped entry',
      'log_chain',
      () => rewrite((entry) => (entry.seq === 3 ? undefined : entry)),
    ],
    [
      'a dropped entry with the others renumbered',
      'log_chain',
      () => {
        rewrite((entry) => (entry.seq === 3 ? undefined : entry))
        renumber()
      },
    ],
    [
      'a replayed entry',
      'log_own_chain',
      () => {
        rewrite((entry) => (entry.seq === 3 ? [entry, entry] : entry))
        renumber()
      },
    ],
    [
      'reordered entries',
      'log_chain',
      () => {
        const { entries } = logOf()
        logOf().entries = [entries[0]!, entries[2]!, entries[1]!, entries[3]!]
        renumber()
      },
    ],
    [
      'other facts',
      'log_facts',
      () => rewrite((entry) => (entry.seq === 2 ? { ...entry, facts: randomBytes(99) } : entry)),
    ],
    [
      'another body',
      'log_body',
      () => rewrite((entry) => (entry.seq === 2 ? { ...entry, body: randomBytes(99) } : entry)),
    ],
    [
      'a withheld body',
      'log_withheld',
      () => rewrite((entry) => (entry.seq === 2 ? { ...entry, body: undefined } : entry)),
    ],
    [
      'withheld facts',
      'log_withheld',
      () => rewrite((entry) => (entry.seq === 2 ? { ...entry, facts: undefined } : entry)),
    ],
    [
      'a stamp that goes back',
      'log_stamp',
      () => rewrite((entry) => (entry.seq === 3 ? { ...entry, at: 1 } : entry)),
    ],
    ['a stale governing number', 'log_stamp', () => rewrite((entry) => ({ ...entry, gov: 1 }))],
    [
      'a governing number from nowhere',
      'log_stamp',
      () => rewrite((entry) => ({ ...entry, gov: 99 })),
    ],
    [
      'another author',
      'log_signature',
      () =>
        rewrite((entry) => {
          const header = { ...entry.header, author: randomBytes(16) }
          return entry.seq === 4 ? { ...entry, header, headerBytes: encodeHeader(header) } : entry
        }),
    ],
    [
      'a forged signature',
      'log_signature',
      () =>
        rewrite((entry) => (entry.seq === 4 ? { ...entry, signature: randomBytes(64) } : entry)),
    ],
    [
      'another genesis',
      'log_genesis',
      () => Object.assign(logOf(), { genesis: { ...logOf().genesis, salt: randomBytes(32) } }),
    ],
    [
      'a receipt for another history',
      'log_chain',
      () => Object.assign(logOf(), { chain: randomBytes(32) }),
    ],
  ]
  for (const [name, code, lie] of lies) {
    it(`refuses ${name}`, async () => {
      lie()
      await expect(openFresh()).rejects.toMatchObject({ code })
    })
  }

  it('shows a rollback to a device that has seen more', async () => {
    rewrite((entry) => (entry.seq === 4 ? undefined : entry))
    await expect(share.replica.sync()).rejects.toMatchObject({ code: 'log_rolled_back' })
    const member = await unlock(ada.context, ada.created, ada.created.unlockBy)
    await expect(openShare(member, share.log)).rejects.toMatchObject({ code: 'log_rolled_back' })
    expect((await openFresh()).view.nodes.size).toBe(2)
  })

  it('uses nothing of a log after a lie, even when the truth comes back', async () => {
    await makeFolder(await openFresh(), '/d')
    const truth = [...logOf().entries]
    rewrite((entry) => (entry.seq === 5 ? { ...entry, body: randomBytes(40) } : entry))
    await expect(share.replica.sync()).rejects.toMatchObject({ code: 'log_body' })
    logOf().entries = truth
    rewrite((entry) => entry)
    await expect(share.replica.sync()).rejects.toMatchObject({ code: 'log_body' })
    expect((await openFresh()).view.nodes.size).toBe(4)
  })

  it('keeps a revoked device and its old epoch out', async () => {
    const lost = await openFresh()
    const member = await unlock(
      { ...ada.context, heads: memoryHeads() },
      ada.created,
      ada.created.unlockBy,
    )
    await enrolDevice(member, 'new')
    await revokeDevice(member, ada.created.device.id)
    await expect(makeFolder(lost, '/late')).rejects.toMatchObject({ code: 'device_unknown' })
    const fresh = await openShare(member, share.log)
    expect(fresh.view.epoch).toBe(2)
    await makeFolder(fresh, '/after')
    await trashItems(fresh, ['/a'])
    expect(fresh.replica.refused).toEqual([])
  })
})
