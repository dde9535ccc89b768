/** All that a page may read of what its browser keeps: databases, caches, web storage and files of its own. */
import type { Page } from 'playwright-core'

/** Runs in the page: everything as bytes, in base64, and how many keys could be taken out of their database. */
const dump = async (): Promise<{ base64: string; extractable: number; values: number }> => {
  const parts: BlobPart[] = []
  let extractable = 0
  let values = 0
  const take = (value: unknown): void => {
    values++
    if (typeof value === 'string') parts.push(value, '\n')
    else if (value instanceof Blob || value instanceof ArrayBuffer) parts.push(value, '\n')
    else if (ArrayBuffer.isView(value)) parts.push(value as Uint8Array<ArrayBuffer>, '\n')
    else if (value instanceof CryptoKey) extractable += value.extractable ? 1 : 0
    else if (value instanceof Map) for (const pair of value) take(pair)
    else if (value instanceof Set || Array.isArray(value)) for (const one of value) take(one)
    else if (typeof value === 'object' && value !== null)
      for (const one of Object.entries(value)) take(one)
    else parts.push(String(value), '\n')
  }
  const asked = <T>(request: IDBRequest<T>): Promise<T> =>
    new Promise((resolve, reject) => {
      request.addEventListener('success', () => resolve(request.result))
      request.addEventListener('error', () => reject(new Error('The database does not open.')))
    })
  const databases = async (): Promise<void> => {
    for (const { name = '' } of await indexedDB.databases()) {
      const database = await asked(indexedDB.open(name))
      take(name)
      for (const store of database.objectStoreNames) {
        const area = database.transaction(store).objectStore(store)
        const [keys, all] = await Promise.all([asked(area.getAllKeys()), asked(area.getAll())])
        take([store, keys, all])
      }
      database.close()
    }
  }
  const kept = async (): Promise<void> => {
    for (const name of await caches.keys()) {
      take(name)
      const cache = await caches.open(name)
      for (const request of await cache.keys()) {
        const response = await cache.match(request)
        // Files of the app, that everybody may fetch, are only named.
        if (/\/(assets\/|service-worker|icon|manifest|$)/.test(request.url)) take(request.url)
        else take([request.url, await response?.blob()])
      }
    }
  }
  const files = async (folder: FileSystemDirectoryHandle): Promise<void> => {
    for await (const [name, handle] of folder.entries()) {
      take(name)
      if (handle.kind === 'file') take(await handle.getFile())
      else await files(handle)
    }
  }
  take([{ ...localStorage }, { ...sessionStorage }, document.cookie, document.title, location.href])
  take(history.state)
  await databases()
  await kept()
  await files(await navigator.storage.getDirectory())
  const bytes = new Uint8Array(await new Blob(parts).arrayBuffer())
  let base64 = ''
  for (let at = 0; at < bytes.length; at += 30_000) {
    base64 += btoa(String.fromCharCode(...bytes.subarray(at, at + 30_000)))
  }
  return { base64, extractable, values }
}

export type StoreDump = {
  readonly bytes: Buffer
  /** Keys that scripts could read out; 0 is what is expected. */
  readonly extractable: number
  /** How many values were seen. */
  readonly values: number
}

/** What the page's browser keeps at this moment. */
export const dumpStore = async (page: Page): Promise<StoreDump> => {
  const { base64, ...counts } = await page.evaluate(dump)
  return { bytes: Buffer.from(base64, 'base64'), ...counts }
}
