/** What a lying server can make of the log that says who a member is, and of what unlocks the account. */
import {
  type Bytes,
  concat,
  deviceId,
  encodeHeader,
  factsPayload,
  fromHex,
  generateSigningSeed,
  type Header,
  headerHash,
  makeFacts,
  type MethodRecord,
  noPlace,
  randomBytes,
  sha256,
  signReceipt,
  type StampedEntry,
  toHex,
  wrapAccountKey,
} from '@hearthold/crypto'
import { type DeviceKey, memoryHeads, replaceRecoveryKey, unlock } from '@hearthold/member'
import {
  accountEntryKinds,
  type AccountFacts,
  decodeAccountFacts,
  encodeAccountFacts,
  type StateFacts,
} from '@hearthold/model'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { deviceKeyOf } from '../../packages/member/src/account/unlock.ts'
import { signDrafts } from '../../packages/member/src/logs/log-entries.ts'
import { chainOf, type ForgedLog, readHonestly, renumbered, serve } from './forged-log.ts'
import { malleable } from './forgeries.ts'
import { createWorld, secondDevice, type World } from './world.ts'

let world: World
let honest: ForgedLog
let second: DeviceKey
/** Of two devices: enrol, state, pin, identity, profile, enrol of the second. */
beforeAll(async () => {
  world = await createWorld()
  second = (await secondDevice(world, 'laptop')).key
  honest = await readHonestly(world.ada.device.client, world.ada.created.log)
})
afterAll(() => world.stop())

const forge = (entries: readonly StampedEntry[], more: Partial<ForgedLog> = {}): ForgedLog => ({
  ...honest,
  entries,
  ...more,
})
const unlockForged = (forged: ForgedLog) => world.unlock(serve(forged, world.receiptSeed))
const at = (seq: number): StampedEntry => honest.entries[seq - 1]!
const lastSeq = () => honest.entries.length
const without = (seq: number) => renumbered(honest.entries.filter((entry) => entry.seq !== seq))
const changed = (seq: number, change: (entry: StampedEntry) => StampedEntry): StampedEntry[] =>
  honest.entries.map((entry) => (entry.seq === seq ? change(entry) : entry))
const withHeader = (entry: StampedEntry, fields: Partial<Header>): StampedEntry => {
  const header = { ...entry.header, ...fields }
  return { ...entry, header, headerBytes: encodeHeader(header) }
}

/** An entry at the end, signed by `device`, whatever the log thinks of it. */
const appended = async (
  facts: AccountFacts,
  device: DeviceKey,
  body: Bytes = new Uint8Array(0),
): Promise<ForgedLog> => {
  const { position } = world.ada.member.account.replica
  const place = {
    log: honest.log,
    rules: 1,
    strict: true,
    position: { ...position, seq: lastSeq(), chain: chainNow(), own: ownOf(device) },
    author: honest.log,
    device,
    basis: noPlace,
    clock: 0,
  }
  const payload = encodeAccountFacts(facts)
  const kind = accountEntryKinds[facts.entry]
  const draft = { kind, epoch: 1, facts, payload, seal: () => body }
  const [entry] = await signDrafts(place, [draft])
  const stamp = { seq: lastSeq() + 1, at: at(lastSeq()).at, gov: 0 }
  return forge([...honest.entries, { ...entry!, ...stamp }])
}
const chainNow = (): Bytes => chainOf(honest.genesis, honest.entries)
const ownOf = ({ id }: DeviceKey) =>
  new Map(
    honest.entries
      .filter(({ header }) => toHex(header.device) === id)
      .map((entry) => [id, { own: entry.header.own, headerHash: headerHash(entry) }]),
  )

const stateSeq = 2
const honestState = (): StateFacts =>
  decodeAccountFacts(accountEntryKinds.state, factsPayload(at(stateSeq).facts!)) as StateFacts

const changeMethods = async (change: (method: MethodRecord) => Promise<MethodRecord>) => {
  const state = honestState()
  return { ...state, methods: await Promise.all(state.methods.map(change)) }
}
/** All that wrapping needs is public: the liar wraps an account key of its choice. */
const wrappedByLiar = async (method: MethodRecord): Promise<MethodRecord> => ({
  ...method,
  wrap: await wrapAccountKey(method.publicKey, new Uint8Array(32).fill(9), {
    account: fromHex(world.ada.created.account),
    type: method.type,
    id: method.id,
    generation: 1,
  }),
})
const forgeries: readonly (readonly [string, () => Promise<StateFacts>])[] = [
  ['wraps of an account key of the liar', () => changeMethods(wrappedByLiar)],
  [
    'wraps of two methods swapped',
    async () => {
      const state = honestState()
      const [a, b, ...rest] = state.methods
      return { ...state, methods: [{ ...a!, wrap: b!.wrap }, { ...b!, wrap: a!.wrap }, ...rest] }
    },
  ],
  ['another generation', async () => ({ ...honestState(), generation: 2 })],
  [
    'a sign-in method more',
    async () => {
      const state = honestState()
      return {
        ...state,
        methods: [...state.methods, { ...state.methods[0]!, id: randomBytes(16) }],
      }
    },
  ],
  [
    'a public key of the liar',
    () =>
      changeMethods(async (method) => ({
        ...method,
        publicKey: randomBytes(method.publicKey.length),
      })),
  ],
]

describe('the signed state of an account', () => {
  it('unlocks where every byte passed through the liar unchanged', async () => {
    expect((await unlockForged(honest)).keys.keyring).toEqual(world.ada.member.keys.keyring)
  })

  it.each(forgeries)('%s: log_facts', async (_name, make) => {
    const facts = makeFacts(encodeAccountFacts(await make()))
    const forged = forge(changed(stateSeq, (entry) => ({ ...entry, facts })))
    await expect(unlockForged(forged)).rejects.toMatchObject({ code: 'log_facts' })
  })

  it.each(forgeries)('%s, hashed anew: log_signature', async (_name, make) => {
    const facts = makeFacts(encodeAccountFacts(await make()))
    const forged = forge(
      changed(stateSeq, (entry) => ({ ...withHeader(entry, { factsHash: sha256(facts) }), facts })),
    )
    await expect(unlockForged(forged)).rejects.toMatchObject({ code: 'log_signature' })
  })

  it.each(forgeries)(
    '%s, even signed by a device of the account: no effect, listed',
    async (_name, make) => {
      const forged = await appended(await make(), second, at(stateSeq).body)
      const unlocked = await unlockForged(forged)
      expect(unlocked.keys.accountKey).toEqual(world.ada.member.keys.accountKey)
      expect(unlocked.account.replica.refused).toMatchObject([
        { seq: lastSeq() + 1, code: 'signature_invalid' },
      ])
    },
  )

  it('the true state again at a later number, by a device of the account: no effect, listed', async () => {
    const unlocked = await unlockForged(await appended(honestState(), second, at(stateSeq).body))
    expect(unlocked.keys.counter).toBe(stateSeq)
    expect(unlocked.account.replica.refused).toMatchObject([{ code: 'signature_invalid' }])
  })

  it('another keyring: log_body', async () => {
    const forged = forge(changed(stateSeq, (entry) => ({ ...entry, body: randomBytes(700) })))
    await expect(unlockForged(forged)).rejects.toMatchObject({ code: 'log_body' })
  })
})

describe('the account log', () => {
  type Case = readonly [name: string, code: string, forged: () => ForgedLog | Promise<ForgedLog>]
  const cases: readonly Case[] = [
    ['an entry dropped', 'log_chain', () => forge(without(4))],
    ['the pin of the instance dropped', 'log_chain', () => forge(without(3))],
    ['an entry replayed', 'log_chain', () => forge(renumbered([...honest.entries, at(5)]))],
    [
      'two entries in the other order',
      'log_chain',
      () => forge(renumbered([at(1), at(2), at(4), at(3), at(5), at(6)])),
    ],
    [
      'the keyring withheld',
      'log_withheld',
      () => forge(changed(stateSeq, (e) => ({ ...e, body: undefined }))),
    ],
    [
      'facts withheld',
      'log_withheld',
      () => forge(changed(3, (e) => ({ ...e, facts: undefined }))),
    ],
    ['no entry at all', 'instance_key', () => forge([])],
    ['the end kept back before the pin', 'instance_key', () => forge(honest.entries.slice(0, 2))],
    [
      'another genesis',
      'log_genesis',
      () => forge(honest.entries, { genesis: { ...honest.genesis, salt: randomBytes(32) } }),
    ],
    [
      'a genesis of another kind',
      'log_genesis',
      () => forge(honest.entries, { genesis: { ...honest.genesis, kind: 2 } }),
    ],
    [
      'rules of another version',
      'log_unknown_version',
      () => forge(honest.entries, { genesis: { ...honest.genesis, rules: 2 } }),
    ],
    [
      'a signature of the liar',
      'log_signature',
      () => forge(changed(3, (e) => ({ ...e, signature: randomBytes(64) }))),
    ],
    [
      'a malleable signature: S plus the order of the group',
      'log_signature',
      () => forge(changed(3, (e) => ({ ...e, signature: malleable(e.signature) }))),
    ],
    [
      'receipts of another instance',
      'log_receipt',
      () => forge(honest.entries, { receipt: (r) => signReceipt(r, generateSigningSeed()) }),
    ],
    [
      'a receipt without a signature',
      'log_receipt',
      () => forge(honest.entries, { receipt: (r) => ({ ...r, signature: new Uint8Array(64) }) }),
    ],
    [
      'an entry by a device that nobody enrolled',
      'log_signature',
      () => appended({ entry: 'profile' }, deviceKeyOf(generateSigningSeed())),
    ],
    [
      'another key pinned for the instance',
      'log_facts',
      () => forge(changed(3, (e) => ({ ...e, facts: makeFacts(randomBytes(32)) }))),
    ],
  ]
  it.each(cases)('%s: %s', async (_name, code, forged) => {
    await expect(unlockForged(await forged())).rejects.toMatchObject({
      code,
      name: 'IntegrityError',
    })
  })

  it('an entry that its device signed for another place: log_chain', async () => {
    const stale = (await appended({ entry: 'profile' }, second)).entries.at(-1)!
    const { entries } = await appended({ entry: 'profile' }, world.ada.created.device)
    const forged = forge([...entries, { ...stale, seq: entries.length + 1 }])
    await expect(unlockForged(forged)).rejects.toMatchObject({ code: 'log_chain' })
  })

  it('a device enrolled by the liar, without a certificate of the root: no effect, listed', async () => {
    const device = deviceKeyOf(generateSigningSeed())
    const facts: AccountFacts = {
      entry: 'enrol',
      accountId: fromHex(world.ada.created.account),
      rootKey: world.ada.member.account.rootKey(),
      deviceKey: device.publicKey,
      certificate: randomBytes(64),
    }
    const unlocked = await unlockForged(await appended(facts, device))
    expect(unlocked.account.view.devices.has(device.id)).toBe(false)
    expect(unlocked.account.replica.refused).toMatchObject([{ code: 'signature_invalid' }])
  })

  it('a device with a key of small order, under which any signature would do: log_signature', async () => {
    // The neutral point as key and as R, and S = 0: a lenient verifier accepts this for every message.
    const neutral = new Uint8Array(32)
    neutral[0] = 1
    const device = {
      ...deviceKeyOf(generateSigningSeed()),
      publicKey: neutral,
      id: toHex(deviceId(neutral)),
    }
    const facts: AccountFacts = {
      entry: 'enrol',
      accountId: fromHex(world.ada.created.account),
      rootKey: world.ada.member.account.rootKey(),
      deviceKey: neutral,
      certificate: randomBytes(64),
    }
    const { entries } = await appended(facts, device)
    const signature = concat(neutral, new Uint8Array(32))
    const forged = forge(entries.map((e) => (e.seq > lastSeq() ? { ...e, signature } : e)))
    await expect(unlockForged(forged)).rejects.toMatchObject({ code: 'log_signature' })
  })
})

describe('what a device remembers of its account', () => {
  it('a rollback: account_rolled_back, for a device that has seen more', async () => {
    const memory = memoryHeads()
    const member = await world.unlock(undefined, memory)
    await replaceRecoveryKey(member, () => Promise.resolve())
    await expect(world.unlock(serve(honest, world.receiptSeed), memory)).rejects.toMatchObject({
      code: 'account_rolled_back',
    })
    const again = await world.unlock(undefined, memory)
    expect(again.keys.generation).toBe(2)
    honest = await readHonestly(world.ada.device.client, world.ada.created.log)
  })

  it('another history of the same length: account_rolled_back', async () => {
    const memory = memoryHeads()
    await world.unlock(undefined, memory)
    const forged = forge(changed(lastSeq(), (entry) => ({ ...entry, at: entry.at + 1 })))
    await expect(world.unlock(serve(forged, world.receiptSeed), memory)).rejects.toMatchObject({
      code: 'account_rolled_back',
    })
    expect((await world.unlock(undefined, memory)).keys.generation).toBe(2)
  })

  it('another instance than remembered: instance_key', async () => {
    const { created } = world.ada
    const context = { ...world.device().context, instanceKey: toHex(randomBytes(32)) }
    const other = unlock(context, created, created.unlockBy, created.device)
    await expect(other).rejects.toMatchObject({ code: 'instance_key' })
  })

  it('an old state on a device without memory: accepted, and shown as of then', async () => {
    const old = forge(honest.entries.slice(0, 6))
    const unlocked = await unlockForged(old)
    expect(unlocked.keys.generation).toBe(1)
    expect(unlocked.account.replica.confirmedAt).toBe(at(6).at)
  })

  it('a time that only this device was told: accepted, then the truth is refused: account_rolled_back', async () => {
    const memory = memoryHeads()
    const forged = forge(changed(lastSeq(), (entry) => ({ ...entry, at: entry.at + 1 })))
    await world.unlock(serve(forged, world.receiptSeed), memory)
    await expect(world.unlock(undefined, memory)).rejects.toMatchObject({
      code: 'account_rolled_back',
    })
    expect((await world.unlock()).keys.generation).toBe(2)
  })
})
