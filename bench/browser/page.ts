/** The page of the browser bench: the account worker without the app's looks, and what it is compared with. */
import { proxy } from 'comlink'
// oxlint-disable-next-line import/no-unassigned-import -- it offers what it does as a global
import '../../test/web/worker/harness-page.ts'
import { passkeyCeremonies } from '../../apps/web/src/session/passkey.ts'
import type { Harness } from '../../test/web/worker/harness-page.ts'

const { account, ended } = (globalThis as unknown as { hearthold: Harness }).hearthold
const segmentBytes = 256 * 1024
const sliceBytes = 4 * 1024 * 1024
/** Segments under way at once: WebCrypto works on threads of its own. */
const atOnce = 8

/** A file of `mib` MiB of random bytes, on the disk as a chosen file is. */
const makeFile = async (mib: number): Promise<File> => {
  const root = await navigator.storage.getDirectory()
  const handle = await root.getFileHandle('bench', { create: true })
  const writable = await handle.createWritable()
  const block = new Uint8Array(sliceBytes)
  for (let at = 0; at < block.length; at += 65_536)
    crypto.getRandomValues(block.subarray(at, at + 65_536))
  for (let at = 0; at < mib * 1024 * 1024; at += block.length) {
    new DataView(block.buffer).setUint32(0, at)
    await writable.write(block)
  }
  await writable.close()
  return handle.getFile()
}

const msOf = async (work: () => Promise<unknown>): Promise<number> => {
  const started = performance.now()
  await work()
  return performance.now() - started
}

/** At most `atOnce` promises under way. */
const createCrowd = () => {
  const flying = new Set<Promise<unknown>>()
  return {
    add: async (work: Promise<unknown>): Promise<void> => {
      const one: Promise<unknown> = work.then(() => flying.delete(one))
      flying.add(one)
      if (flying.size >= atOnce) await Promise.race(flying)
    },
    end: () => Promise.all(flying),
  }
}

type Algorithm = { readonly name: 'AES-GCM'; readonly iv: Uint8Array<ArrayBuffer> }

const nonceOf = (count: number): Uint8Array<ArrayBuffer> => {
  const iv = new Uint8Array(12)
  new DataView(iv.buffer).setUint32(0, count)
  return iv
}

/** Reads the file and runs each of its segments through WebCrypto; keeps nothing, sends nothing. */
const bare = async (
  file: File,
  work: (algorithm: Algorithm, segment: Uint8Array<ArrayBuffer>) => Promise<unknown>,
): Promise<void> => {
  const crowd = createCrowd()
  for (let at = 0; at < file.size; at += sliceBytes) {
    const slice = new Uint8Array(await file.slice(at, at + sliceBytes).arrayBuffer())
    for (let from = 0; from < slice.length; from += segmentBytes) {
      const algorithm = { name: 'AES-GCM', iv: nonceOf((at + from) / segmentBytes) } as const
      await crowd.add(work(algorithm, slice.subarray(from, from + segmentBytes)))
    }
  }
  await crowd.end()
}

/** The file as WebCrypto seals it, segment after segment, in another file: what a bare download reads. */
const sealedCopy = async (file: File, key: CryptoKey): Promise<Blob[]> => {
  const segments: Blob[] = []
  for (let at = 0; at < file.size; at += segmentBytes) {
    const algorithm = { name: 'AES-GCM', iv: nonceOf(at / segmentBytes) } as const
    const bytes = await file.slice(at, at + segmentBytes).arrayBuffer()
    segments.push(new Blob([await crypto.subtle.encrypt(algorithm, key, bytes)]))
  }
  return segments
}

const bareOpen = async (segments: readonly Blob[], key: CryptoKey): Promise<void> => {
  const crowd = createCrowd()
  for (const [count, segment] of segments.entries()) {
    const algorithm = { name: 'AES-GCM', iv: nonceOf(count) } as const
    await crowd.add(crypto.subtle.decrypt(algorithm, key, await segment.arrayBuffer()))
  }
  await crowd.end()
}

const upload = async (share: string, name: string, file: File): Promise<void> => {
  const { transfers } = account
  const id = await transfers.beginUpload(share, share, name)
  await transfers.addItems(id, [{ kind: 'file', path: name, file }])
  await transfers.endItems(id)
  const { state } = await ended(id)
  if (state !== 'done') throw new Error(`The upload ended ${state}.`)
}

/** Pulls all bytes out of the worker, as the service worker does. */
const download = async (share: string, name: string): Promise<number> => {
  const options = { sort: { by: 'name', descending: false }, from: 0, count: 100 } as const
  const { rows } = await account.shares.folder(share, null, options)
  const { port } = await account.transfers.download(share, [
    rows.find((row) => row.name === name)!.id,
  ])
  let bytes = 0
  await new Promise<void>((resolve, reject) => {
    port.addEventListener(
      'message',
      ({ data }: MessageEvent<{ chunk?: ArrayBuffer; error?: { code: string } }>) => {
        if (data.error) reject(new Error(data.error.code))
        else if (!data.chunk) resolve()
        else {
          bytes += data.chunk.byteLength
          port.postMessage({ pull: true })
        }
      },
    )
    port.start()
    for (let i = 0; i < atOnce; i++) port.postMessage({ pull: true })
  })
  return bytes
}

/** Milliseconds of each, round by round, one after the other on the same file. */
const transfers = async (mib: number, rounds: number) => {
  const { share } = await account.shares.create('Bench')
  const file = await makeFile(mib)
  const key = await crypto.subtle.generateKey({ name: 'AES-GCM', length: 256 }, false, [
    'encrypt',
    'decrypt',
  ])
  const sealed = await sealedCopy(file, key)
  const ms: Record<'bareSeal' | 'upload' | 'bareOpen' | 'download', number[]> = {
    bareSeal: [],
    upload: [],
    bareOpen: [],
    download: [],
  }
  for (let round = 0; round < rounds; round++) {
    const name = `bench ${round}.bin`
    ms.bareSeal.push(
      await msOf(() => bare(file, (one, bytes) => crypto.subtle.encrypt(one, key, bytes))),
    )
    ms.upload.push(await msOf(() => upload(share, name, file)))
    ms.bareOpen.push(await msOf(() => bareOpen(sealed, key)))
    ms.download.push(
      await msOf(async () => {
        if ((await download(share, name)) !== file.size) throw new Error('Not all of it came.')
      }),
    )
  }
  return { bytes: file.size, ms }
}

/** A share with so many items in its root, made as an upload of empty folders. */
const makeItems = async (count: number): Promise<string> => {
  const { share } = await account.shares.create('Hundred thousand')
  const { transfers: known } = account
  const id = await known.beginUpload(share, share, 'items')
  for (let from = 0; from < count; from += 5000) {
    const items = Array.from({ length: Math.min(5000, count - from) }, (_, i) => ({
      kind: 'folder' as const,
      path: `item number ${from + i}`,
    }))
    await known.addItems(id, items)
  }
  await known.endItems(id)
  const { state } = await ended(id)
  if (state !== 'done') throw new Error(`Making the items ended ${state}.`)
  return share
}

const ceremonies = () => proxy(passkeyCeremonies())

const signUpByPasskey = (setUpToken: string) =>
  account.identity.createAccount(
    {
      pass: { setUpToken, instanceName: 'Bench' },
      name: 'ada',
      way: { kind: 'passkey' },
      staySignedIn: false,
    },
    proxy({
      ...passkeyCeremonies(),
      keepRecoveryKey: () => Promise.resolve(),
      keepTotp: () => Promise.reject(new Error('No authenticator was asked for.')),
      onWrongCode: () => Promise.reject(new Error('No authenticator was asked for.')),
    }),
  )

const verify = (
  pages: readonly string[],
  rest: object,
): Promise<{ ms: number[]; argonMs: number[]; entries: number }> =>
  new Promise((resolve, reject) => {
    const worker = new Worker(new URL('./verify-worker.ts', import.meta.url), { type: 'module' })
    worker.addEventListener(
      'message',
      ({
        data,
      }: MessageEvent<{ ms: number[]; argonMs: number[]; entries: number; error?: string }>) => {
        worker.terminate()
        if (data.error === undefined) resolve(data)
        else reject(new Error(data.error))
      },
    )
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a worker
    worker.postMessage({ pages, ...rest })
  })

const unlockBy = async (way: 'passkey' | 'password', password: string): Promise<number> => {
  const { identity } = account
  const status = await identity.status()
  if (status.at !== 'locked') throw new Error(`The page is ${status.at}, not locked.`)
  return msOf(async () => {
    const now =
      way === 'passkey'
        ? await identity.unlockByPasskey(ceremonies())
        : await identity.unlockByPassword(password)
    if (now.at !== 'unlocked') throw new Error('It did not unlock.')
  })
}

declare const nextCode: (totpSecret: string) => Promise<string>

const signUpByPassword = (setUpToken: string, password: string, staySignedIn: boolean) =>
  account.identity.createAccount(
    {
      pass: { setUpToken, instanceName: 'Bench' },
      name: 'ada',
      way: { kind: 'password', password },
      staySignedIn,
    },
    proxy({
      ...passkeyCeremonies(),
      keepRecoveryKey: () => Promise.resolve(),
      keepTotp: ({ secret }: { secret: string }) => nextCode(secret),
      onWrongCode: () => Promise.reject(new Error('The code was wrong.')),
    }),
  )

const benchPage = { transfers, makeItems, signUpByPasskey, signUpByPassword, verify, unlockBy }
export type BenchPage = typeof benchPage

Object.assign(globalThis, { bench: benchPage })
