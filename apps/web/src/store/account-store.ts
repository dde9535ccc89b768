/** What this browser keeps of one account: all of it can be had again from the server, but for the outbox. */
import type { HeadStore, KnownHead, LogAnswer, LogCache, ResumeStore } from '@hearthold/member'
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
  /** The kept page of a log (id in hex) that begins after that entry number. */
  page(log: string, after: number): Promise<Uint8Array | undefined>
  /** Keeps these pages of a log in the place of all that were kept of it. */
  putPages(log: string, pages: readonly LogAnswer[]): Promise<void>
  close(): void
}

const isHead = (value: unknown): value is KnownHead =>
  typeof value === 'object' &&
  value !== null &&
  Number.isSafeInteger((value as KnownHead).seq) &&
  Number.isSafeInteger((value as KnownHead).at) &&
  /^[0-9a-f]{64}$/.test((value as KnownHead).chain)

const isBytes = (value: unknown): value is Uint8Array<ArrayBuffer> => value instanceof Uint8Array

const pageHeadBytes = 12

/** Each page behind its number (u64) and its length in bytes (u32), big-endian. */
const joinPages = (pages: readonly LogAnswer[]): Uint8Array => {
  const all = new Uint8Array(
    pages.reduce((sum, { bytes }) => sum + pageHeadBytes + bytes.length, 0),
  )
  const view = new DataView(all.buffer)
  let at = 0
  for (const { after, bytes } of pages) {
    view.setBigUint64(at, BigInt(after))
    view.setUint32(at + 8, bytes.length)
    all.set(bytes, at + pageHeadBytes)
    at += pageHeadBytes + bytes.length
  }
  return all
}

/** Undefined where it is not among them; what an older version kept in another form holds none. */
const findPage = (all: Uint8Array<ArrayBuffer>, after: number): Uint8Array | undefined => {
  const view = new DataView(all.buffer, all.byteOffset)
  for (let at = 0; at + pageHeadBytes <= all.length;) {
    const begin = at + pageHeadBytes
    const end = begin + view.getUint32(at + 8)
    if (end > all.length) return undefined
    if (view.getBigUint64(at) === BigInt(after)) return all.subarray(begin, end)
    at = end
  }
  return undefined
}

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
    page: async (log, after) => {
      const plain = await sealing.open(place('pages', log), await rows.get('pages', log))
      return plain && findPage(plain, after)
    },
    putPages: async (log, pages) =>
      rows.put('pages', log, await sealing.seal(place('pages', log), joinPages(pages))),
    close: () => rows.close(),
  }
}
