/** The page of the browser bench: the account worker without the app's looks, and what it is compared with. */
import { proxy } from 'comlink'
// oxlint-disable-next-line import/no-unassigned-import -- it offers what it does as a global
import '../../test/web/worker/harness-page.ts'
import { passkeyCeremonies } from '../../apps/web/src/session/passkey.ts'
import { pullAll } from './pulls.ts'
import { makeRepository, readRepository } from './reader-page.ts'
import type { Harness } from '../../test/web/worker/harness-page.ts'

const { account, ended } = (globalThis as unknown as { hearthold: Harness }).hearthold
const segmentBytes = 256 * 1024
const sliceBytes = 4 * 1024 * 1024
/** Segments under way at once: WebCrypto works on threads of its own. */
const atOnce = 8

/** Writes pieces one after the other into a file on the disk, as a chosen file is. */
const writeFile = async (
  name: string,
  pieces: AsyncIterable<BufferSource> | Iterable<BufferSource>,
): Promise<File> => {
  const root = await navigator.storage.getDirectory()
  const handle = await root.getFileHandle(name, { create: true })
  const writable = await handle.createWritable()
  for await (const piece of pieces) await writable.write(piece)
  await writable.close()
  return handle.getFile()
}

/** Random blocks, no two of them the same. */
function* randomBlocks(mib: number): Generator<Uint8Array<ArrayBuffer>> {
  const block = new Uint8Array(sliceBytes)
  for (let at = 0; at < block.length; at += 65_536)
    crypto.getRandomValues(block.subarray(at, at + 65_536))
  for (let at = 0; at < mib * 1024 * 1024; at += block.length) {
    new DataView(block.buffer).setUint32(0, at)
    yield block.slice()
  }
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

type Step = (algorithm: Algorithm, segment: Uint8Array<ArrayBuffer>) => Promise<unknown>

/** Reads a file in slices of sixteen segments. */
async function* slicesOf(file: File, segment: number): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  for (let at = 0; at < file.size; at += 16 * segment) {
    yield new Uint8Array(await file.slice(at, at + 16 * segment).arrayBuffer())
  }
}

/** Runs each segment through WebCrypto, several at once; keeps nothing, sends nothing. */
const bare = async (
  slices: AsyncIterable<Uint8Array<ArrayBuffer>> | Iterable<Uint8Array<ArrayBuffer>>,
  segment: number,
  step: Step,
): Promise<void> => {
  const crowd = createCrowd()
  let count = 0
  for await (const slice of slices) {
    for (let from = 0; from < slice.length; from += segment) {
      const algorithm = { name: 'AES-GCM', iv: nonceOf(count++) } as const
      await crowd.add(step(algorithm, slice.subarray(from, from + segment)))
    }
  }
  await crowd.end()
}

const sealedBytes = segmentBytes + 16

/** The file's segments as WebCrypto seals them. */
async function* sealedSegments(file: File, key: CryptoKey): AsyncGenerator<ArrayBuffer> {
  let count = 0
  for (let at = 0; at < file.size; at += segmentBytes) {
    const algorithm = { name: 'AES-GCM', iv: nonceOf(count++) } as const
    const bytes = await file.slice(at, at + segmentBytes).arrayBuffer()
    yield await crypto.subtle.encrypt(algorithm, key, bytes)
  }
}

const inMemory = async (file: File): Promise<Uint8Array<ArrayBuffer>[]> => [
  new Uint8Array(await file.arrayBuffer()),
]

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
  return pullAll(port)
}

/** Milliseconds of each, round by round, one after the other on the same file. */
const transfers = async (mib: number, rounds: number) => {
  const { share } = await account.shares.create('Bench')
  const file = await writeFile('bench', randomBlocks(mib))
  const key = await crypto.subtle.generateKey({ name: 'AES-GCM', length: 256 }, false, [
    'encrypt',
    'decrypt',
  ])
  const sealed = await writeFile('bench-sealed', sealedSegments(file, key))
  const seal: Step = (algorithm, bytes) => crypto.subtle.encrypt(algorithm, key, bytes)
  const open: Step = (algorithm, bytes) => crypto.subtle.decrypt(algorithm, key, bytes)
  const works = (name: string): Readonly<Record<string, () => Promise<unknown>>> => ({
    bareSeal: () => bare(slicesOf(file, segmentBytes), segmentBytes, seal),
    upload: () => upload(share, name, file),
    bareOpen: () => bare(slicesOf(sealed, sealedBytes), sealedBytes, open),
    download: async () => {
      if ((await download(share, name)) !== file.size) throw new Error('Not all of it came.')
    },
  })
  const ms: Record<string, number[]> = {}
  const note = (what: string, one: number): void => void (ms[what] ??= []).push(one)
  for (let round = 0; round < rounds; round++) {
    for (const [what, work] of Object.entries(works(`bench ${round}.bin`))) {
      note(what, await msOf(work))
    }
    const [plain, opened] = [await inMemory(file), await inMemory(sealed)]
    note('sealInMemory', await msOf(() => bare(plain, segmentBytes, seal)))
    note('openInMemory', await msOf(() => bare(opened, sealedBytes, open)))
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

const benchPage = {
  transfers,
  makeItems,
  signUpByPasskey,
  signUpByPassword,
  verify,
  unlockBy,
  makeRepository,
  readRepository,
}
export type BenchPage = typeof benchPage

Object.assign(globalThis, { bench: benchPage })
