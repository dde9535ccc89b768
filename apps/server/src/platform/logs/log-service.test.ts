import { ProblemError } from '@hearthold/contract'
import {
  type Bytes,
  decodePage,
  fromHex,
  headerHash,
  type LogAppend,
  LogVerifier,
  randomBytes,
  type SignedEntry,
  toHex,
  verifyReceipt,
} from '@hearthold/crypto'
import { type AccountView, deviceAt, type ShareView } from '@hearthold/model'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { problemOf, TestLogService } from './test-log-service.ts'
import { newNode, TestDevice, TestMember, TestShare } from './test-logs.ts'

let service: TestLogService
let member: TestMember
beforeEach(async () => {
  service = await TestLogService.open()
  member = new TestMember()
  await service.found(member)
})
afterEach(() => service.close())

const shareView = async (share: TestShare): Promise<ShareView> =>
  (await service.logs.view(share.log.id)) as ShareView

const readAll = async (share: { log: { id: string; idBytes: Bytes } }) => {
  const page = await service.logs.readPage({ log: share.log.id, after: 0, limit: 500 })
  return decodePage(page!.bytes)
}

/** What any member's client checks, for one account's devices. */
const verifyAll = async (
  log: string,
  strict: boolean,
  accountLog: string,
): Promise<LogVerifier> => {
  const page = decodePage((await service.logs.readPage({ log, after: 0, limit: 500 }))!.bytes)
  const verifier = new LogVerifier(page.log, page.genesis, { strict })
  verifier.acceptPage(page)
  const account = (await service.logs.accountView(accountLog))!
  await verifier.verifySignatures((_author, device, gov) =>
    strict ? account.devices.get(device)?.publicKey : deviceAt(account, device, gov)?.publicKey,
  )
  await verifier.checkReceipt(page.receipt, service.instanceKey)
  return verifier
}

describe('an account log', () => {
  it('is founded whole, and verifies as any client checks it', async () => {
    const view = await service.logs.accountView(member.log.id)
    expect(view?.accountId).toEqual(member.accountBytes)
    expect(view?.state?.seq).toBe(2)
    const verifier = await verifyAll(member.log.id, true, member.log.id)
    expect(verifier.position.seq).toBe(5)
    expect(toHex(verifier.position.chain)).toBe(toHex(member.log.head.chain))
    expect(await service.logs.head(member.log.id)).toMatchObject({ seq: 5, kind: 1 })
  })

  it('takes entries of a device enrolled in the same append', async () => {
    const second = new TestDevice()
    const entries = [
      await member.enrol(second),
      await member.accountEntry({ entry: 'profile' }, { device: second, index: 1 }),
    ]
    await service.append(member, [member.append(entries)])
    expect((await service.logs.accountView(member.log.id))?.devices.size).toBe(2)
    await verifyAll(member.log.id, true, member.log.id)
  })

  it('lets the slower of two writers rebase', async () => {
    const second = new TestDevice()
    await service.append(member, [member.append([await member.enrol(second)])])
    const late = await problemOf(service.append(member, [member.append([await member.profile()])]))
    expect(late).toEqual({ code: 'head_moved', extra: { log: member.log.id, entry: 0, seq: 6 } })
  })

  it('is nothing that another account can write, read or tell from none', async () => {
    const stranger = new TestMember()
    await service.found(stranger)
    const append: LogAppend = member.append([await member.profile()])
    expect(await problemOf(service.append(stranger, [append]))).toMatchObject({ code: 'not_found' })
    const none: LogAppend = { ...append, log: randomBytes(16) }
    expect(await problemOf(service.append(stranger, [none]))).toMatchObject({ code: 'not_found' })
    expect(await service.logs.mayRead(stranger.log.id, member.log.id)).toBe(false)
    expect(await service.logs.mayRead(member.log.id, member.log.id)).toBe(true)
  })
})

describe('a share', () => {
  let share: TestShare
  beforeEach(async () => {
    share = await service.share(member)
  })
  const append = async (...entries: SignedEntry[]) =>
    service.append(member, [share.append(entries)])

  it('takes concurrent writers who have not seen each other', async () => {
    const second = new TestDevice()
    const [receipt] = await service.append(member, [member.append([await member.enrol(second)])])
    member.log.take(receipt!)
    const entries: SignedEntry[] = []
    for (let index = 0; index < 20; index++) {
      entries.push(await share.folder({ device: index % 2 === 0 ? member.device : second }))
    }
    const all = await Promise.all(entries.map((entry) => append(entry)))
    expect((await shareView(share)).nodes.size).toBe(20)
    const seqs = all.map((receipts) => receipts[0]!.seq)
    expect(Math.max(...seqs)).toBe(21)
    await verifyAll(share.log.id, false, member.log.id)
  })

  it('stamps times that never go back, whatever the clock does', async () => {
    await append(await share.folder())
    service.now -= 1_000_000
    await append(await share.folder())
    const page = await readAll(share)
    const times = page.entries.map(({ at }) => at)
    expect(times).toEqual(times.toSorted((a, b) => a - b))
  })

  it('answers a retry with receipts and stores nothing twice', async () => {
    const first = [await share.folder(), await share.folder()]
    const [receipt] = await append(...first)
    expect(receipt!.seq).toBe(3)
    await append(await share.folder())
    const [again] = await append(...first)
    expect(again!.seq).toBe(4)
    await verifyReceipt(again!, service.instanceKey)
    expect((await readAll(share)).entries.length).toBe(4)
    await service.restart()
    expect((await append(...first))[0]!.seq).toBe(4)
  })

  it('answers a retry in the same turn as its first try', async () => {
    const entry = await share.folder()
    const answers = await Promise.all([append(entry), append(entry), append(entry)])
    expect(answers.map(([receipt]) => receipt!.seq)).toEqual([2, 2, 2])
  })

  it('answers a retry of the append that founded it', async () => {
    const other = new TestShare(member)
    const founding = await other.foundingAppend()
    await service.append(member, [founding])
    expect((await service.append(member, [founding]))[0]!.seq).toBe(1)
    member.device.own.delete(other.log.id)
    const different = await other.foundingAppend()
    expect(await problemOf(service.append(member, [different]))).toMatchObject({
      code: 'own_chain_broken',
    })
    const next = { ...founding, entries: [await other.folder()] }
    expect(await problemOf(service.append(member, [next]))).toMatchObject({ code: 'log_exists' })
  })

  it('takes all entries of an append or none', async () => {
    const view = await shareView(share)
    const good = await share.folder()
    const bad = await share.change([{ op: 'trash', node: newNode(), base: 3 }])
    expect(await problemOf(append(good, bad))).toMatchObject({
      code: 'base_stale',
      extra: { entry: 1 },
    })
    expect(await service.logs.head(share.log.id)).toMatchObject({ seq: 1 })
    expect((await shareView(share)).nodes.size).toBe(0)
    expect(view.nodes.size).toBe(1)
    member.device.own.delete(share.log.id)
    const { entries } = await readAll(share)
    member.device.own.set(share.log.id, { own: 1, headerHash: headerHash(entries[0]!) })
    expect((await append(await share.folder()))[0]!.seq).toBe(2)
  })

  it('a refused append takes nothing of its neighbours in the same turn with it', async () => {
    const node = newNode()
    const good = await share.folder({ node })
    const doubled = await share.folder({ node })
    const [first, second] = await Promise.all([
      append(good),
      problemOf(append(await share.folder(), doubled)),
    ])
    expect(first[0]!.seq).toBe(2)
    expect(second?.code).toBe('own_chain_broken')
  })

  it('fences follow a revocation in one append, judged at the account as it then stands', async () => {
    const second = new TestDevice()
    member.log.take(
      (await service.append(member, [member.append([await member.enrol(second)])]))[0]!,
    )
    const appends = [
      member.append([await member.retire(second)]),
      share.append([await share.fence(2)]),
    ]
    const receipts = await service.append(member, appends)
    expect(receipts.map(({ seq }) => seq)).toEqual([7, 2])
    const page = await readAll(share)
    expect(page.entries[1]!.gov).toBe(7)
    const stale = await share.folder({ epoch: 1 })
    expect(await problemOf(append(stale))).toMatchObject({ code: 'epoch_stale' })
    const revoked = await share.folder({ device: second, epoch: 2 })
    expect(await problemOf(append(revoked))).toMatchObject({
      code: 'device_unknown',
      extra: { subject: second.id },
    })
    await verifyAll(share.log.id, false, member.log.id)
  })

  it('is the same after a restart, and when it was dropped from memory', async () => {
    for (let index = 0; index < 5; index++) await append(await share.folder())
    const before = structuredClone(await shareView(share))
    await service.restart({ viewLimitNodes: 1 })
    expect(await shareView(share)).toEqual(before)
    const other = await service.share(member)
    await shareView(other)
    share.log.take((await append(await share.folder()))[0]!)
    expect(share.log.head.seq).toBe(7)
    await verifyAll(share.log.id, false, member.log.id)
  })

  it('tells a commit once a log, with a page that follows what was before', async () => {
    const commits: { log: string; after: number; entries: number }[] = []
    const stop = service.logs.onCommit((commit) => {
      const page = decodePage(commit.page())
      commits.push({ log: commit.log, after: page.after, entries: page.entries.length })
      expect(page.receipt.seq).toBe(commit.seq)
    })
    await Promise.all([append(await share.folder()), append(await share.folder())])
    stop()
    await append(await share.folder())
    expect(commits).toEqual([{ log: share.log.id, after: 1, entries: 2 }])
  })

  it('tells readers a receipt of now, at most a minute old', async () => {
    const first = await readAll(share)
    service.now += 59_000
    expect((await readAll(share)).receipt.at).toBe(first.receipt.at)
    service.now += 2000
    const later = (await readAll(share)).receipt
    expect(later.at).toBe(service.now)
    await verifyReceipt(later, service.instanceKey)
  })

  it('runs what belongs to an append in its savepoint, once', async () => {
    const entry = await share.folder()
    let calls = 0
    const within = async (_trx: unknown, outcome: { logs: readonly { seq: number }[] }) => {
      calls++
      expect(outcome.logs[0]!.seq).toBe(2)
    }
    await service.append(member, [share.append([entry])], within)
    await service.append(member, [share.append([entry])], within)
    expect(calls).toBe(1)
    const refusing = service.append(member, [share.append([await share.folder()])], async () => {
      throw new ProblemError('step_up_needed')
    })
    expect(await problemOf(refusing)).toMatchObject({ code: 'step_up_needed' })
    expect(await service.logs.head(share.log.id)).toMatchObject({ seq: 2 })
    expect((await shareView(share)).nodes.size).toBe(1)
  })

  it('answers nobody and keeps nothing when the commit fails', async () => {
    const broken = service.append(member, [share.append([await share.folder()])], async () => {
      throw new ProblemError('disk_full')
    })
    const neighbour = append(await share.folder())
    expect(await problemOf(broken)).toMatchObject({ code: 'disk_full' })
    expect(await problemOf(neighbour)).toMatchObject({ code: 'disk_full' })
    expect((await shareView(share)).nodes.size).toBe(0)
    expect(await service.logs.head(share.log.id)).toMatchObject({ seq: 1 })
  })

  it('a failure of our own takes only its own append with it', async () => {
    const broken = service.append(member, [share.append([await share.folder()])], async () => {
      throw new TypeError('a bug')
    })
    const device = new TestDevice()
    const enrolled = service.append(member, [member.append([await member.enrol(device)])])
    await expect(broken).rejects.toThrow('a bug')
    expect((await enrolled)[0]!.seq).toBe(6)
    expect((await shareView(share)).nodes.size).toBe(0)
  })

  describe('objects and quota', () => {
    it('are checked, counted and released', async () => {
      const [object, node] = [newNode(), newNode()]
      const add = { op: 'add-file', node, parent: share.log.id, object, sizeBytes: 1000 } as const
      const attempt = await share.change([add])
      expect(await problemOf(append(attempt))).toMatchObject({ code: 'object_missing' })
      service.objects.there.set(object, 999)
      expect(await problemOf(append(attempt))).toMatchObject({ code: 'object_missing' })
      service.objects.there.set(object, 1000)
      const before = service.objects.entryBytes
      await append(attempt)
      expect(service.objects.referenced).toEqual([object])
      const head = (await service.logs.head(share.log.id))!
      const [first] = (await readAll(share)).entries
      const firstBytes = 24 + 252 + 64 + 9 + first!.facts!.length + first!.body!.length
      expect(service.objects.entryBytes - before).toBe(head.entryBytes - firstBytes)
      await append(await share.change([{ op: 'erase', node, base: 2 }]))
      expect(service.objects.released).toEqual([object])
    })

    it('stay where the same append lets them go and takes them up again', async () => {
      const [object, other] = [newNode(), await service.share(member)]
      service.objects.there.set(object, 64)
      const addTo = (log: string, node: string) =>
        ({ op: 'add-file', node, parent: log, object, sizeBytes: 64 }) as const
      const [one, two, three] = [newNode(), newNode(), newNode()]
      await append(await share.change([addTo(share.log.id, one)]))
      // In one entry, in two of one log, in two logs.
      const erase = (node: string, base: number) => ({ op: 'erase', node, base }) as const
      await append(await share.change([erase(one, 2), addTo(share.log.id, two)]))
      await append(
        await share.change([erase(two, 3)]),
        await share.change([addTo(share.log.id, three)]),
      )
      expect(service.objects.released).toEqual([])
      await service.append(member, [
        share.append([await share.change([erase(three, 5)])]),
        other.append([await other.change([addTo(other.log.id, newNode())])]),
      ])
      expect(service.objects.calls.slice(-2)).toEqual(['mark', 'release'])
      expect(service.objects.released).toEqual([object])
    })

    it('stop an append when they are used up', async () => {
      service.objects.quotaBytes = service.objects.entryBytes + 100
      expect(await problemOf(append(await share.folder()))).toMatchObject({ code: 'over_quota' })
      expect((await shareView(share)).nodes.size).toBe(0)
    })

    it('an account has only so many logs', async () => {
      await service.restart({ logsLimit: 3 })
      await service.share(member)
      expect(await problemOf(service.share(member))).toMatchObject({ code: 'over_quota' })
    })
  })
})

describe('pages', () => {
  it('end at their limits and go on where they ended', async () => {
    const share = await service.share(member)
    const body = randomBytes(900 * 1024)
    for (let i = 0; i < 12; i++) {
      await service.append(member, [share.append([await share.folder({ body })])])
    }
    const first = (await service.logs.readPage({ log: share.log.id, after: 0, limit: 500 }))!
    expect(first.bytes.length).toBeLessThanOrEqual(8 * 1024 * 1024 + 512)
    expect(first.lastSeq).toBe(10)
    expect(first.headSeq).toBe(13)
    const second = decodePage(
      (await service.logs.readPage({ log: share.log.id, after: 10, limit: 2 }))!.bytes,
    )
    expect(second.entries.map(({ seq }) => seq)).toEqual([11, 12])
    const end = decodePage(
      (await service.logs.readPage({ log: share.log.id, after: 13, limit: 500 }))!.bytes,
    )
    expect(end.entries).toEqual([])
    expect(end.receipt.seq).toBe(13)
    expect(await service.logs.readPage({ log: newNode(), after: 0, limit: 500 })).toBeUndefined()
  })
})

describe('views and places', () => {
  it('tell accounts from shares, and numbers that were reached', async () => {
    const share = await service.share(member)
    expect(await service.logs.accountView(share.log.id)).toBeUndefined()
    expect(((await service.logs.view(member.log.id)) as AccountView).devices.size).toBe(1)
    expect(await service.logs.chainAt(member.log.id, 5)).toEqual(member.log.head.chain)
    expect(await service.logs.chainAt(member.log.id, 0)).toEqual(member.log.chainZero)
    expect(await service.logs.chainAt(member.log.id, 6)).toBeUndefined()
    expect(await service.logs.governingOf(share.log.id)).toBe(member.log.id)
    expect(await service.logs.governingOf(member.log.id)).toBe(member.log.id)
    const heads = await service.logs.listFor(member.log.id)
    expect(heads.map(({ log }) => log)).toEqual([member.log.id, share.log.id])
    expect(fromHex(share.log.id)).toEqual(share.log.idBytes)
  })
})
