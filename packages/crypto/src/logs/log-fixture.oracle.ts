/** Test-only: a log written by honest devices and stamped by an honest server, byte for byte repeatable. */
import { type Bytes, concat, utf8 } from '../bytes.ts'
import { sha256 } from '../hash.ts'
import { signingPublicKey } from '../signature.ts'
import { nextChain } from './chain.ts'
import { headerHash, signEntry, type StampedEntry } from './entry.ts'
import { type Genesis, genesisHash, logIdOf } from './genesis.ts'
import { noPlace, type Place } from './header.ts'
import { type Receipt, signReceipt } from './receipt.ts'

const bytesOf = (text: string, length: number): Bytes => sha256(utf8(text)).slice(0, length)

export const instanceSeed = bytesOf('instance', 32)
export const instanceKey = signingPublicKey(instanceSeed)
export const author = bytesOf('author', 16)

export const genesis: Genesis = {
  kind: 2,
  rules: 1,
  founder: author,
  governing: author,
  salt: bytesOf('salt', 32),
}

export type FixtureDevice = { readonly seed: Bytes; readonly key: Bytes; readonly id: Bytes }
export const fixtureDevice = (name: string): FixtureDevice => {
  const seed = bytesOf(name, 32)
  const key = signingPublicKey(seed)
  return { seed, key, id: bytesOf(`id of ${name}`, 16) }
}

/** Appends entries one by one, as the server would. */
export class FixtureLog {
  readonly id: Bytes
  readonly entries: StampedEntry[] = []
  readonly chains: Bytes[]
  readonly #own = new Map<FixtureDevice, { own: number; hash: Bytes }>()

  constructor(readonlyGenesis: Genesis = genesis) {
    const zero = genesisHash(readonlyGenesis)
    this.id = logIdOf(zero)
    this.chains = [zero]
  }

  get head(): Place {
    return { seq: this.entries.length, chain: this.chains.at(-1)! }
  }

  async append(
    device: FixtureDevice,
    text: string,
    options: { seen?: Place; gov?: number; at?: number; author?: Bytes } = {},
  ): Promise<StampedEntry> {
    const previous = this.#own.get(device)
    const seq = this.entries.length + 1
    const signed = await signEntry(
      {
        rules: 1,
        kind: 2,
        log: this.id,
        author: options.author ?? author,
        device: device.id,
        own: (previous?.own ?? 0) + 1,
        ownPrev: previous?.hash ?? new Uint8Array(32),
        seen: options.seen ?? this.head,
        basis: noPlace,
        clock: 1_800_000_000_000 + seq,
        epoch: 1,
      },
      concat(bytesOf(`facts salt ${seq}`, 16), utf8(text)),
      utf8(`body of ${text}`),
      device.seed,
    )
    const stamped = {
      ...signed,
      seq,
      at: options.at ?? 1_800_000_000_500 + seq,
      gov: options.gov ?? 3,
    }
    this.entries.push(stamped)
    this.#own.set(device, { own: signed.header.own, hash: headerHash(signed) })
    this.chains.push(nextChain(this.chains.at(-1)!, headerHash(signed), signed.signature, stamped))
    return stamped
  }

  receipt(): Promise<Receipt> {
    const { seq, chain } = this.head
    return signReceipt({ log: this.id, seq, chain, at: this.entries.at(-1)?.at ?? 0 }, instanceSeed)
  }
}
