import { type Bytes, equalBytes, toHex } from '../bytes.ts'
import { sha256 } from '../hash.ts'
import { IntegrityError } from '../integrity-error.ts'
import { nextChain } from './chain.ts'
import { headerHash, type StampedEntry, verifyEntrySignature } from './entry.ts'
import { type Genesis, genesisHash, logIdOf } from './genesis.ts'
import { type Place, unstampedChain } from './header.ts'
import { type Receipt, verifyReceipt } from './receipt.ts'
import type { LogPage } from './wire.ts'

/**
 * A device's newest entry in a log: its counter and the hash of its header. `author` (hex) is whose device it was in its
 * first entry: a device writes for one account. Left out by the server alone, which asks for the author itself.
 */
export type OwnHead = {
  readonly own: number
  readonly headerHash: Bytes
  readonly author?: string
}

/** How far a log has been verified; enough to go on from there. */
export type LogPosition = {
  readonly seq: number
  readonly chain: Bytes
  readonly at: number
  readonly gov: number
  /** By device id in hex. */
  readonly own: ReadonlyMap<string, OwnHead>
}

/** Public key of an author's device as the author's account certifies it at number `gov`; undefined if it does not. */
export type DeviceResolver = (
  author: string,
  device: string,
  gov: number,
) => Promise<Uint8Array | undefined> | Uint8Array | undefined

/** Recent chain hashes kept to hold `seen` against; older ones were vouched for by later entries. */
const seenWindow = 8192

/**
 * Verifies a log entry by entry against everything its authors signed and the server stamped (core.md 2).
 * `accept` makes all checks but signatures; `verifySignatures` then checks one signature per device, the newest,
 * which vouches for all of that device before it. Nothing may be used, shown or stored before it returned.
 */
export class LogVerifier {
  readonly log: Bytes
  readonly genesis: Genesis
  readonly #strict: boolean
  readonly #own: Map<string, OwnHead>
  readonly #chains = new Map<number, Bytes>()
  readonly #unverified = new Map<string, StampedEntry>()
  /** Device of the newest entry; undefined right after going on from a position. */
  #last: string | undefined
  #seq: number
  #chain: Bytes
  #at: number
  #gov: number

  /** Throws IntegrityError('log_genesis') if the genesis does not make this log id. */
  constructor(
    log: Uint8Array,
    genesis: Genesis,
    options: { strict: boolean; from?: LogPosition | undefined },
  ) {
    const chainZero = genesisHash(genesis)
    if (!equalBytes(logIdOf(chainZero), log)) {
      throw new IntegrityError('log_genesis', 'The log does not begin as its id says.')
    }
    this.log = log.slice()
    this.genesis = genesis
    this.#strict = options.strict
    const from = options.from
    this.#seq = from?.seq ?? 0
    this.#chain = from?.chain ?? chainZero
    this.#at = from?.at ?? 0
    this.#gov = from?.gov ?? 0
    this.#own = new Map(from?.own)
    this.#remember(0, chainZero)
    this.#remember(this.#seq, this.#chain)
  }

  get position(): LogPosition {
    return {
      seq: this.#seq,
      chain: this.#chain,
      at: this.#at,
      gov: this.#gov,
      own: new Map(this.#own),
    }
  }

  /** Chain hash at a number, where it is still remembered. */
  chainAt(seq: number): Bytes | undefined {
    return this.#chains.get(seq)
  }

  #remember(seq: number, chain: Bytes): void {
    this.#chains.set(seq, chain)
    if (this.#chains.size > seenWindow) {
      for (const old of this.#chains.keys()) {
        if (old === 0) continue
        this.#chains.delete(old)
        break
      }
    }
  }

  /** All checks of one entry but its signature; throws IntegrityError and then must not be used again. */
  accept(entry: StampedEntry): void {
    this.#checkPlace(entry)
    this.#checkOwn(entry)
    this.#checkStamp(entry)
    checkParts(entry)
    const hash = headerHash(entry)
    const device = toHex(entry.header.device)
    const author = toHex(entry.header.author)
    this.#chain = nextChain(this.#chain, hash, entry.signature, entry)
    this.#seq = entry.seq
    this.#at = entry.at
    this.#gov = entry.gov
    this.#remember(this.#seq, this.#chain)
    this.#own.set(device, { own: entry.header.own, headerHash: hash, author })
    this.#unverified.set(device, entry)
    this.#last = device
  }

  #checkPlace({ header, seq }: StampedEntry): void {
    if (!equalBytes(header.log, this.log))
      throw new IntegrityError('log_header', 'Entry of another log.')
    if (seq !== this.#seq + 1)
      throw new IntegrityError('log_chain', 'Entries are missing or out of order.')
    if (this.#strict && header.seen.seq !== seq - 1) {
      throw new IntegrityError('log_chain', 'A strict entry does not follow the one before it.')
    }
    if (header.seen.seq >= seq)
      throw new IntegrityError('log_chain', 'An entry has seen what came after it.')
    if (!this.#followsOwn(header)) this.#checkSeen(header.seen)
  }

  /** A later entry of a strict append: `unstampedChain` and, at the place before it, an entry of its own device. */
  #followsOwn({ seen, own, device }: StampedEntry['header']): boolean {
    if (!this.#strict || own === 1 || !equalBytes(seen.chain, unstampedChain)) return false
    return this.#last === undefined || this.#last === toHex(device)
  }

  #checkSeen(seen: Place): void {
    const known = this.#chains.get(seen.seq)
    if (known && !equalBytes(known, seen.chain)) {
      throw new IntegrityError('log_chain', 'The author has seen another history than this one.')
    }
  }

  #checkOwn({ header }: StampedEntry): void {
    const previous = this.#own.get(toHex(header.device))
    const expectedOwn = (previous?.own ?? 0) + 1
    const expectedPrev = previous?.headerHash ?? new Uint8Array(32)
    if (header.own !== expectedOwn || !equalBytes(header.ownPrev, expectedPrev)) {
      throw new IntegrityError(
        'log_own_chain',
        "A device's entry is missing, doubled or out of order.",
      )
    }
    // One signature vouches for all before it: those must not have been written in another member's name.
    if (previous?.author !== undefined && previous.author !== toHex(header.author)) {
      throw new IntegrityError('log_signature', 'A device writes in the name of two members.')
    }
  }

  #checkStamp({ header, at, gov }: StampedEntry): void {
    if (at < this.#at || gov < this.#gov || gov < header.basis.seq) {
      throw new IntegrityError(
        'log_stamp',
        'The server stamped an entry earlier than one before it.',
      )
    }
  }

  /**
   * Checks the newest signature of each device that wrote since the last call. Throws
   * IntegrityError('log_signature') for a wrong one and for a device that its account does not certify at that point.
   */
  async verifySignatures(resolveDevice: DeviceResolver): Promise<void> {
    for (const [device, entry] of this.#unverified) {
      const publicKey = await resolveDevice(toHex(entry.header.author), device, entry.gov)
      if (!publicKey || !(await verifyEntrySignature(entry, publicKey))) {
        throw new IntegrityError(
          'log_signature',
          'An entry was not signed by a device of its author.',
        )
      }
    }
    this.#unverified.clear()
  }

  /** Holds the server's receipt against the verified head, when the receipt is for it; checks its signature always. */
  async checkReceipt(receipt: Receipt, instanceKey: Uint8Array): Promise<void> {
    if (!equalBytes(receipt.log, this.log))
      throw new IntegrityError('log_receipt', 'Receipt of another log.')
    await verifyReceipt(receipt, instanceKey)
    if (receipt.seq < this.#seq) {
      throw new IntegrityError(
        'log_rolled_back',
        'The server shows an older state than it did before.',
      )
    }
    if (receipt.seq === this.#seq && !equalBytes(receipt.chain, this.#chain)) {
      throw new IntegrityError('log_chain', 'The receipt names another history than the one sent.')
    }
  }

  /** Accepts a whole page that begins where this verifier stands. Signatures and receipt remain to be checked. */
  acceptPage(page: LogPage): void {
    if (
      !equalBytes(page.log, this.log) ||
      !equalBytes(genesisHash(page.genesis), genesisHash(this.genesis))
    ) {
      throw new IntegrityError('log_genesis', 'Another log was sent than the one asked for.')
    }
    if (page.after !== this.#seq)
      throw new IntegrityError('log_chain', 'Another page was sent than the one asked for.')
    for (const entry of page.entries) this.accept(entry)
  }
}

/** Facts and body must be those that the author hashed; where one is missing the caller decides if that was signed. */
const checkParts = ({ header, facts, body }: StampedEntry): void => {
  if (facts && !equalBytes(sha256(facts), header.factsHash)) {
    throw new IntegrityError('log_facts', 'Facts are not those that the author signed.')
  }
  if (body && !equalBytes(sha256(body), header.bodyHash)) {
    throw new IntegrityError('log_body', 'A body is not the one that the author signed.')
  }
}
