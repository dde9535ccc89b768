import {
  accountLogSalt,
  type Bytes,
  certifyDevice,
  createAccountState,
  createIdentityBundle,
  createKeyring,
  createMethod,
  currentIdentity,
  deviceId,
  fromHex,
  generateSigningSeed,
  type Genesis,
  genesisHash,
  headerHash,
  type LogAppend,
  logIdOf,
  makeFacts,
  type MethodRecord,
  methodType,
  noLog,
  noPlace,
  type OwnHead,
  type Place,
  randomBytes,
  randomId,
  type Receipt,
  sealedLogKeyBytes,
  signAccountState,
  type SignedEntry,
  signEntry,
  signingPublicKey,
  toHex,
  unstampedChain,
} from '@hearthold/crypto'
import {
  accountEntryKinds,
  type AccountFacts,
  type Change,
  encodeAccountFacts,
  encodeShareFacts,
  logKinds,
  retireReasons,
  shareEntryKinds,
  type ShareFacts,
} from '@hearthold/model'
import type { LogActor } from './object-access.ts'

/** For tests only: a device, and where it stands in each log. */
export class TestDevice {
  readonly seed = generateSigningSeed()
  readonly key = signingPublicKey(this.seed)
  readonly idBytes = deviceId(this.key)
  readonly id = toHex(this.idBytes)
  readonly own = new Map<string, OwnHead>()
}

type Draft = {
  readonly kind: number
  readonly payload: Uint8Array
  readonly body?: Bytes
  readonly epoch?: number
  readonly basis?: Place
  readonly seen?: Place
  readonly rules?: number
  readonly own?: number
  readonly ownPrev?: Bytes
  readonly author?: Bytes
}

/** For tests only: one log as its member knows it. */
export class TestLog {
  readonly genesis: Genesis
  readonly chainZero: Bytes
  readonly idBytes: Bytes
  readonly id: string
  /** What the member has seen last. */
  head: Place

  constructor(genesis: Genesis) {
    this.genesis = genesis
    this.chainZero = genesisHash(genesis)
    this.idBytes = logIdOf(this.chainZero)
    this.id = toHex(this.idBytes)
    this.head = { seq: 0, chain: this.chainZero }
  }

  /** Signs an entry; the device stands one further afterwards. */
  async sign(device: TestDevice, author: Bytes, draft: Draft): Promise<SignedEntry> {
    const newest = device.own.get(this.id)
    const entry = await signEntry(
      {
        rules: draft.rules ?? 1,
        kind: draft.kind,
        log: this.idBytes,
        author: draft.author ?? author,
        device: device.idBytes,
        own: draft.own ?? (newest?.own ?? 0) + 1,
        ownPrev: draft.ownPrev ?? newest?.headerHash ?? new Uint8Array(32),
        seen: draft.seen ?? this.head,
        basis: draft.basis ?? noPlace,
        clock: Date.now(),
        epoch: draft.epoch ?? 1,
      },
      makeFacts(draft.payload),
      draft.body ?? randomBytes(40),
      device.seed,
    )
    device.own.set(this.id, { own: entry.header.own, headerHash: headerHash(entry) })
    return entry
  }

  take(receipt: Receipt): void {
    this.head = { seq: receipt.seq, chain: receipt.chain }
  }
}

const method = (
  account: Bytes,
  type: (typeof methodType)['password' | 'recovery'],
  rootPublicKey: Bytes,
): Promise<MethodRecord> =>
  createMethod(
    randomBytes(type === methodType.password ? 64 : 20),
    { account, type, id: randomId(), generation: 1 },
    { accountKey: randomBytes(32), rootPublicKey },
  )

/** For tests only: a member with an account log, devices and shares; what a client would sign, it signs. */
export class TestMember {
  readonly accountBytes = randomId()
  readonly account = toHex(this.accountBytes)
  readonly keyring = createKeyring()
  readonly rootKey = signingPublicKey(this.keyring.rootSeed)
  readonly device = new TestDevice()
  readonly log = new TestLog({
    kind: logKinds.account,
    rules: 1,
    founder: noLog,
    governing: noLog,
    salt: accountLogSalt(this.accountBytes, this.rootKey, this.device.key),
  })
  readonly actor: LogActor = { account: this.account, log: this.log.id }
  methods: MethodRecord[] = []

  /** An account entry; `index` is its place in its append. */
  async accountEntry(
    facts: AccountFacts,
    options: Partial<Draft> & { device?: TestDevice; index?: number } = {},
  ): Promise<SignedEntry> {
    const { device = this.device, index = 0, ...draft } = options
    const { seq } = this.log.head
    const seen = index === 0 ? this.log.head : { seq: seq + index, chain: unstampedChain }
    const payload = encodeAccountFacts(facts)
    const kind = accountEntryKinds[facts.entry]
    const empty = facts.entry === 'pin' || facts.entry === 'identity' || facts.entry === 'retire'
    const body = empty ? new Uint8Array() : randomBytes(60)
    return this.log.sign(device, this.log.idBytes, { kind, payload, seen, body, ...draft })
  }

  async enrolFacts(device: TestDevice): Promise<AccountFacts> {
    const { rootSeed } = this.keyring
    const certificate = await certifyDevice(rootSeed, this.accountBytes, device.key)
    const { accountBytes: accountId, rootKey } = this
    return { entry: 'enrol', accountId, rootKey, deviceKey: device.key, certificate }
  }

  async enrol(device: TestDevice, index = 0): Promise<SignedEntry> {
    return this.accountEntry(await this.enrolFacts(device), { device, index })
  }

  async state(index: number, body: Bytes = randomBytes(200)): Promise<SignedEntry> {
    const counter = this.log.head.seq + index + 1
    const place = { account: this.accountBytes, generation: 1, counter }
    const rootSignature = await signAccountState(
      this.keyring.rootSeed,
      createAccountState(place, body, this.methods),
    )
    const facts = { entry: 'state', generation: 1, methods: this.methods, rootSignature } as const
    return this.accountEntry(facts, { index, body })
  }

  retire(
    device: TestDevice,
    index = 0,
    reason: keyof typeof retireReasons = 'revoked',
  ): Promise<SignedEntry> {
    const facts = {
      entry: 'retire',
      device: device.idBytes,
      reason: retireReasons[reason],
    } as const
    return this.accountEntry(facts, { index })
  }

  profile(index = 0): Promise<SignedEntry> {
    return this.accountEntry({ entry: 'profile' }, { index })
  }

  /** What sign-up appends: enrol, state, pin, identity, profile. */
  async foundingAppend(): Promise<LogAppend> {
    const { accountBytes, rootKey } = this
    this.methods = [
      await method(accountBytes, methodType.password, rootKey),
      await method(accountBytes, methodType.recovery, rootKey),
    ]
    const identity = currentIdentity(this.keyring)
    const bundle = await createIdentityBundle(this.keyring.rootSeed, accountBytes, identity)
    const entries = [
      await this.enrol(this.device),
      await this.state(1),
      await this.accountEntry({ entry: 'pin', instanceKey: randomBytes(32) }, { index: 2 }),
      await this.accountEntry({ entry: 'identity', ...bundle }, { index: 3 }),
      await this.profile(4),
    ]
    return { log: this.log.idBytes, genesis: this.log.genesis, entries }
  }

  append(entries: readonly SignedEntry[]): LogAppend {
    return { log: this.log.idBytes, genesis: undefined, entries }
  }
}

/** For tests only: a private share of a member. */
export class TestShare {
  readonly member: TestMember
  readonly log: TestLog

  constructor(member: TestMember) {
    this.member = member
    const founder = member.log.idBytes
    this.log = new TestLog({
      kind: logKinds.share,
      rules: 1,
      founder,
      governing: founder,
      salt: randomBytes(32),
    })
  }

  entry(
    facts: ShareFacts,
    options: Partial<Draft> & { device?: TestDevice } = {},
  ): Promise<SignedEntry> {
    const { device = this.member.device, ...draft } = options
    const payload = encodeShareFacts(facts)
    const basis = this.member.log.head
    const author = this.member.log.idBytes
    return this.log.sign(device, author, {
      kind: shareEntryKinds[facts.entry],
      payload,
      basis,
      ...draft,
    })
  }

  async foundingAppend(): Promise<LogAppend> {
    const sealedLogKey = randomBytes(sealedLogKeyBytes)
    const facts = { entry: 'found', epoch: 1, domainKeyVersion: 1, sealedLogKey } as const
    return this.append([await this.entry(facts)], true)
  }

  change(
    changes: readonly Change[],
    options: Partial<Draft> & { device?: TestDevice } = {},
  ): Promise<SignedEntry> {
    return this.entry({ entry: 'change', changes }, options)
  }

  /** A new folder in the root. */
  folder(
    options: Partial<Draft> & { device?: TestDevice; node?: string } = {},
  ): Promise<SignedEntry> {
    const { node = newNode(), ...rest } = options
    return this.change([{ op: 'add-folder', node, parent: this.log.id }], rest)
  }

  fence(epoch: number, options: Partial<Draft> = {}): Promise<SignedEntry> {
    const sealedLogKey = randomBytes(sealedLogKeyBytes)
    return this.entry(
      { entry: 'fence', epoch, domainKeyVersion: 1, sealedLogKey },
      { epoch, ...options },
    )
  }

  append(entries: readonly SignedEntry[], founds = false): LogAppend {
    return { log: this.log.idBytes, genesis: founds ? this.log.genesis : undefined, entries }
  }
}

/** For tests only: a node or object id. */
export const newNode = (): string => toHex(randomId())
export const bytesOf = (id: string): Bytes => fromHex(id)
