import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import vectors from '../../../../docs/formats/vectors/logs.json' with { type: 'json' }
import { toHex } from '../bytes.ts'
import { IntegrityError } from '../integrity-error.ts'
import { openBody, openLogKey, sealBody, sealLogKey } from './body.ts'
import { decodeStampedEntry, encodeStampedEntry, headerHash, type StampedEntry } from './entry.ts'
import { decodeGenesis, encodeGenesis, genesisHash } from './genesis.ts'
import { decodeHeader, encodeHeader, type Header, headerBytes } from './header.ts'
import { FixtureLog, fixtureDevice, genesis, instanceKey } from './log-fixture.oracle.ts'
import { oracleChain, oracleGenesisHash, oracleHeader } from './logs.oracle.ts'
import { verifyReceipt } from './receipt.ts'
import {
  decodeAppend,
  decodePage,
  decodeReceipts,
  encodeAppend,
  encodePage,
  encodeReceipts,
} from './wire.ts'

const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length })
const integer = fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER })
const place = fc.record({ seq: integer, chain: bytes(32) })
const anyHeader = fc.record({
  rules: fc.integer({ min: 0, max: 0xffff }),
  kind: fc.integer({ min: 0, max: 0xffff }),
  log: bytes(16),
  author: bytes(16),
  device: bytes(16),
  own: integer,
  ownPrev: bytes(32),
  seen: place,
  basis: place,
  clock: integer,
  epoch: fc.integer({ min: 0, max: 0xffff_ffff }),
  factsHash: bytes(32),
  bodyHash: bytes(32),
}) as fc.Arbitrary<Header>

const smallLog = async (): Promise<FixtureLog> => {
  const log = new FixtureLog()
  const [a, b] = [fixtureDevice('a'), fixtureDevice('b')]
  await log.append(a, 'one')
  await log.append(b, 'two')
  await log.append(a, 'three')
  return log
}

describe('the header', () => {
  it('is written as the document says, and reads back', () => {
    fc.assert(
      fc.property(anyHeader, (header) => {
        const encoded = encodeHeader(header)
        expect(toHex(encoded)).toBe(toHex(oracleHeader(header)))
        expect(encoded.length).toBe(headerBytes)
        expect(decodeHeader(encoded)).toEqual(header)
      }),
    )
  })

  it('refuses fields of a wrong length instead of shifting the rest', () => {
    const header = fc.sample(anyHeader, 1)[0]!
    expect(() => encodeHeader({ ...header, log: new Uint8Array(15) })).toThrow(RangeError)
  })
})

describe('genesis and chain', () => {
  it('agree with the oracle', async () => {
    const log = await smallLog()
    expect(toHex(genesisHash(genesis))).toBe(toHex(oracleGenesisHash(genesis)))
    expect(decodeGenesis(encodeGenesis(genesis))).toEqual(genesis)
    const rows = log.entries.map((e) => ({
      header: e.headerBytes,
      signature: e.signature,
      at: e.at,
      gov: e.gov,
    }))
    expect(toHex(log.head.chain)).toBe(toHex(oracleChain(genesisHash(genesis), rows)))
  })

  it('are those of the published vectors', async () => {
    const log = await smallLog()
    expect({
      genesis: toHex(encodeGenesis(genesis)),
      log: toHex(log.id),
      entries: log.entries.map((entry) => ({
        stamped: toHex(encodeStampedEntry(entry)),
        headerHash: toHex(headerHash(entry)),
        chain: toHex(log.chains[entry.seq]!),
      })),
      page: toHex(
        encodePage({
          log: log.id,
          genesis,
          after: 0,
          entries: log.entries,
          receipt: await log.receipt(),
        }),
      ),
    }).toEqual(vectors)
  })
})

/** Every proper prefix and every flipped byte of a format must be refused or read as something else. */
const eachDamage = function* (good: Uint8Array): Generator<Uint8Array> {
  for (let length = 0; length < good.length; length++) yield good.slice(0, length)
  for (let at = 0; at < good.length; at++) {
    const bad = good.slice()
    bad[at]! ^= 1 << (at % 8)
    yield bad
  }
}

const same = (a: unknown, b: unknown): boolean =>
  JSON.stringify(a, (_key, value: unknown) =>
    value instanceof Uint8Array ? toHex(value) : value,
  ) ===
  JSON.stringify(b, (_key, value: unknown) => (value instanceof Uint8Array ? toHex(value) : value))

describe('wire forms', () => {
  it('read back as they were written', async () => {
    const log = await smallLog()
    const receipt = await log.receipt()
    for (const entry of log.entries)
      expect(decodeStampedEntry(encodeStampedEntry(entry))).toEqual(entry)
    const erased: StampedEntry = { ...log.entries[0]!, facts: undefined, body: undefined }
    expect(decodeStampedEntry(encodeStampedEntry(erased))).toEqual(erased)
    const append = [
      {
        log: log.id,
        genesis,
        entries: log.entries.map(({ seq: _s, at: _a, gov: _g, ...entry }) => entry),
      },
    ]
    expect(decodeAppend(encodeAppend(append))).toEqual(append)
    expect(decodeReceipts(encodeReceipts([receipt, receipt]))).toEqual([receipt, receipt])
    const page = { log: log.id, genesis, after: 0, entries: log.entries, receipt }
    expect(decodePage(encodePage(page))).toEqual(page)
  })

  it('never read damaged bytes as the same page', async () => {
    const log = await smallLog()
    const page = {
      log: log.id,
      genesis,
      after: 0,
      entries: log.entries,
      receipt: await log.receipt(),
    }
    const good = encodePage(page)
    let refused = 0
    for (const bad of eachDamage(good)) {
      try {
        expect(same(decodePage(bad), page)).toBe(false)
      } catch (error) {
        if (!(error instanceof IntegrityError)) throw error
        refused++
      }
    }
    expect(refused).toBeGreaterThanOrEqual(good.length)
  })
})

describe('receipts', () => {
  it('verify under the instance key and nothing else', async () => {
    const receipt = await (await smallLog()).receipt()
    await verifyReceipt(receipt, instanceKey)
    const changed = [
      { ...receipt, seq: receipt.seq + 1 },
      { ...receipt, at: receipt.at + 1 },
      { ...receipt, chain: genesisHash(genesis) },
      { ...receipt, log: new Uint8Array(16) },
    ]
    for (const bad of changed) {
      await expect(verifyReceipt(bad, instanceKey)).rejects.toMatchObject({ code: 'log_receipt' })
    }
    await expect(verifyReceipt(receipt, fixtureDevice('a').key)).rejects.toMatchObject({
      code: 'log_receipt',
    })
  })
})

describe('bodies and log keys', () => {
  const key = new Uint8Array(32).fill(9)

  it('open only in their own place', async () => {
    const entry = (await smallLog()).entries[0]!
    const sealed = await sealBody(key, entry.header, new Uint8Array([1, 2, 3]))
    expect(await openBody(key, entry.header, sealed)).toEqual(new Uint8Array([1, 2, 3]))
    const elsewhere = [
      { ...entry.header, own: 2 },
      { ...entry.header, epoch: 2 },
      { ...entry.header, kind: 9 },
      { ...entry.header, device: new Uint8Array(16) },
      { ...entry.header, log: new Uint8Array(16) },
      { ...entry.header, author: new Uint8Array(16) },
      { ...entry.header, factsHash: new Uint8Array(32) },
    ]
    for (const where of elsewhere)
      await expect(openBody(key, where, sealed)).rejects.toMatchObject({ code: 'log_body' })
    for (const bad of eachDamage(sealed)) {
      await expect(openBody(key, entry.header, bad)).rejects.toMatchObject({ code: 'log_body' })
    }
  })

  it('seal a log key for one log, one epoch and one domain key', async () => {
    const log = new Uint8Array(16).fill(3)
    const sealed = await sealLogKey(key, log, 4, key)
    expect(sealed.length).toBe(60)
    expect(await openLogKey(key, log, 4, sealed)).toEqual(key)
    await expect(openLogKey(key, log, 5, sealed)).rejects.toThrow(IntegrityError)
    await expect(openLogKey(key, new Uint8Array(16), 4, sealed)).rejects.toThrow(IntegrityError)
    await expect(openLogKey(new Uint8Array(32).fill(1), log, 4, sealed)).rejects.toThrow(
      IntegrityError,
    )
  })
})
