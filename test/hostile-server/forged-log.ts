/**
 * A log as a lying server serves it: it owns the stamps, the order, the chain and the key of its receipts, so all of
 * these fit whatever it made of the entries. What it does not own is the members' keys.
 */
import { readLog } from '@hearthold/contract'
import {
  type Bytes,
  decodePage,
  encodePage,
  fromHex,
  type Genesis,
  genesisHash,
  headerHash,
  type LogPage,
  nextChain,
  type Receipt,
  signReceipt,
  type StampedEntry,
} from '@hearthold/crypto'
import type { Client, TransportRequest } from '@hearthold/client'
import { answerInstead, type Lie } from './answers.ts'

export type ForgedLog = {
  /** The id under which it is served. */
  readonly log: Bytes
  readonly genesis: Genesis
  readonly entries: readonly StampedEntry[]
  /** What its receipts say; as its entries are, if absent. */
  readonly receipt?: (honest: Receipt) => Promise<Receipt> | Receipt
}

export const chainOf = (genesis: Genesis, entries: readonly StampedEntry[]): Bytes => {
  let chain = genesisHash(genesis)
  for (const entry of entries) chain = nextChain(chain, headerHash(entry), entry.signature, entry)
  return chain
}

/** The whole log as the honest server has it. */
export const readHonestly = async (client: Client, log: string): Promise<ForgedLog> => {
  const entries: StampedEntry[] = []
  let page: LogPage
  do {
    page = decodePage(
      await client.call(readLog, { params: { log }, query: { after: entries.length } }),
    )
    entries.push(...page.entries)
  } while (page.entries.length > 0 && entries.length < page.receipt.seq)
  return { log: fromHex(log), genesis: page.genesis, entries }
}

/** Numbers from 1 in the order given, and times that never go back: what can be seen of a stamp alone is right. */
export const renumbered = (entries: readonly StampedEntry[]): StampedEntry[] => {
  let newest = 0
  return entries.map((entry, i) => {
    newest = Math.max(newest, entry.at)
    return { ...entry, seq: i + 1, at: newest }
  })
}

export const receiptOf = async (forged: ForgedLog, seed: Uint8Array): Promise<Receipt> => {
  const { log, genesis, entries } = forged
  const last = entries.at(-1)
  const chain = chainOf(genesis, entries)
  const head = { log, chain, seq: last?.seq ?? 0, at: last?.at ?? 0 }
  const receipt = await signReceipt(head, seed)
  return forged.receipt ? forged.receipt(receipt) : receipt
}

const pageOf = async (forged: ForgedLog, after: number, seed: Uint8Array): Promise<Bytes> => {
  const entries = forged.entries.slice(after, after + 500)
  const receipt = await receiptOf(forged, seed)
  return encodePage({ log: forged.log, genesis: forged.genesis, after, entries, receipt })
}

const asked = (request: TransportRequest): { log: string; after: number } => {
  const url = new URL(request.url, 'http://server')
  return { log: url.pathname.split('/')[3]!, after: Number(url.searchParams.get('after')) }
}

/** Serves `forged` for its id; all other logs as they are. `seed` signs its receipts. */
export const serve = (forged: ForgedLog, seed: Uint8Array): Lie => {
  const id = Buffer.from(forged.log).toString('hex')
  const lie = answerInstead(readLog, (request) => pageOf(forged, asked(request).after, seed))
  return (next) => {
    const lying = lie(next)
    return (request) => (asked(request).log === id ? lying(request) : next(request))
  }
}
