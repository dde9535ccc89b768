import type { ProblemBody } from '@hearthold/contract'
import {
  decodePage,
  encodeAppend,
  LogVerifier,
  type Receipt,
  toHex,
  verifyReceipt,
} from '@hearthold/crypto'
import { deviceAt } from '@hearthold/model'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { newNode, TestMember, TestShare } from '#platform/logs/test-logs.ts'
import { codeOf, TestLogFeature } from './test-log-feature.ts'

let test: TestLogFeature
let member: TestMember
let share: TestShare
beforeEach(async () => {
  test = await TestLogFeature.open()
  member = await test.member()
  share = await test.share(member)
})
afterEach(() => test.close())

const addFile = async (object: string, sizeBytes: number, node = newNode()) =>
  share.change([{ op: 'add-file', node, parent: share.log.id, object, sizeBytes }])

describe('logs over HTTP', () => {
  it('are founded, appended to, listed and read, and verify', async () => {
    const object = await test.object(member)
    const receipts = (await test.append(
      member,
      share.append([await share.folder(), await addFile(object, 100)]),
    )) as Receipt[]
    expect(receipts.map(({ seq }) => seq)).toEqual([3])
    await verifyReceipt(receipts[0]!, test.instanceKey)

    const { body } = await test.as(member, 'GET', '/api/logs')
    const { logs } = body as { logs: { log: string; kind: number; seq: number; chain: string }[] }
    expect(logs.map(({ log, kind, seq }) => [log, kind, seq])).toEqual([
      [member.log.id, 1, 5],
      [share.log.id, 2, 3],
    ])
    const head = await test.as(member, 'GET', `/api/logs/${share.log.id}`)
    expect(head.body).toEqual(logs[1])
    expect(logs[1]!.chain).toBe(toHex(receipts[0]!.chain))

    const verifier = new LogVerifier(share.log.idBytes, share.log.genesis, { strict: false })
    for (const after of [0, 2]) {
      const url = `/api/logs/${share.log.id}/entries?after=${after}&limit=2`
      verifier.acceptPage(decodePage((await test.as(member, 'GET', url)).bytes))
    }
    const account = (await test.logs.accountView(member.log.id))!
    await verifier.verifySignatures(
      (_author, device, gov) => deviceAt(account, device, gov)?.publicKey,
    )
    expect(verifier.position.seq).toBe(3)
  })

  it('of others, and those that are none, are not found', async () => {
    const stranger = await test.member()
    const none = newNode()
    for (const log of [share.log.id, member.log.id, none]) {
      for (const url of [
        `/api/logs/${log}`,
        `/api/logs/${log}/entries?after=0`,
        `/api/logs/${log}/checkpoint`,
      ]) {
        expect(codeOf(await test.as(stranger, 'GET', url))).toBe('not_found')
      }
    }
    expect(await test.append(stranger, share.append([await share.folder()]))).toMatchObject({
      code: 'not_found',
    })
  })

  it('of accounts are not changed here, and what is no append is refused', async () => {
    const append = async (
      ...parts: Parameters<typeof test.append> extends [unknown, ...infer Rest] ? Rest : never
    ) => ((await test.append(member, ...parts)) as ProblemBody).code
    expect(await append(member.append([await member.profile()]))).toBe('entry_refused')
    expect(await append(await new TestMember().foundingAppend())).toBe('entry_refused')
    const bytes = encodeAppend([share.append([await share.folder()])])
    for (const broken of [
      bytes.subarray(1),
      bytes.subarray(0, bytes.length - 1),
      new Uint8Array(9),
    ]) {
      expect(codeOf(await test.as(member, 'POST', '/api/logs', broken))).toBe('entry_invalid')
    }
    expect(await append()).toBe('entry_invalid')
  })
})

describe('guests', () => {
  it('found no shares: they have only what others share with them', async () => {
    const guest = await test.member('guest')
    const refused = await test.append(guest, await new TestShare(guest).foundingAppend())
    expect(refused).toMatchObject({ code: 'forbidden' })
    const { body } = await test.as(guest, 'GET', '/api/logs')
    expect((body as { logs: { log: string }[] }).logs.map(({ log }) => log)).toEqual([guest.log.id])
  })
})

describe('objects of entries', () => {
  it('must be there whole, with their size, and be the author’s own or readable', async () => {
    const object = await test.object(member, 200)
    const code = async (id: string, size: number) =>
      ((await test.append(member, share.append([await addFile(id, size)]))) as ProblemBody).code
    expect(await code(newNode(), 200)).toBe('object_missing')
    member.device.own.clear()
    const again = await test.share(member)
    share = again
    expect(await code(object, 201)).toBe('object_missing')
    const stranger = await test.member()
    const theirs = await test.object(stranger, 50)
    share = await test.share(member)
    expect(await code(theirs, 50)).toBe('object_missing')
    share = await test.share(member)
    expect(await code(object, 200)).toBeUndefined()
    const other = await test.share(member)
    share = other
    expect(await code(object, 200)).toBeUndefined()
  })

  it('go with the erasure that drops the last reference', async () => {
    const object = await test.object(member)
    const node = newNode()
    await test.append(member, share.append([await addFile(object, 100, node)]))
    const read = () => test.as(member, 'GET', `/api/objects/${object}`)
    expect((await read()).status).toBe(200)
    await test.append(member, share.append([await share.change([{ op: 'erase', node, base: 2 }])]))
    expect((await read()).status).toBe(404)
  })

  it('are charged, entries too, and a refused append is charged for nothing', async () => {
    const before = await test.entryBytes(member)
    await test.append(member, share.append([await share.folder()]))
    const charged = (await test.entryBytes(member)) - before
    const heads = await test.logs.listFor(member.log.id)
    const sum = heads.reduce((bytes, { entryBytes }) => bytes + entryBytes, 0)
    expect(before + charged).toBe(sum)
    // Entries may pass the quota by 4 MiB, so that what frees room can still be written.
    test.quotas.set(member.account, sum - 4 * 1024 * 1024)
    const code = async () =>
      ((await test.append(member, share.append([await share.folder()]))) as ProblemBody).code
    expect(await code()).toBe('over_quota')
    expect(await test.entryBytes(member)).toBe(sum)
    const { seq } = (await test.logs.head(share.log.id))!
    expect(seq).toBe(2)
  })
})
