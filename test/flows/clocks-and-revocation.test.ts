/** Devices whose clock is wrong, and what a device that was revoked can still do: nothing with what came after. */
import { getBundle } from '@hearthold/client'
import { listLogs, readLog } from '@hearthold/contract'
import {
  decodePage,
  IntegrityError,
  openBody,
  openLogKey,
  type StampedEntry,
} from '@hearthold/crypto'
import {
  bindDevice,
  createShare,
  enrolDevice,
  getPath,
  getTree,
  listFolder,
  listShares,
  makeFolder,
  memoryHeads,
  moveItem,
  openShare,
  putTree,
  revokeDevice,
  signInWithPassword,
  unlock,
} from '@hearthold/member'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type FlowServer, type Person, signInElsewhere, startFlowServer } from './flow-server.ts'

const dayMs = 24 * 3600_000

let server: FlowServer
let ada: Person
beforeAll(async () => {
  server = await startFlowServer()
  ada = await server.host()
})
afterAll(() => server.stop())

const item = (path: string, text: string) =>
  (async function* () {
    const bytes = new TextEncoder().encode(text)
    const open = async function* (offset: number) {
      yield bytes.subarray(offset)
    }
    yield { kind: 'file' as const, path, size: bytes.length, modifiedAt: 1_700_000_000_000, open }
  })()

describe('a device whose clock is off by a day', () => {
  it.each([-dayMs, dayMs])(
    'by %i ms: writes and reads, and times are those of the server',
    async (off) => {
      const { created } = ada
      const device = server.device()
      device.setToken(created.token)
      const context = { ...device.context, heads: memoryHeads(), now: () => Date.now() + off }
      const member = await unlock(context, created, created.unlockBy, created.device)
      const share = await createShare(member, `off by ${off}`)
      await putTree(share, item('a', 'text'), '/')
      await moveItem(share, '/a', '/b')
      await enrolDevice(member, 'again')
      const theirs = await openShare(ada.member, share.log)
      const { node } = getPath(theirs.view, '/b')
      expect(Math.abs(node!.at - Date.now())).toBeLessThan(60_000)
      expect(Math.abs(theirs.replica.confirmedAt - Date.now())).toBeLessThan(60_000)
      await makeFolder(theirs, '/between')
      await makeFolder(share, '/after')
      await theirs.replica.sync()
      expect(listFolder(theirs.view, theirs.log).map(({ name }) => name)).toEqual([
        'after',
        'b',
        'between',
      ])
      expect(theirs.replica.refused).toEqual([])
      expect((await listShares(member)).map(({ name }) => name)).toContain(`off by ${off}`)
    },
  )
})

describe('a server whose clock moves on by a day', () => {
  it('ends sessions of a day, and another sign-in goes on where all was', async () => {
    const bob = await server.invited(ada, 'bob')
    const share = await createShare(bob.member, 'kept')
    await makeFolder(share, '/kept')
    server.advance(dayMs + 60_000)
    await expect(makeFolder(share, '/late')).rejects.toMatchObject({ code: 'unauthenticated' })
    const { member } = await signInElsewhere(server, bob)
    const again = await openShare(member, share.log)
    expect(listFolder(again.view, again.log).map(({ name }) => name)).toEqual(['kept'])
    ada = { ...ada, member: (await signInElsewhere(server, ada)).member }
  })
})

describe('a device that was revoked', () => {
  it('has no session, writes nothing even with another one, and cannot read what came after', async () => {
    const { member: keeper } = await signInElsewhere(server, ada)
    await enrolDevice(keeper, 'keeper')
    const share = await createShare(keeper, 'work')
    await putTree(share, item('before', 'known to all'), '/')

    const lost = await signInElsewhere(server, ada)
    const key = await enrolDevice(lost.member, 'lost')
    await bindDevice(lost.member, lost.signedIn.session)
    const theirs = await openShare(lost.member, share.log)
    await makeFolder(theirs, '/by the lost one')
    const oldKeys = lost.member.keys

    const { sessionsEnded } = await revokeDevice(keeper, key.id)
    // All but the one that revoked: a thief may hold sessions that are tied to no device.
    expect(sessionsEnded).toBe(3)
    ada = { ...ada, member: (await signInElsewhere(server, ada)).member }
    await share.replica.sync()
    await putTree(share, item('after', 'not for the lost one'), '/')
    expect(share.view.epoch).toBe(2)

    await expect(lost.device.client.call(listLogs)).rejects.toMatchObject({
      code: 'unauthenticated',
    })
    // Even a thief who signs in anew, with password and code, gets no further with the old device key.
    const again = await signInWithPassword(lost.device.context, {
      name: ada.name,
      password: ada.password,
      secondFactor: ada.code,
      transport: 'bearer',
    })
    lost.device.setToken(again.token)
    await expect(makeFolder(theirs, '/late')).rejects.toMatchObject({ code: 'device_unknown' })
    await expect(bindDevice(lost.member, again.session)).rejects.toMatchObject({
      code: 'device_unknown',
    })

    const page = decodePage(
      await lost.device.client.call(readLog, { params: { log: share.log }, query: { after: 0 } }),
    )
    const entry = page.entries.at(-1)!
    expect(entry.header.epoch).toBe(2)
    await expectUnreadable(entry, oldKeys.keyring.domains.files, theirs)
    const { object } = getPath(share.view, '/after').node!.versions[0]!
    const [stored] = await getBundle(lost.device.client, [object])
    expect(Buffer.from(stored!).includes('not for the lost one')).toBe(false)

    // What it could read before stays readable to the others, and nothing was lost.
    const files: string[] = []
    const sink = {
      folder: () => Promise.resolve(),
      link: () => Promise.resolve(),
      file: (path: string) =>
        Promise.resolve({
          write: () => Promise.resolve(),
          close: () => Promise.resolve(void files.push(path)),
          abort: () => Promise.resolve(),
        }),
    }
    const fresh = await signInElsewhere(server, ada)
    const report = await getTree(await openShare(fresh.member, share.log), ['/'], sink)
    expect([report.failed, files.toSorted()]).toEqual([[], ['after', 'before']])
  })

  /** No key of the old keyring opens the epoch, and no key of an epoch that the device knew opens the entry. */
  const expectUnreadable = async (
    entry: StampedEntry,
    domainKeys: readonly { key: Uint8Array }[],
    theirs: Awaited<ReturnType<typeof openShare>>,
  ): Promise<void> => {
    const mine = await openShare(ada.member, theirs.log)
    const { sealedLogKey } = mine.view.epochs.get(2)!
    for (const { key } of domainKeys) {
      const opened = openLogKey(key, mine.replica.logBytes, 2, sealedLogKey)
      await expect(opened).rejects.toThrow(IntegrityError)
    }
    const old = await mine.keys.open(mine.view.epochs.get(1)!)
    await expect(openBody(old, entry.header, entry.body!)).rejects.toThrow(IntegrityError)
  }
})

describe('another member', () => {
  it("gets not_found for each of one's ids, as for ids that never were", async () => {
    const eve = await server.invited(
      { ...ada, device: (await signInElsewhere(server, ada)).device },
      'eve',
    )
    const { member } = await signInElsewhere(server, ada)
    await enrolDevice(member, 'sixth')
    const share = await createShare(member, 'private')
    await putTree(share, item('secret', 'of ada'), '/')
    const { object } = getPath(share.view, '/secret').node!.versions[0]!
    for (const log of [share.log, ada.created.log, 'ab'.repeat(16)])
      await expect(openShare(eve.member, log)).rejects.toMatchObject({ code: 'not_found' })
    for (const id of [object, 'cd'.repeat(16)])
      await expect(getBundle(eve.device.client, [id])).rejects.toMatchObject({ code: 'not_found' })
    expect(await listShares(eve.member)).toEqual([])
  })
})
