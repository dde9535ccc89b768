/** What this browser keeps of one account: all of it can be had again from the server, but for the outbox. */
import type { HeadStore, KnownHead, LogCache, ResumeStore } from '@hearthold/member'
import type { Sealing } from './sealing.ts'
import { indexedRows, steadyRows } from './rows.ts'

const areas = ['heads', 'logs', 'pages', 'uploads', 'outbox', 'transfers'] as const
type Area = (typeof areas)[number]

/** Rows whose values are sealed JSON. Keys are random ids, or numbers in order. */
export type SealedRecords<T> = {
  put(key: string, value: T): Promise<void>
  remove(key: string): Promise<void>
  /** In the order of their keys; those that do not open are left out. */
  all(): Promise<[string, T][]>
}

export type AccountStore = {
  readonly heads: HeadStore
  readonly cache: LogCache
  readonly resume: ResumeStore
  outbox<T>(): SealedRecords<T>
  transfers<T>(): SealedRecords<T>
  /** The newest page of a log that holds no entries but a receipt, with the number that it begins after. */
  page(log: string): Promise<{ after: number; bytes: Uint8Array } | undefined>
  putPage(log: string, after: number, bytes: Uint8Array): Promise<void>
  close(): void
}

const isHead = (value: unknown): value is KnownHead =>
  typeof value === 'object' &&
  value !== null &&
  Number.isSafeInteger((value as KnownHead).seq) &&
  Number.isSafeInteger((value as KnownHead).at) &&
  /^[0-9a-f]{64}$/.test((value as KnownHead).chain)

const isBytes = (value: unknown): value is Uint8Array<ArrayBuffer> => value instanceof Uint8Array

/** Opens the store of an account (id in hex). Log states and resume records come sealed by packages/member already. */
export const openAccountStore = (
  account: string,
  sealing: Sealing,
  onUnavailable: () => void,
): AccountStore => {
  const name = `hearthold-${account}`
  const rows = steadyRows(indexedRows<Area>(name, areas), onUnavailable)
  const place = (area: Area, key: string) => `${account}/${area}/${key}`
  const bytesOf = async (area: Area, key: string) => {
    const value = await rows.get(area, key)
    return isBytes(value) ? value : undefined
  }
  const records = <T>(area: Area): SealedRecords<T> => ({
    put: async (key, value) => {
      const plain = new TextEncoder().encode(JSON.stringify(value))
      await rows.put(area, key, await sealing.seal(place(area, key), plain))
    },
    remove: (key) => rows.remove(area, key),
    all: async () => {
      const opened: [string, T][] = []
      for (const [key, sealed] of await rows.entries(area)) {
        const plain = await sealing.open(place(area, key), sealed)
        if (plain) opened.push([key, JSON.parse(new TextDecoder().decode(plain)) as T])
      }
      return opened
    },
  })
  return {
    // Numbers and hashes that the server knows as well; never lowered, also by another tab.
    heads: {
      find: async (log) => {
        const head = await rows.get('heads', log)
        return isHead(head) ? head : undefined
      },
      put: async (log, { seq, chain, at }) => {
        await rows.change('heads', log, (before) =>
          isHead(before) && before.seq >= seq ? undefined : { seq, chain, at },
        )
      },
    },
    cache: {
      load: (log) => bytesOf('logs', log),
      save: (log, sealed) => rows.put('logs', log, sealed),
    },
    resume: {
      find: (key) => bytesOf('uploads', key),
      put: (key, sealed) => rows.put('uploads', key, sealed),
      remove: (key) => rows.remove('uploads', key),
    },
    outbox: <T>() => records<T>('outbox'),
    transfers: <T>() => records<T>('transfers'),
    page: async (log) => {
      const plain = await sealing.open(place('pages', log), await rows.get('pages', log))
      if (!plain) return undefined
      const after = Number(new DataView(plain.buffer).getBigUint64(0))
      return { after, bytes: plain.subarray(8) }
    },
    putPage: async (log, after, bytes) => {
      const plain = new Uint8Array(8 + bytes.length)
      new DataView(plain.buffer).setBigUint64(0, BigInt(after))
      plain.set(bytes, 8)
      await rows.put('pages', log, await sealing.seal(place('pages', log), plain))
    },
    close: () => rows.close(),
  }
}
