import { type Bytes, equalBytes, fromHex, type Receipt, signReceipt } from '@hearthold/crypto'
import type { Clock } from '#platform/clock.ts'

type Head = { readonly seq: number; readonly chain: Bytes; readonly at: number }

/** A receipt tells readers when the server last said so: one is used again for this long. */
const freshMs = 60_000
const keptReceipts = 4096

/** The instance's receipts: signed once per log and commit, and again for readers when the last one is old. */
export type Receipts = {
  /** Signs the head that a commit is about to make; its time is the head's. `keep` it once that is committed. */
  sign(log: string, head: Head): Promise<Receipt>
  keep(log: string, receipt: Receipt): void
  /** A receipt of a committed head that is not older than a minute. */
  fresh(log: string, head: Head): Promise<Receipt>
}

export const createReceipts = (instanceSeed: Uint8Array, clock: Clock): Receipts => {
  const kept = new Map<string, Receipt>()

  const sign = (log: string, { seq, chain }: Head, at: number): Promise<Receipt> =>
    signReceipt({ log: fromHex(log), seq, chain, at }, instanceSeed)

  const keep = (log: string, receipt: Receipt): void => {
    kept.delete(log)
    kept.set(log, receipt)
    if (kept.size > keptReceipts) kept.delete(kept.keys().next().value!)
  }

  return {
    sign: (log, head) => sign(log, head, head.at),
    keep,
    fresh: async (log, head) => {
      const now = clock.now()
      const found = kept.get(log)
      const isSame = found?.seq === head.seq && equalBytes(found.chain, head.chain)
      if (isSame && now - found.at < freshMs) return found
      const receipt = await sign(log, head, Math.max(now, head.at))
      keep(log, receipt)
      return receipt
    },
  }
}
