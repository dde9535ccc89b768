/** One log, verified on this device: nothing of it is shown before all that its authors signed was checked. */
import type { Client } from '@hearthold/client'
import { readLog } from '@hearthold/contract'
import {
  type Bytes,
  decodePage,
  equalBytes,
  factsPayload,
  fromHex,
  type Genesis,
  headerHash,
  type IntegrityCode,
  IntegrityError,
  type LogPage,
  type LogPosition,
  LogVerifier,
  nextChain,
  type Receipt,
  sha256,
  type SignedEntry,
  type StampedEntry,
  verifyReceipt,
} from '@hearthold/crypto'
import { actOf, type LogRules, type Refusal } from '@hearthold/model'
import { checkKnownHead, headOf, type HeadStore } from './known-heads.ts'
import { createTurns } from './turns.ts'

/** What differs between kinds of logs. */
export type ReplicaKind<View, Facts, Governing> = {
  readonly rules: LogRules<View, Facts, Governing>
  /** True: each entry's signature is checked before the next is judged; false: each device's newest, once a page. */
  readonly everySignature: boolean
  /** The error where the server shows less, or other, than this device has seen. */
  readonly rolledBack: IntegrityCode
  /** Called before anything of a page is judged: brings the governing log up to what the page needs. */
  readonly prepare: (page: LogPage) => Promise<void>
  /** The author's device key as certified at `gov`; `facts` are those of the entry being judged, where known. */
  readonly findDevice: (
    view: View,
    author: string,
    device: string,
    gov: number,
    facts: Facts | undefined,
  ) => Uint8Array | undefined
  readonly governing: () => Governing
  readonly findInstanceKey: (view: View) => Uint8Array | undefined
  /** The facts with what the opened body adds. */
  readonly join: (view: View, entry: StampedEntry, facts: Facts) => Promise<Facts>
  /** Told of each entry that had an effect. */
  readonly applied?: (entry: StampedEntry, facts: Facts) => void
}

/** An entry, or a part of it, that the rules gave no effect. */
export type RefusedEntry = Refusal & { readonly seq: number }

export type ReplicaStart<View> = {
  readonly genesis: Genesis
  readonly position: LogPosition
  readonly view: View
}

const refusalLimit = 1000
const pagesLimit = 100_000
const emptyHash = sha256(new Uint8Array(0))

export class LogReplica<View, Facts, Governing> {
  /** Log id in hex, and as bytes. */
  readonly log: string
  readonly logBytes: Bytes
  /** What the rules refused, the newest 1,000. */
  readonly refused: RefusedEntry[] = []
  readonly #client: Client
  readonly #heads: HeadStore
  readonly #kind: ReplicaKind<View, Facts, Governing>
  readonly #turns = createTurns()
  #state: { readonly verifier: LogVerifier; readonly view: View } | undefined
  #failure: Error | undefined
  #confirmedAt = 0

  constructor(
    where: { client: Client; heads: HeadStore; log: string },
    kind: ReplicaKind<View, Facts, Governing>,
    start?: ReplicaStart<View>,
  ) {
    this.log = where.log
    this.logBytes = fromHex(where.log)
    this.#client = where.client
    this.#heads = where.heads
    this.#kind = kind
    if (start)
      this.#state = { verifier: this.#verifierOf(start.genesis, start.position), view: start.view }
  }

  /** The view as verified so far. Throws RangeError before the first sync. */
  get view(): View {
    return this.#get().view
  }

  get position(): LogPosition {
    return this.#get().verifier.position
  }

  get genesis(): Genesis {
    return this.#get().verifier.genesis
  }

  /** The server's time (ms) of the newest receipt: what is shown was confirmed then, and may have grown since. */
  get confirmedAt(): number {
    return this.#confirmedAt
  }

  /** What `work` makes of place and view while no entry is being taken: between a page's entries they do not fit. */
  snapshot<T>(work: (state: ReplicaStart<View>) => T): Promise<T> {
    return this.#turns(async () => {
      const { genesis, position, view } = this
      return work({ genesis, position, view })
    })
  }

  chainAt(seq: number): Bytes | undefined {
    return this.#get().verifier.chainAt(seq)
  }

  #get(): { readonly verifier: LogVerifier; readonly view: View } {
    if (this.#failure) throw this.#failure
    if (!this.#state) throw new RangeError('the log was not read yet')
    return this.#state
  }

  #verifierOf(genesis: Genesis, from?: LogPosition): LogVerifier {
    const { rules } = this.#kind
    if (genesis.kind !== rules.kind) {
      throw new IntegrityError('log_genesis', 'The log is of another kind than expected.')
    }
    if (genesis.rules !== rules.version) {
      throw new IntegrityError(
        'log_unknown_version',
        'The log follows newer rules: update the app.',
      )
    }
    return new LogVerifier(this.logBytes, genesis, { strict: rules.strict, from })
  }

  /**
   * Reads and verifies everything up to the server's newest receipt. Throws IntegrityError for whatever does not
   * fit; after that this replica refuses all further use. Problems of the network leave it as it was.
   */
  sync(signal?: AbortSignal): Promise<void> {
    return this.#turns(() => this.#sync(signal))
  }

  async #sync(signal: AbortSignal | undefined): Promise<void> {
    const known = await this.#heads.find(this.log)
    for (let pages = 0; pages < pagesLimit; pages++) {
      if (this.#failure) throw this.#failure
      const after = this.#state?.verifier.position.seq ?? 0
      const bytes = await this.#client.call(readLog, {
        params: { log: this.log },
        query: { after },
        signal,
      })
      const page = decodePage(bytes)
      await this.#kind.prepare(page)
      await this.#guarded(() => this.#take(page, known))
      const { seq } = this.position
      if (page.receipt.seq <= seq) return this.#settle(known?.seq ?? 0, page.receipt)
      if (page.entries.length === 0) {
        throw new IntegrityError(
          'log_withheld',
          'The server keeps entries back that its receipt counts.',
        )
      }
    }
    throw new IntegrityError('log_withheld', 'The server never comes to an end of the log.')
  }

  async #settle(knownSeq: number, receipt: Receipt): Promise<void> {
    const { position } = this
    if (position.seq < knownSeq) {
      throw new IntegrityError(
        this.#kind.rolledBack,
        'The server shows an older state than this device has seen.',
      )
    }
    this.#confirmedAt = receipt.at
    if (position.seq > knownSeq) await this.#heads.put(this.log, headOf(position))
  }

  /**
   * Whatever fails while entries are taken leaves verifier and view apart, so that neither is used again. A lie ends
   * the use of this log; after anything else (the network, while keys are fetched) the next sync begins anew.
   */
  async #guarded<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work()
    } catch (error) {
      if (error instanceof IntegrityError) this.#failure = error
      this.#state = undefined
      throw error
    }
  }

  async #take(
    page: LogPage,
    known: { seq: number; chain: string; at: number } | undefined,
  ): Promise<void> {
    this.#state ??= {
      verifier: this.#verifierOf(page.genesis),
      view: this.#kind.rules.create(page.genesis),
    }
    const { verifier, view } = this.#state
    const after = verifier.position.seq
    if (this.#kind.everySignature) await this.#takeOneByOne(page)
    else {
      verifier.acceptPage(page)
      await verifier.verifySignatures((author, device, gov) =>
        this.#kind.findDevice(view, author, device, gov, undefined),
      )
      for (const entry of page.entries) await this.#judge(entry, this.#decode(entry))
    }
    const { seq } = verifier.position
    checkKnownHead(
      known,
      { after, seq, chainAt: (at) => verifier.chainAt(at) },
      this.#kind.rolledBack,
    )
    await this.#checkReceipt(page.receipt)
  }

  async #takeOneByOne(page: LogPage): Promise<void> {
    const { verifier, view } = this.#get()
    verifier.acceptPage({ ...page, entries: [] })
    for (const entry of page.entries) {
      const facts = this.#decode(entry)
      verifier.accept(entry)
      await verifier.verifySignatures((author, device, gov) =>
        this.#kind.findDevice(view, author, device, gov, facts),
      )
      await this.#judge(entry, facts)
    }
  }

  #decode(entry: StampedEntry): Facts {
    const { rules } = this.#kind
    if (entry.header.rules !== rules.version) {
      throw new IntegrityError(
        'log_unknown_version',
        'An entry follows newer rules: update the app.',
      )
    }
    const bodyless = entry.body === undefined && !equalBytes(entry.header.bodyHash, emptyHash)
    if (entry.facts === undefined || bodyless) {
      throw new IntegrityError(
        'log_withheld',
        'A part of an entry is missing without a signed erasure.',
      )
    }
    return rules.decode(entry.header.kind, factsPayload(entry.facts))
  }

  /** Decides again what the server has decided, on what readers see; what breaks the rules has no effect. */
  async #judge(entry: StampedEntry, facts: Facts): Promise<void> {
    const { rules, join } = this.#kind
    const { view } = this.#get()
    const unsigned = await rules.verify(view, actOf(entry, facts))
    if (unsigned) return this.#refuse(entry.seq, unsigned)
    const opened = await join(view, entry, facts)
    this.#apply(entry, opened)
  }

  #apply(entry: StampedEntry, facts: Facts): void {
    const { rules, governing, applied } = this.#kind
    const { view } = this.#get()
    const act = actOf(entry, facts)
    // Who may not write here has no effect; of a batch that may, what fits still has.
    const refusal = rules.permits(view, act, governing())
    const refusals = refusal ? [refusal] : rules.apply(view, act).refusals
    for (const one of refusals) this.#refuse(entry.seq, one)
    if (refusals.length === 0) applied?.(entry, facts)
  }

  #refuse(seq: number, refusal: Refusal): void {
    if (this.refused.length === refusalLimit) this.refused.shift()
    this.refused.push({ ...refusal, seq })
  }

  async #checkReceipt(receipt: Receipt): Promise<void> {
    const { verifier, view } = this.#get()
    const instanceKey = this.#kind.findInstanceKey(view)
    if (!instanceKey) {
      throw new IntegrityError(
        'instance_key',
        'The account names no instance whose receipts it trusts.',
      )
    }
    try {
      await verifier.checkReceipt(receipt, instanceKey)
    } catch (error) {
      const rolledBack = error instanceof IntegrityError && error.code === 'log_rolled_back'
      if (!rolledBack) throw error
      throw new IntegrityError(this.#kind.rolledBack, error.message, { cause: error })
    }
  }

  /**
   * Takes entries that this device has just appended, by the receipt alone. False where the receipt does not say
   * that they follow at once (others wrote in between, or the stamp was another): then `sync` brings them.
   */
  acceptAppended(
    entries: readonly SignedEntry[],
    facts: readonly Facts[],
    receipt: Receipt,
    gov: number,
  ): Promise<boolean> {
    return this.#turns(async () => {
      if (this.#failure) throw this.#failure
      const { verifier, view } = this.#get()
      const instanceKey = this.#kind.findInstanceKey(view)
      if (!instanceKey) return false
      await verifyReceipt(receipt, instanceKey)
      const stamped = this.#stamped(entries, receipt, gov)
      if (!stamped) return false
      await this.#guarded(async () => {
        for (const [i, entry] of stamped.entries()) {
          verifier.accept(entry)
          // Also one's own: a device that retires itself here could not be found by the next page any more.
          await verifier.verifySignatures((author, device, at) =>
            this.#kind.findDevice(view, author, device, at, facts[i]),
          )
          this.#apply(entry, facts[i]!)
        }
        await this.#checkReceipt(receipt)
      })
      await this.#settle(0, receipt)
      return true
    })
  }

  /** The entries with the stamps that lead exactly to the receipt, or undefined where other stamps were given. */
  #stamped(
    entries: readonly SignedEntry[],
    receipt: Receipt,
    gov: number,
  ): StampedEntry[] | undefined {
    const { seq, chain, at } = this.position
    if (receipt.seq !== seq + entries.length || receipt.at < at) return undefined
    let reached: Uint8Array = chain
    const stamped = entries.map((entry, i) => ({ ...entry, seq: seq + 1 + i, at: receipt.at, gov }))
    for (const entry of stamped)
      reached = nextChain(reached, headerHash(entry), entry.signature, entry)
    return equalBytes(reached, receipt.chain) ? stamped : undefined
  }

  /** True where the newest verified entry of this device is this one: an append whose answer was lost went through. */
  endsWith(device: string, entry: SignedEntry): boolean {
    const head = this.position.own.get(device)
    return head !== undefined && equalBytes(head.headerHash, headerHash(entry))
  }
}
