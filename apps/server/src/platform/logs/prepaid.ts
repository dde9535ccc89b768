import { ProblemError } from '@hearthold/contract'
import type { Transaction } from 'kysely'
import type { PreparedAppend } from './append-request.ts'
import type { ObjectAccess } from './object-access.ts'

/** One entry that refers to no object and brings nothing along: it has nothing to take back once it may be applied. */
export const isSimple = ({ parts, references, within }: PreparedAppend): boolean =>
  parts.length === 1 &&
  parts[0]!.entries.length === 1 &&
  !parts[0]!.append.genesis &&
  references.length === 0 &&
  !within

/** Bytes of each account whose appends are several, and all simple. */
const sumsOf = (works: readonly PreparedAppend[]): Map<string, number> => {
  const sums = new Map<string, { sizeBytes: number; count: number }>()
  const others = new Set<string>()
  for (const work of works) {
    const { account } = work.actor
    if (!isSimple(work)) others.add(account)
    const sum = sums.get(account) ?? { sizeBytes: 0, count: 0 }
    sum.sizeBytes += work.sizeBytes
    sum.count++
    sums.set(account, sum)
  }
  const wanted = new Map<string, number>()
  for (const [account, { sizeBytes, count }] of sums)
    if (count > 1 && !others.has(account)) wanted.set(account, sizeBytes)
  return wanted
}

/** What the appends of a batch need is counted once an account; what was not needed is given back at the end. */
export class Prepaid {
  readonly #objects: ObjectAccess
  readonly #trx: Transaction<unknown>
  readonly #left = new Map<string, number>()

  private constructor(objects: ObjectAccess, trx: Transaction<unknown>) {
    this.#objects = objects
    this.#trx = trx
  }

  /** Counts what there is room for as a whole; near the end of a quota each append is counted by itself. */
  static async of(
    works: readonly PreparedAppend[],
    objects: ObjectAccess,
    trx: Transaction<unknown>,
  ): Promise<Prepaid> {
    const prepaid = new Prepaid(objects, trx)
    for (const [account, sizeBytes] of sumsOf(works)) {
      try {
        await objects.addEntryBytes(trx, account, sizeBytes)
        prepaid.#left.set(account, sizeBytes)
      } catch (error) {
        if (!(error instanceof ProblemError) || error.code !== 'over_quota') throw error
      }
    }
    return prepaid
  }

  /** @throws ProblemError `over_quota` */
  async count(account: string, sizeBytes: number): Promise<void> {
    const left = this.#left.get(account)
    if (left === undefined) await this.#objects.addEntryBytes(this.#trx, account, sizeBytes)
    else this.#left.set(account, left - sizeBytes)
  }

  async giveBack(): Promise<void> {
    for (const [account, left] of this.#left)
      if (left > 0) await this.#objects.addEntryBytes(this.#trx, account, -left)
  }
}
