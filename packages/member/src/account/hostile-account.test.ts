/** A server that owns the disk, the network and its own receipt key, and still cannot pass off another account. */
import {
  accountLogSalt,
  type Bytes,
  createKeyring,
  factsPayload,
  fromHex,
  generateSigningSeed,
  genesisHash,
  logIdOf,
  makeFacts,
  type MethodRecord,
  nextChain,
  headerHash,
  noPlace,
  randomBytes,
  sha256,
  signingPublicKey,
  type StampedEntry,
  toHex,
  wrapAccountKey,
  encodeHeader,
} from '@hearthold/crypto'
import {
  accountRules,
  decodeAccountFacts,
  encodeAccountFacts,
  type StateFacts,
} from '@hearthold/model'
import { beforeEach, describe, expect, it } from 'vitest'
import { memoryHeads } from '../logs/known-heads.ts'
import { signDrafts } from '../logs/log-entries.ts'
import { MemoryServer } from '../memory-server.oracle.ts'
import { signUp, type TestMember } from '../test-member.oracle.ts'
import {
  enrolDraft,
  identityDraft,
  pinDraft,
  profileDraft,
  stateDraft,
  type StateKeys,
} from './account-entries.ts'
import { replaceRecoveryKey } from './methods.ts'
import { deviceKeyOf, unlock } from './unlock.ts'

let server: MemoryServer
let ada: TestMember
beforeEach(async () => {
  server = new MemoryServer()
  ada = await signUp(server)
})

const logOf = () => server.logs.logs.get(ada.created.log)!

/** Serves other entries, with a chain and receipts that fit them. */
const rewrite = (change: (entry: StampedEntry) => StampedEntry | undefined): void => {
  const log = logOf()
  log.entries = log.entries.flatMap((entry) => change(entry) ?? [])
  log.chain = log.entries.reduce(
    (chain, entry) => nextChain(chain, headerHash(entry), entry.signature, entry),
    genesisHash(log.genesis),
  )
}

const stateOf = (entry: StampedEntry): StateFacts =>
  decodeAccountFacts(entry.header.kind, factsPayload(entry.facts!)) as StateFacts

const isState = (entry: StampedEntry): boolean => entry.header.kind === 2

/** A device of the same person without any memory, whose secret is right. */
const unlockFresh = (context = { ...ada.context, heads: memoryHeads() }, where = ada.created) =>
  unlock(context, where, ada.created.unlockBy)

const withFacts = (entry: StampedEntry, facts: StateFacts, rehash: boolean): StampedEntry => {
  const bytes = makeFacts(encodeAccountFacts(facts))
  if (!rehash) return { ...entry, facts: bytes }
  const header = { ...entry.header, factsHash: sha256(bytes) }
  return { ...entry, facts: bytes, header, headerBytes: encodeHeader(header) }
}

const changeMethods = async (
  methods: readonly MethodRecord[],
  change: (method: MethodRecord) => Promise<MethodRecord>,
): Promise<MethodRecord[]> => Promise.all(methods.map(change))

const forgedWrap = async (method: MethodRecord): Promise<MethodRecord> => ({
  ...method,
  wrap: await wrapAccountKey(method.publicKey, randomBytes(32), {
    account: fromHex(ada.created.account),
    type: method.type,
    id: method.id,
    generation: 1,
  }),
})

const swapped = ([a, b, ...rest]: readonly MethodRecord[]): MethodRecord[] => [
  { ...a!, wrap: b!.wrap },
  { ...b!, wrap: a!.wrap },
  ...rest,
]

describe('the account log as the server shows it', () => {
  it('unlocks where nothing was changed', async () => {
    rewrite((entry) => entry)
    expect((await unlockFresh()).keys.accountKey).toEqual(ada.member.keys.accountKey)
  })

  const forgeries: [string, (facts: StateFacts) => Promise<StateFacts>][] = [
    [
      'forged wraps',
      async (facts) => ({ ...facts, methods: await changeMethods(facts.methods, forgedWrap) }),
    ],
    ['swapped wraps', async (facts) => ({ ...facts, methods: swapped(facts.methods) })],
    ['another generation', async (facts) => ({ ...facts, generation: 2 })],
    [
      'an injected method',
      async (facts) => ({
        ...facts,
        methods: [...facts.methods, { ...facts.methods[0]!, id: randomBytes(16) }],
      }),
    ],
  ]
  for (const [name, forge] of forgeries) {
    it(`refuses ${name}`, async () => {
      const state = logOf().entries.find(isState)!
      const facts = await forge(stateOf(state))
      const original = logOf().entries
      rewrite((entry) => (isState(entry) ? withFacts(entry, facts, false) : entry))
      await expect(unlockFresh()).rejects.toMatchObject({ code: 'log_facts' })
      logOf().entries = original
      rewrite((entry) => (isState(entry) ? withFacts(entry, facts, true) : entry))
      await expect(unlockFresh()).rejects.toMatchObject({ code: 'log_signature' })
    })

    it(`gives ${name} no effect even with a stolen device key`, async () => {
      const { member } = ada
      const place = {
        log: member.account.replica.logBytes,
        rules: 1,
        strict: true,
        position: member.account.replica.position,
        author: fromHex(ada.created.log),
        device: ada.created.device,
        basis: noPlace,
        clock: 0,
      }
      const facts = await forge(stateOf(logOf().entries.find(isState)!))
      const sealed = member.account.sealedKeyring()
      const draft = {
        kind: 2,
        epoch: 1,
        facts,
        payload: encodeAccountFacts(facts),
        seal: () => sealed,
      }
      const [entry] = await signDrafts(place, [draft])
      const at = logOf().entries.at(-1)!.at
      logOf().entries.push({ ...entry!, seq: 6, at, gov: 0 })
      rewrite((one) => one)
      const fresh = await unlockFresh()
      expect(fresh.keys).toEqual(member.keys)
      expect(fresh.account.replica.refused).toMatchObject([{ seq: 6, code: 'signature_invalid' }])
    })
  }

  it('refuses another keyring', async () => {
    rewrite((entry) => (isState(entry) ? { ...entry, body: randomBytes(700) } : entry))
    await expect(unlockFresh()).rejects.toMatchObject({ code: 'log_body' })
  })

  it('refuses a withheld state', async () => {
    rewrite((entry) => (isState(entry) ? { ...entry, body: undefined } : entry))
    await expect(unlockFresh()).rejects.toMatchObject({ code: 'log_withheld' })
  })

  it('refuses a dropped entry', async () => {
    rewrite((entry) => (entry.seq === 4 ? undefined : entry))
    await expect(unlockFresh()).rejects.toMatchObject({ code: 'log_chain' })
  })

  it('refuses an entry of a device that nobody enrolled', async () => {
    const device = deviceKeyOf(generateSigningSeed())
    const place = {
      log: ada.member.account.replica.logBytes,
      rules: 1,
      strict: true,
      position: ada.member.account.replica.position,
      author: fromHex(ada.created.log),
      device,
      basis: noPlace,
      clock: 0,
    }
    const [entry] = await signDrafts(place, [profileDraft(createKeyring(), 'eve')])
    logOf().entries.push({ ...entry!, seq: 6, at: logOf().entries.at(-1)!.at, gov: 0 })
    rewrite((one) => one)
    await expect(unlockFresh()).rejects.toMatchObject({ code: 'log_signature' })
  })

  it('refuses receipts of another key than the log pins', async () => {
    const other = new MemoryServer()
    Object.assign(server.logs, { instanceSeed: other.logs.instanceSeed })
    await expect(unlockFresh()).rejects.toMatchObject({ code: 'log_receipt' })
  })

  it('refuses a log that pins another instance than this device remembers', async () => {
    const context = { ...ada.context, heads: memoryHeads(), instanceKey: toHex(randomBytes(32)) }
    await expect(unlockFresh(context)).rejects.toMatchObject({ code: 'instance_key' })
  })
})

describe('what a device remembers', () => {
  it('shows a rolled-back account', async () => {
    const before = [...logOf().entries]
    await replaceRecoveryKey(ada.member, () => Promise.resolve())
    logOf().entries = before
    rewrite((entry) => entry)
    await expect(unlockFresh(ada.context as never)).rejects.toMatchObject({
      code: 'account_rolled_back',
    })
    await expect(ada.member.account.replica.sync()).rejects.toMatchObject({
      code: 'account_rolled_back',
    })
    // A device without memory cannot tell: the threat model says so.
    expect((await unlockFresh()).keys.generation).toBe(1)
  })

  it('shows another history of the same length', async () => {
    rewrite((entry) => ({ ...entry, at: entry.at + 1000 }))
    await expect(unlockFresh(ada.context as never)).rejects.toMatchObject({
      code: 'account_rolled_back',
    })
  })
})

describe('a whole other account log under the same account id', () => {
  /** Everything by the server: root, device, keyring; the member's public keys and anchors as they are. */
  const evilLog = async (
    wrapFor: (method: MethodRecord, keys: StateKeys) => Promise<MethodRecord>,
  ) => {
    const account = fromHex(ada.created.account)
    const keys: StateKeys = {
      account,
      accountKey: randomBytes(32),
      generation: 1,
      keyring: createKeyring(),
    }
    const rootKey = signingPublicKey(keys.keyring.rootSeed)
    const device = deviceKeyOf(generateSigningSeed())
    const salt = accountLogSalt(account, rootKey, device.publicKey)
    const genesis = { ...logOf().genesis, salt }
    const chain = genesisHash(genesis)
    const log = logIdOf(chain)
    const methods = await Promise.all(
      ada.member.account.state().methods.map((method) => wrapFor(method, keys)),
    )
    const drafts = [
      await enrolDraft(
        { account, keyring: keys.keyring, rootKey },
        { publicKey: device.publicKey, label: '' },
      ),
      await stateDraft(keys, methods, 2),
      pinDraft(keys.keyring, server.logs.instanceKey),
      await identityDraft(keys),
      profileDraft(keys.keyring, 'ada'),
    ]
    const position = { seq: 0, chain, at: 0, gov: 0, own: new Map() }
    const place = {
      log,
      rules: 1,
      strict: true,
      position,
      author: log,
      device,
      basis: noPlace,
      clock: 0,
    }
    const signed = await signDrafts(place, drafts)
    const entries = signed.map((entry, i) => ({ ...entry, seq: i + 1, at: 1, gov: 0 }))
    let reached: Bytes = chain
    for (const entry of entries)
      reached = nextChain(reached, headerHash(entry), entry.signature, entry)
    const id = toHex(log)
    server.logs.logs.set(id, {
      genesis,
      rules: logOf().rules,
      view: accountRules.create(genesis),
      entries,
      chain: reached,
    })
    return { ...ada.created, log: id }
  }

  const rewrapped = async (method: MethodRecord, keys: StateKeys): Promise<MethodRecord> => ({
    ...method,
    wrap: await wrapAccountKey(method.publicKey, keys.accountKey, {
      ...keys,
      type: method.type,
      id: method.id,
    }),
  })

  it('is refused by the anchor, which names the true root', async () => {
    const where = await evilLog(rewrapped)
    await expect(unlockFresh(undefined, where)).rejects.toMatchObject({ code: 'account_anchor' })
  })

  it('is refused when it brings an anchor of its own', async () => {
    const where = await evilLog(async (method, keys) => ({
      ...(await rewrapped(method, keys)),
      anchor: randomBytes(60),
    }))
    await expect(unlockFresh(undefined, where)).rejects.toMatchObject({ code: 'account_anchor' })
  })

  it('is refused when it is of another account', async () => {
    const bob = await signUp(server, 'bob')
    const where = { ...ada.created, log: bob.created.log }
    await expect(unlockFresh(undefined, where)).rejects.toMatchObject({ code: 'account_state' })
  })
})
