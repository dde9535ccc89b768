/** What a member's devices have seen, told to those that have seen nothing: over a server in memory. */
import { randomBytes, toHex } from '@hearthold/crypto'
import { beforeEach, describe, expect, it } from 'vitest'
import { enrolDevice, revokeDevice } from '../account/devices.ts'
import { unlock, type Unlocked } from '../account/unlock.ts'
import { makeFolder } from '../files/changes.ts'
import { findShare, listShareLogs, listShares } from '../files/share-list.ts'
import { createShare, renameShare } from '../files/share-writer.ts'
import { openShare, type Share } from '../files/share.ts'
import { MemoryServer } from '../memory-server.oracle.ts'
import { signUp, type TestMember } from '../test-member.oracle.ts'
import { settle } from './afterwork.ts'
import { decodeHeads, encodeHeads, headsLimit, headsOf } from './heads-register.ts'
import { type KnownHead, memoryHeads } from './known-heads.ts'
import type { LogCache } from './log-cache.ts'

let server: MemoryServer
let ada: TestMember
let share: Share
let lies: string[]

beforeEach(async () => {
  server = new MemoryServer()
  ada = await signUp(server)
  share = await createShare(ada.member, 'docs')
  await makeFolder(share, '/a')
  lies = []
})

/** A device that has seen nothing, but for what it is given. */
const elsewhere = (cache?: LogCache): Promise<Unlocked> => {
  const context = {
    ...ada.context,
    heads: memoryHeads(),
    distrusted: (_log: string, { code }: { code: string }) => void lies.push(code),
    ...(cache ? { cache } : {}),
  }
  return unlock(context, ada.created, ada.created.unlockBy, ada.created.device)
}

const place = (): string => `${ada.created.account} known-heads`
const stored = () => server.kept.registers.get(place())!
const puts = (): number => server.calls.filter((name) => name === 'putRegister').length

const rollBack = (length: number): void => {
  const log = server.logs.logs.get(share.log)!
  log.entries = log.entries.slice(0, length)
  log.chain = share.replica.chainAt(length)!
}

const head = (seq: number, at: number): KnownHead => ({ seq, chain: toHex(randomBytes(32)), at })

describe('heads as bytes', () => {
  it('come back as they were, the newest thousand of them, and the account always', () => {
    const heads = new Map(
      Array.from({ length: headsLimit + 5 }, (_, i) => [
        toHex(randomBytes(16)),
        head(i + 1, 1000 + i),
      ]),
    )
    const account = toHex(randomBytes(16))
    heads.set(account, head(3, 1))
    const bytes = encodeHeads(heads, account)
    expect(bytes.length).toBeLessThanOrEqual(65_504)
    const back = decodeHeads(bytes)
    expect(back.size).toBe(headsLimit)
    expect(back.get(account)).toEqual(heads.get(account))
    const oldest = [...back.values()].map(({ at }) => at).sort((a, b) => a - b)
    expect(oldest.slice(0, 2)).toEqual([1, 1006])
    for (const [log, one] of back) expect(one).toEqual(heads.get(log))
  })

  it('are refused where they are others', () => {
    const bytes = encodeHeads(new Map([['ab'.repeat(16), head(1, 1)]]), '')
    expect(() => decodeHeads(bytes.subarray(1))).toThrow()
    expect(() => decodeHeads(bytes.subarray(0, -1))).toThrow()
    const twice = new Uint8Array([...bytes, ...bytes.subarray(8)])
    twice[7] = 2
    expect(() => decodeHeads(twice)).toThrow('named twice')
  })
})

describe('the register of known heads', () => {
  it('is written once for many acts, after them', async () => {
    for (const path of ['/b', '/c', '/d']) await makeFolder(share, path)
    expect(puts()).toBe(0)
    await settle(ada.member)
    expect(puts()).toBe(1)
    await settle(ada.member)
    expect(puts()).toBe(1)
    const heads = await headsOf(await elsewhere()).shared()
    expect(heads.get(share.log)).toEqual({
      seq: share.replica.position.seq,
      chain: toHex(share.replica.position.chain),
      at: share.replica.position.at,
    })
    expect(heads.get(ada.member.account.log)?.seq).toBe(ada.member.account.replica.position.seq)
  })

  it('is merged where another device wrote meanwhile', async () => {
    await settle(ada.member)
    const other = await elsewhere()
    const theirs = await createShare(other, 'theirs')
    await headsOf(ada.member).shared()
    await settle(other)
    await makeFolder(share, '/b')
    await settle(ada.member)
    const heads = await headsOf(await elsewhere()).shared()
    expect(heads.get(theirs.log)?.seq).toBe(1)
    expect(heads.get(share.log)?.seq).toBe(3)
    expect(stored().version).toBe(3)
  })

  it('shows a rollback to a device that has seen nothing', async () => {
    await settle(ada.member)
    rollBack(1)
    await expect(openShare(await elsewhere(), share.log)).rejects.toMatchObject({
      code: 'log_rolled_back',
    })
  })

  it('shows another history to a device that has seen nothing', async () => {
    const { replica } = share
    await headsOf(ada.member).put(share.log, { ...head(1, 1), seq: replica.position.seq })
    await settle(ada.member)
    await expect(openShare(await elsewhere(), share.log)).rejects.toMatchObject({
      code: 'log_rolled_back',
    })
  })

  it('shows a rolled back account', async () => {
    await enrolDevice(await elsewhere(), 'second')
    await ada.member.account.replica.sync()
    await makeFolder(share, '/b')
    await settle(ada.member)
    const log = server.logs.logs.get(ada.created.log)!
    const length = log.entries.length - 1
    log.entries = log.entries.slice(0, length)
    log.chain = ada.member.account.replica.chainAt(length)!
    await expect(openShare(await elsewhere(), share.log)).rejects.toMatchObject({
      code: 'account_rolled_back',
    })
  })

  it('names a share that the list leaves out, also while a device is revoked', async () => {
    await settle(ada.member)
    server.change = (name, answer) => (name === 'listLogs' ? { logs: [] } : answer)
    const member = await elsewhere()
    for (const work of [() => listShareLogs(member), () => listShares(member)]) {
      await expect(work()).rejects.toMatchObject({
        code: 'log_withheld',
        message: expect.stringContaining(share.log) as string,
      })
    }
    await expect(findShare(member, 'docs')).rejects.toMatchObject({ code: 'log_withheld' })
    const { id } = await enrolDevice(await elsewhere(), 'lost')
    await expect(revokeDevice(member, id)).rejects.toMatchObject({ code: 'log_withheld' })
    server.change = (_, answer) => answer
    await revokeDevice(member, id)
    expect((await openShare(member, share.log)).view.epoch).toBe(2)
  })

  const lie = (change: Partial<ReturnType<typeof stored>>): void =>
    void server.kept.registers.set(place(), { ...stored(), ...change })

  it.each([
    ['another signature', () => lie({ signature: toHex(randomBytes(64)) })],
    ['another value', () => lie({ sealedValue: 'A'.repeat(80) })],
    ['another version', () => lie({ version: 7 })],
    ['an unknown device', () => lie({ device: toHex(randomBytes(16)) })],
  ])('with %s is refused and named, and the share opens without it', async (_, change) => {
    await settle(ada.member)
    change()
    const member = await elsewhere()
    expect((await openShare(member, share.log)).view.nodes.size).toBe(1)
    expect(lies).toEqual(['register'])
  })

  it('that is older than one seen in this run is refused', async () => {
    await settle(ada.member)
    const old = stored()
    await makeFolder(share, '/b')
    await settle(ada.member)
    server.kept.registers.set(place(), old)
    const distrusted = (_log: string, { code }: { code: string }) => void lies.push(code)
    Object.assign(ada.member.context, { distrusted })
    await makeFolder(share, '/c')
    await settle(ada.member)
    expect(lies).toContain('register')
  })

  it('by a device that was revoked since counts for nothing', async () => {
    const other = await elsewhere()
    const { id } = await enrolDevice(other, 'lost')
    const made = { ...head(999, 1) }
    await headsOf(other).put(share.log, made)
    await settle(other)
    await expect(openShare(await elsewhere(), share.log)).rejects.toMatchObject({
      code: 'log_rolled_back',
    })
    await revokeDevice(ada.member, id)
    expect((await openShare(await elsewhere(), share.log)).view.nodes.size).toBe(1)
    expect(lies).toEqual([])
  })
})

describe('the list of shares', () => {
  it('opens those alone that have changed since they were read', async () => {
    const kept = new Map<string, Uint8Array>()
    const cache: LogCache = {
      load: (log) => Promise.resolve(kept.get(log)),
      save: (log, sealed) => Promise.resolve(void kept.set(log, sealed)),
    }
    const other = await createShare(ada.member, 'photos')
    const heads = memoryHeads()
    const run = async () => {
      const context = { ...ada.context, heads, cache }
      const { created } = ada
      const member = await unlock(context, created, created.unlockBy, created.device)
      const before = server.calls.length
      const list = await listShares(member)
      const reads = server.calls.slice(before).filter((name) => name === 'readLog').length
      return { names: list.map(({ name }) => name), reads, member }
    }
    expect(await run()).toMatchObject({ names: ['docs', 'photos'], reads: 2 })
    expect(await run()).toMatchObject({ names: ['docs', 'photos'], reads: 0 })
    await renameShare(other, 'pictures')
    const third = await run()
    expect(third).toMatchObject({ names: ['docs', 'pictures'], reads: 1 })
    expect((await findShare(third.member, 'docs')).log).toBe(share.log)
    // An older place of the log than the one that was read is looked at, and refused.
    rollBack(1)
    await expect(run()).rejects.toMatchObject({ code: 'log_rolled_back' })
    for (const [id, bytes] of kept)
      kept.set(
        id,
        bytes.map((byte) => byte ^ 1),
      )
    await expect(run()).rejects.toMatchObject({ code: 'log_rolled_back' })
  })
})
