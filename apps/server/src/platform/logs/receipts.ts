import { type Bytes, fromHex, type Receipt, signReceipt } from '@hearthold/crypto'
import type { Clock } from '#platform/clock.ts'

type Head = { readonly seq: number; readonly chain: Bytes; readonly at: number }

/** A receipt tells readers when the server last said so: one is used again for this long. */
const freshMs = 60_000
const keptReceipts = 4096

/** The instance's receipts: signed once per log and commit, and again for readers when the last one is old. */
export type Receipts = {
  /** Signs the head that a commit has made. Its time is the head's. */
  sign(log: string, head: Head): Promise<Receipt>
  /** A receipt of a committed head that is not older than a minute. */
  fresh(log: string, head: Head): Promise<Receipt>
}

export const createReceipts = (instanceSeed: Uint8Array, clock: Clock): Receipts => {
  const kept = new Map<string, Receipt>()

  const sign = async (log: string, head: Head, at: number): Promise<Receipt> => {
    const { seq, chain } = head
    const receipt = await signReceipt({ log: fromHex(log), seq, chain, at }, instanceSeed)
    const newest = kept.get(log)
    if (newest && newest.seq > seq) return receipt
    kept.delete(log)
    kept.set(log, receipt)
    if (kept.size > keptReceipts) kept.delete(kept.keys().next().value!)
    return receipt
  }

  return {
    sign: (log, head) => sign(log, head, head.at),
    fresh: async (log, head) => {
      const now = clock.now()
      const found = kept.get(log)
      if (found?.seq === head.seq && now - found.at < freshMs) return found
      return sign(log, head, Math.max(now, head.at))
    },
  }
}
