import { beforeAll, describe, expect, it } from 'vitest'
import { toHex } from '../bytes.ts'
import type { IntegrityCode } from '../integrity-error.ts'
import type { StampedEntry } from './entry.ts'
import { FixtureLog, fixtureDevice, genesis, instanceKey } from './log-fixture.oracle.ts'
import { unstampedChain } from './header.ts'
import { LogVerifier } from './verify.ts'

const a = fixtureDevice('a')
const b = fixtureDevice('b')
const keys = new Map([a, b].map((device) => [toHex(device.id), device.key]))
const resolve = (_author: string, device: string) => keys.get(device)

const verified = async (
  log: FixtureLog,
  entries: readonly StampedEntry[],
  strict = false,
): Promise<LogVerifier> => {
  const verifier = new LogVerifier(log.id, genesis, { strict })
  for (const entry of entries) verifier.accept(entry)
  await verifier.verifySignatures(resolve)
  await verifier.checkReceipt(await log.receipt(), instanceKey)
  return verifier
}

/** a1 b1 a2 b2 a3, where b2 has seen up to number 2 only. */
const honest = async (): Promise<FixtureLog> => {
  const log = new FixtureLog()
  await log.append(a, 'a1')
  await log.append(b, 'b1')
  const seen = log.head
  await log.append(a, 'a2')
  await log.append(b, 'b2', { seen })
  await log.append(a, 'a3')
  return log
}

describe('LogVerifier', () => {
  let log: FixtureLog
  beforeAll(async () => {
    log = await honest()
  })

  it('accepts an honest history whole, in parts and from a kept position', async () => {
    const whole = await verified(log, log.entries)
    expect(whole.position.seq).toBe(5)
    const first = new LogVerifier(log.id, genesis, { strict: false })
    for (const entry of log.entries.slice(0, 3)) first.accept(entry)
    const rest = new LogVerifier(log.id, genesis, { strict: false, from: first.position })
    for (const entry of log.entries.slice(3)) rest.accept(entry)
    await rest.verifySignatures(resolve)
    expect(rest.position).toEqual(whole.position)
  })

  const renumbered = (entries: readonly StampedEntry[]): StampedEntry[] =>
    entries.map((entry, index) => ({ ...entry, seq: index + 1 }))

  it.each([
    [
      'an entry of a device is dropped',
      (e) => renumbered([e[0]!, e[1]!, e[3]!, e[4]!]),
      'log_chain',
    ],
    ['an entry is replayed', (e) => renumbered([e[0]!, e[0]!, ...e.slice(1)]), 'log_own_chain'],
    [
      'two entries change places',
      (e) => renumbered([e[0]!, e[2]!, e[1]!, e[3]!, e[4]!]),
      'log_chain',
    ],
    ['a number is skipped', (e) => [e[0]!, ...e.slice(2)], 'log_chain'],
    [
      'facts are exchanged',
      (e) => e.map((x, i) => (i === 2 ? { ...x, facts: e[0]!.facts } : x)),
      'log_facts',
    ],
    [
      'a body is exchanged',
      (e) => e.map((x, i) => (i === 2 ? { ...x, body: e[0]!.body } : x)),
      'log_body',
    ],
    [
      'a stamp goes back in time',
      (e) => e.map((x, i) => (i === 2 ? { ...x, at: 5 } : x)),
      'log_stamp',
    ],
    [
      'a stamp is of an older government',
      (e) => e.map((x, i) => (i === 2 ? { ...x, gov: 2 } : x)),
      'log_stamp',
    ],
    [
      'a stamp time is changed and stays in order',
      (e) => e.map((x, i) => (i === 4 ? { ...x, at: x.at + 1 } : x)),
      'log_chain',
    ],
    [
      'the last signature is another',
      (e) => e.map((x, i) => (i === 4 ? { ...x, signature: e[0]!.signature } : x)),
      'log_signature',
    ],
    [
      'an early signature is another',
      (e) => e.map((x, i) => (i === 0 ? { ...x, signature: e[1]!.signature } : x)),
      'log_chain',
    ],
  ] as [string, (entries: readonly StampedEntry[]) => StampedEntry[], IntegrityCode][])(
    'when %s: refuses, by name',
    async (_name, lie, code) => {
      await expect(verified(log, lie(log.entries))).rejects.toMatchObject({ code })
    },
  )

  it('when the end is cut and the receipt kept: stands before the receipt, which says that more exists', async () => {
    const { position } = await verified(log, log.entries.slice(0, 4))
    expect(position.seq).toBeLessThan((await log.receipt()).seq)
  })

  it('refuses a device that the account does not certify', async () => {
    const other = fixtureDevice('stranger')
    const forged = new FixtureLog()
    await forged.append(other, 'hello')
    await expect(verified(forged, forged.entries)).rejects.toMatchObject({ code: 'log_signature' })
  })

  it('refuses a device that writes in the name of two members, also after going on from a kept position', async () => {
    const mixed = new FixtureLog()
    await mixed.append(a, 'a1', { author: b.id })
    await mixed.append(a, 'a2')
    await expect(verified(mixed, mixed.entries)).rejects.toMatchObject({ code: 'log_signature' })
    const first = new LogVerifier(mixed.id, genesis, { strict: false })
    first.accept(mixed.entries[0]!)
    const rest = new LogVerifier(mixed.id, genesis, { strict: false, from: first.position })
    expect(() => rest.accept(mixed.entries[1]!)).toThrow(
      expect.objectContaining({ code: 'log_signature' }),
    )
  })

  it('refuses a fork that contradicts what a member has seen', async () => {
    const forked = new FixtureLog()
    await forked.append(a, 'a1')
    await forked.append(b, 'b1')
    await forked.append(a, 'a2')
    // b signs that it saw another entry 3 than the one served.
    const real = await honest()
    await forked.append(b, 'b2', { seen: { seq: 3, chain: real.chains[4]! } })
    await expect(verified(forked, forked.entries)).rejects.toMatchObject({ code: 'log_chain' })
  })

  it('holds strict entries to the one before them', async () => {
    const first = new FixtureLog()
    await first.append(a, 'a1')
    await first.append(b, 'b1')
    await verified(first, first.entries, true)
    await expect(verified(log, log.entries, true)).rejects.toMatchObject({ code: 'log_chain' })
  })

  it('takes strict entries signed at once: the place before by number, if it is of the same device', async () => {
    const unstamped = (seq: number) => ({ seen: { seq, chain: unstampedChain } })
    const atOnce = new FixtureLog()
    await atOnce.append(a, 'a1')
    await atOnce.append(a, 'a2', unstamped(1))
    await atOnce.append(a, 'a3', unstamped(2))
    await verified(atOnce, atOnce.entries, true)
    await expect(verified(atOnce, atOnce.entries)).rejects.toMatchObject({ code: 'log_chain' })

    const afterOther = new FixtureLog()
    await afterOther.append(a, 'a1')
    await afterOther.append(b, 'b1')
    await afterOther.append(a, 'a2', unstamped(2))
    await expect(verified(afterOther, afterOther.entries, true)).rejects.toMatchObject({
      code: 'log_chain',
    })
    const elsewhere = new FixtureLog()
    await elsewhere.append(a, 'a1')
    await elsewhere.append(a, 'a2')
    await elsewhere.append(a, 'a3', unstamped(1))
    await expect(verified(elsewhere, elsewhere.entries, true)).rejects.toMatchObject({
      code: 'log_chain',
    })
  })

  it('refuses another genesis under the id, another log, and an older receipt', async () => {
    expect(() => new LogVerifier(log.id, { ...genesis, kind: 1 }, { strict: false })).toThrow(
      expect.objectContaining({ code: 'log_genesis' }),
    )
    const older = await log.receipt()
    const longer = await honest()
    await longer.append(a, 'a4')
    const verifier = await verified(longer, longer.entries)
    await expect(verifier.checkReceipt(older, instanceKey)).rejects.toMatchObject({
      code: 'log_rolled_back',
    })
  })
})
