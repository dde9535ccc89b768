/**
 * Known heads in a register of the account, so that a device that has seen nothing yet knows what the others have seen
 * (docs/formats/register.md, "known-heads"). Best effort: the server can withhold the newest register, or show an old one.
 */
import { type AnswerOf, getRegister, ProblemError, putRegister } from '@hearthold/contract'
import {
  type Bytes,
  ByteReader,
  ByteWriter,
  equalBytes,
  fromB64,
  fromHex,
  IntegrityError,
  openRegister,
  registerKeyVersion,
  sealRegister,
  signRegister,
  toB64,
  toHex,
  utf8,
  verifyRegister,
} from '@hearthold/crypto'
import { type Device, retireReasons } from '@hearthold/model'
import { deviceOf, keyOfVersion, newestKey, type Unlocked } from '../account/unlock.ts'
import { doLater } from './afterwork.ts'
import { headOf, type HeadStore, type KnownHead, newerHead } from './known-heads.ts'

/** Heads by log id in hex. */
export type Heads = ReadonlyMap<string, KnownHead>

const name = 'known-heads'
const magic = utf8('hhh1')
const headBytes = 64
/** What one register of 64 kB holds: the account's own log and the logs that changed last. */
export const headsLimit = 1000
const attempts = 4

/** At most 1,000 heads, those of the newest times; `always` is kept whatever its time. */
export const encodeHeads = (heads: Heads, always: string): Bytes => {
  const rank = ([log, { at }]: [string, KnownHead]): number => (log === always ? Infinity : at)
  const kept = [...heads].sort((a, b) => (rank(b) === rank(a) ? 0 : rank(b) - rank(a)))
  const listed = kept.slice(0, headsLimit)
  const writer = new ByteWriter(8 + listed.length * headBytes).bytes(magic).u32(listed.length)
  for (const [log, { seq, chain, at }] of listed) {
    writer.bytes(fromHex(log)).u64(seq).bytes(fromHex(chain)).u64(at)
  }
  return writer.finish()
}

/** Throws IntegrityError('malformed') for other bytes, and for a log that is named twice. */
export const decodeHeads = (bytes: Uint8Array): Heads => {
  const reader = new ByteReader(bytes)
  if (!equalBytes(reader.bytes(4), magic)) throw new IntegrityError('malformed', 'Not known heads.')
  const count = reader.u32()
  const heads = new Map<string, KnownHead>()
  for (let i = 0; i < count; i++) {
    const log = toHex(reader.bytes(16))
    const seq = reader.u64()
    heads.set(log, { seq, chain: toHex(reader.bytes(32)), at: reader.u64() })
  }
  reader.end()
  if (heads.size !== count) throw new IntegrityError('malformed', 'A log is named twice.')
  return heads
}

type Read = { readonly version: number; readonly heads: Heads }
const nothing: Heads = new Map()

const writerOf = async (member: Unlocked, id: string): Promise<Device> => {
  const { account } = member
  if (!account.view.devices.has(id)) await account.replica.sync()
  const device = account.view.devices.get(id)
  if (device) return device
  throw new IntegrityError('register', 'The register is not signed by a device of the account.')
}

/** What the register says; nothing where its last writer was revoked since: that device could have made it up. */
const openHeads = async (
  member: Unlocked,
  answer: AnswerOf<typeof getRegister>,
): Promise<Heads> => {
  const { version, device } = answer
  const writer = await writerOf(member, device)
  const sealed = fromB64(answer.sealedValue)
  const place = { owner: fromHex(member.accountId), name, version }
  await verifyRegister(writer.publicKey, place, sealed, fromHex(answer.signature))
  if (writer.retiredReason === retireReasons.revoked) return nothing
  const keyVersion = registerKeyVersion(sealed)
  const key = await keyOfVersion(member, 'settings', keyVersion)
  if (!key) throw new IntegrityError('register', 'The register is sealed under an unknown key.')
  return decodeHeads(await openRegister({ version: keyVersion, key }, place, sealed))
}

/** The account's own log was read before its register could be: it is held against it here. */
const checkAccount = async (member: Unlocked, heads: Heads): Promise<void> => {
  const { replica, log } = member.account
  const known = heads.get(log)
  if (!known) return
  if (known.seq > replica.position.seq) await replica.sync()
  const chain = replica.chainAt(known.seq)
  const fits = known.seq <= replica.position.seq && (!chain || toHex(chain) === known.chain)
  if (fits) return
  throw new IntegrityError(
    'account_rolled_back',
    'The server shows an older account than another device of it has seen.',
  )
}

const mergeHeads = (a: Heads, b: Heads): Map<string, KnownHead> => {
  const merged = new Map(a)
  for (const [log, head] of b) merged.set(log, newerHead(merged.get(log), head)!)
  return merged
}

const isSame = (a: Heads, b: Heads): boolean =>
  a.size === b.size && [...a].every(([log, { seq }]) => b.get(log)?.seq === seq)

const has = (error: unknown, code: string): boolean =>
  error instanceof ProblemError && error.code === code

/** Heads of one unlocked account: what this device remembers, and what its other devices have left in the register. */
export class AccountHeads implements HeadStore {
  readonly #member: Unlocked
  /** Seen in this run, and told to no other device yet. */
  readonly #noted = new Map<string, KnownHead>()
  /** Known by other means, as by a signed checkpoint. */
  readonly #learned = new Map<string, KnownHead>()
  #read: Promise<Heads> | undefined
  #seenVersion = 0

  constructor(member: Unlocked) {
    this.#member = member
  }

  /**
   * The heads of the register, read once; none where there is no register. One that does not fit is told to
   * `distrusted`. Throws IntegrityError('account_rolled_back') where it knows a newer account than was shown.
   */
  shared(): Promise<Heads> {
    this.#read ??= this.#load().then(({ heads }) => heads)
    this.#read.catch(() => (this.#read = undefined))
    return this.#read
  }

  async #load(): Promise<Read> {
    const member = this.#member
    let version = 0
    let heads: Heads
    try {
      const answer = await member.context.client.call(getRegister, { query: { name } })
      version = answer.version
      if (answer.name !== name || version < this.#seenVersion) {
        throw new IntegrityError('register', 'The server shows an older register than before.')
      }
      heads = await openHeads(member, answer)
    } catch (error) {
      if (has(error, 'not_found')) return { version: 0, heads: nothing }
      if (!(error instanceof IntegrityError)) throw error
      member.context.distrusted?.(member.account.log, error)
      return { version, heads: nothing }
    }
    this.#seenVersion = version
    await checkAccount(member, heads)
    return { version, heads }
  }

  /** What devices of the account have seen of a log. The register is asked only where this one remembers nothing. */
  async seen(log: string): Promise<KnownHead | undefined> {
    const mine = await this.#member.context.heads.find(log)
    const shared = mine && !this.#read ? undefined : (await this.shared()).get(log)
    return newerHead(mine, shared)
  }

  async find(log: string): Promise<KnownHead | undefined> {
    return newerHead(await this.seen(log), this.#learned.get(log))
  }

  /** Remembers a head here, and in the register once this device is quiet. */
  async put(log: string, head: KnownHead): Promise<void> {
    await this.#member.context.heads.put(log, head)
    this.#noted.set(log, head)
    doLater(this.#member, name, () => this.#write())
  }

  /** A head that something signed by a device of the account names. */
  learn(log: string, head: KnownHead): void {
    this.#learned.set(log, newerHead(this.#learned.get(log), head)!)
  }

  async #write(): Promise<void> {
    const member = this.#member
    if (!member.device || this.#noted.size === 0) return
    for (let attempt = 1; ; attempt++) {
      const noted = new Map(this.#noted)
      const { version, heads } = await this.#load()
      const merged = mergeHeads(heads, noted)
      if (!isSame(heads, merged)) {
        merged.set(member.account.log, headOf(member.account.replica.position))
        try {
          await this.#put(version + 1, merged)
        } catch (error) {
          if (!has(error, 'register_moved') || attempt === attempts) throw error
          continue
        }
      }
      for (const [log, head] of noted) {
        if (this.#noted.get(log) === head) this.#noted.delete(log)
      }
      this.#read = Promise.resolve(merged)
      return
    }
  }

  async #put(version: number, heads: Heads): Promise<void> {
    const member = this.#member
    const { id, seed } = deviceOf(member)
    const place = { owner: fromHex(member.accountId), name, version }
    const value = encodeHeads(heads, member.account.log)
    const sealed = await sealRegister(newestKey(member, 'settings'), place, value)
    const signature = toHex(await signRegister(seed, place, sealed))
    const body = { name, version, device: id, sealedValue: toB64(sealed), signature }
    await member.context.client.call(putRegister, { body })
    this.#seenVersion = version
  }
}

const ofMember = new WeakMap<Unlocked, AccountHeads>()

/** The heads of an unlocked account: one for all that is done under it. */
export const headsOf = (member: Unlocked): AccountHeads => {
  const found = ofMember.get(member)
  if (found) return found
  const made = new AccountHeads(member)
  ofMember.set(member, made)
  return made
}
