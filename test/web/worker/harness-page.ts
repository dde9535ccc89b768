/** The page of the worker's tests: what the app's pages do, without their looks. Built by worker-page.ts. */
import { proxy } from 'comlink'
import type {
  AccountStatus,
  Transfer,
  UploadItem,
  WorkerEvent,
} from '../../../apps/web/src/workers/account/api.ts'
import { connectAccount } from '../../../apps/web/src/workers/account/connect.ts'
import * as downloads from '../../../apps/web/src/workers/downloads.ts'

declare const nextCode: (totpSecret: string) => Promise<string>

const events: WorkerEvent[] = []
const account = connectAccount()
void account.subscribe(proxy((event: WorkerEvent) => void events.push(event)))

const hex = (bytes: ArrayBuffer): string =>
  Array.from(new Uint8Array(bytes), (byte) => byte.toString(16).padStart(2, '0')).join('')

const newest = (id: string): Transfer | undefined => {
  const event = events.findLast((one) => one.type === 'transfer' && one.transfer.id === id)
  return event?.type === 'transfer' ? event.transfer : undefined
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

/** Resolves with a transfer once it has ended. */
const ended = async (id: string): Promise<Transfer> => {
  for (;;) {
    const found = newest(id)
    if (found && ['done', 'failed', 'cancelled'].includes(found.state)) return found
    await pause(20)
  }
}

const begin = async (
  share: string,
  folder: string,
  title: string,
  items: readonly UploadItem[],
): Promise<string> => {
  const { transfers } = account
  const id = await transfers.beginUpload(share, folder, title)
  for (let at = 0; at < items.length; at += 100)
    await transfers.addItems(id, items.slice(at, at + 100))
  await transfers.endItems(id)
  return id
}

/** The same bytes for the same size, in any page: a block that differs by its number. */
const generated = (name: string, sizeBytes: number): File => {
  const block = Uint8Array.from({ length: 65_536 }, (_, i) => (i * 31 + (i >> 8) * 17) & 255)
  const parts = Array.from({ length: sizeBytes / block.length }, (_, i) => {
    const part = block.slice()
    new DataView(part.buffer).setUint32(0, i)
    return part
  })
  return new File(parts, name, { lastModified: 1_700_000_000_000 })
}

const generatedHash = async (sizeBytes: number): Promise<string> =>
  hex(await crypto.subtle.digest('SHA-256', await generated('x', sizeBytes).arrayBuffer()))

const beginGenerated = (share: string, name: string, sizeBytes: number): Promise<string> =>
  begin(share, share, name, [{ kind: 'file', path: name, file: generated(name, sizeBytes) }])

type Chunk = { readonly chunk?: ArrayBuffer; readonly error?: { readonly code: string } }

const pulled = (port: MessagePort): Promise<Chunk> =>
  new Promise((resolve) => {
    port.addEventListener('message', ({ data }: MessageEvent<Chunk>) => resolve(data), {
      once: true,
    })
    port.postMessage({ pull: true })
  })

/** SHA-256 of all that a port gives. */
const hashOf = async (port: MessagePort): Promise<string> => {
  const parts: ArrayBuffer[] = []
  port.start()
  for (;;) {
    const { chunk, error } = await pulled(port)
    if (error) throw new Error(error.code)
    if (!chunk)
      return hex(await crypto.subtle.digest('SHA-256', await new Blob(parts).arrayBuffer()))
    parts.push(chunk)
  }
}

const bytesOf = (value: unknown): BlobPart => {
  if (value instanceof Uint8Array) return value as Uint8Array<ArrayBuffer>
  if (value instanceof CryptoKey) return value.extractable ? 'EXTRACTABLE' : 'key'
  return JSON.stringify(value) ?? ''
}

const requested = <T>(request: IDBRequest<T>): Promise<T> =>
  new Promise((resolve, reject) => {
    request.addEventListener('success', () => resolve(request.result))
    request.addEventListener('error', () => reject(new Error(String(request.error))))
  })

/** Names, keys and values of all databases, caches and web storage of this origin, in base64. */
const rawStore = async (): Promise<string> => {
  const parts: BlobPart[] = [
    JSON.stringify({ ...localStorage }),
    JSON.stringify({ ...sessionStorage }),
  ]
  for (const { name = '' } of await indexedDB.databases()) {
    const database = await requested(indexedDB.open(name))
    parts.push(name)
    for (const store of database.objectStoreNames) {
      const area = database.transaction(store).objectStore(store)
      const [keys, values] = await Promise.all([
        requested(area.getAllKeys()),
        requested(area.getAll()),
      ])
      parts.push(store, JSON.stringify(keys), ...values.map(bytesOf))
    }
    database.close()
  }
  const bytes = new Uint8Array(await new Blob(parts).arrayBuffer())
  let text = ''
  for (let at = 0; at < bytes.length; at += 30_000) {
    text += btoa(String.fromCharCode(...bytes.subarray(at, at + 30_000)))
  }
  return text
}

/** Deletes all databases, as a browser does that evicts them, or a person who clears them. */
const deleteStore = async (): Promise<void> => {
  for (const { name = '' } of await indexedDB.databases()) {
    await requested(indexedDB.deleteDatabase(name))
  }
}

/** Names of the files that downloads are staged in. */
const stagedFiles = async (): Promise<string[]> => {
  const root = await navigator.storage.getDirectory()
  const found: string[] = []
  for await (const folder of root.values()) {
    if (folder.kind !== 'directory') continue
    for await (const name of folder.keys()) found.push(name)
  }
  return found
}

/** The newest transfer of that title, once it has ended. */
const endedOf = (title: string): Promise<Transfer> => {
  const event = events.findLast((one) => one.type === 'transfer' && one.transfer.title === title)
  if (event?.type !== 'transfer') throw new Error('There is no such transfer.')
  return ended(event.transfer.id)
}

/** Ids of items at the top of a share, by their names. */
const idsOf = async (share: string, names: readonly string[]): Promise<string[]> => {
  const sort = { by: 'name', descending: false } as const
  const { rows } = await account.shares.folder(share, null, { sort, from: 0, count: 1000 })
  return rows.filter(({ name }) => names.includes(name)).map(({ id }) => id)
}

const harness = {
  idsOf,
  account,
  downloads,
  events,
  ended,
  hashOf,
  generatedHash,
  rawStore,
  deleteStore,
  stagedFiles,
  endedOf,
  upload: async (share: string, folder: string, title: string, items: readonly UploadItem[]) =>
    ended(await begin(share, folder, title, items)),
  /** Begins, and answers the bytes done once more than `part` of them are. */
  uploadUntil: async (
    share: string,
    name: string,
    sizeBytes: number,
    part: number,
  ): Promise<number> => {
    const id = await beginGenerated(share, name, sizeBytes)
    for (;;) {
      const bytes = newest(id)?.bytes ?? 0
      if (bytes > part * sizeBytes) return bytes
      await pause(10)
    }
  },
  uploadGenerated: async (share: string, name: string, sizeBytes: number) => {
    const transfer = await ended(await beginGenerated(share, name, sizeBytes))
    return { transfer, sha256: await generatedHash(sizeBytes) }
  },
  signUp: async (setUpToken: string, password: string) => {
    let recoveryKey = ''
    const made = await account.identity.createAccount(
      {
        pass: { setUpToken, instanceName: 'Test' },
        name: 'ada',
        way: { kind: 'password', password },
        staySignedIn: true,
      },
      proxy({
        keepRecoveryKey: async (text: string) => void (recoveryKey = text),
        keepTotp: ({ secret }: { secret: string }) => nextCode(secret),
        onWrongCode: () => Promise.reject(new Error('The code was wrong.')),
        makePasskey: () => Promise.reject(new Error('No passkey was asked for.')),
        getAssertion: () => Promise.reject(new Error('No passkey was asked for.')),
      }),
    )
    return { ...made, recoveryKey }
  },
  signIn: (password: string, totpSecret: string, staySignedIn = false): Promise<AccountStatus> =>
    account.identity.signInByPassword(
      { name: 'ada', password, staySignedIn },
      proxy(() => nextCode(totpSecret)),
    ),
}

export type Harness = typeof harness

Object.assign(globalThis, { hearthold: harness })
