/** A writer of restic repositories for tests: makes what restic makes, and what it never would. */
import { poly1305 } from '@noble/ciphers/_poly1305.js'
import { scrypt } from 'hash-wasm'
import { ResticError } from './restic-error.ts'
import type { ResticSource, ResticType } from './source.ts'
import { hashOf } from './values.ts'

export type Files = Map<string, Uint8Array<ArrayBuffer>>
type Bytes = Uint8Array<ArrayBuffer>

const base64 = (bytes: Uint8Array): string => btoa(String.fromCharCode(...bytes))

/** The files of a fixture: names to base64. */
export const fixtureFiles = (fixture: Readonly<Record<string, string>>): Files =>
  new Map(
    Object.entries(fixture).map(([name, text]) => [
      name,
      Uint8Array.from(atob(text), (character) => character.charCodeAt(0)),
    ]),
  )

const nameOf = (type: ResticType, id: string) => (type === 'config' ? 'config' : `${type}/${id}`)

export type CountingSource = ResticSource & { readonly reads: string[]; readBytes: number }

/** A source over files in memory, which notes what is read. */
export const memorySource = (files: Files): CountingSource => {
  const source: CountingSource = {
    reads: [],
    readBytes: 0,
    list: async (type) =>
      [...files].flatMap(([name, { length }]) =>
        name.startsWith(`${type}/`) ? [{ id: name.slice(type.length + 1), sizeBytes: length }] : [],
      ),
    read: async (type, id, range, signal) => {
      signal?.throwIfAborted()
      const bytes = files.get(nameOf(type, id))
      if (!bytes) throw new ResticError('object_missing', `${nameOf(type, id)} is not there.`)
      source.reads.push(nameOf(type, id))
      const part = range ? bytes.slice(range.offset, range.offset + range.length) : bytes.slice()
      source.readBytes += part.length
      return part
    },
  }
  return source
}

const joined = (...parts: readonly Uint8Array[]): Bytes => {
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.length
  }
  return whole
}

const jsonBytes = (value: unknown): Bytes => new TextEncoder().encode(JSON.stringify(value))

/** AES-256-CTR and Poly1305-AES by their definition. */
export const seal = async (key: Bytes, plain: Bytes): Promise<Bytes> => {
  const aes = (bytes: Bytes) => crypto.subtle.importKey('raw', bytes, 'AES-CTR', false, ['encrypt'])
  const iv = crypto.getRandomValues(new Uint8Array(16))
  const by = { name: 'AES-CTR', counter: iv, length: 128 }
  const ciphertext = await crypto.subtle.encrypt(by, await aes(key.slice(0, 32)), plain)
  const block = await crypto.subtle.encrypt(by, await aes(key.slice(32, 48)), new Uint8Array(16))
  const mac = poly1305(
    new Uint8Array(ciphertext),
    joined(key.subarray(48, 64), new Uint8Array(block)),
  )
  return joined(iv, new Uint8Array(ciphertext), mac)
}

export type Packed = { readonly id: string; readonly plain: Bytes; readonly sizeBytes?: number }
export type IndexedBlob = {
  id: string
  type: string
  offset: number
  length: number
  uncompressed_length?: number
}

export const testPassword = 'geheim'

/** A repository that is written object by object; `files` are what a server would keep. */
export class TestRepository {
  readonly files: Files = new Map()
  readonly key = crypto.getRandomValues(new Uint8Array(64))
  readonly packs: { id: string; blobs: IndexedBlob[] }[] = []

  static async create(version: unknown = 2): Promise<TestRepository> {
    const repository = new TestRepository()
    const id = 'ab'.repeat(32)
    await repository.putSealed(
      'config',
      jsonBytes({ version, id, chunker_polynomial: '25b468838dcb75' }),
    )
    await repository.putKey({})
    return repository
  }

  /** Stores sealed bytes under their hash; a `config` under its name. */
  async putSealed(type: ResticType, plain: Bytes): Promise<string> {
    return this.putRaw(type, await seal(this.key, plain))
  }

  async putRaw(type: ResticType, bytes: Bytes): Promise<string> {
    const id = await hashOf(bytes)
    this.files.set(nameOf(type, id), bytes)
    return id
  }

  /** A key file; what is given replaces what restic would write. */
  async putKey(more: Readonly<Record<string, unknown>>, password = testPassword): Promise<string> {
    const salt = crypto.getRandomValues(new Uint8Array(64))
    const options = { password, salt, costFactor: 16, blockSize: 8, parallelism: 1 }
    const userKey = await scrypt({ ...options, hashLength: 64, outputType: 'binary' })
    const master = {
      mac: { k: base64(this.key.subarray(32, 48)), r: base64(this.key.subarray(48, 64)) },
      encrypt: base64(this.key.subarray(0, 32)),
    }
    const data = base64(await seal(Uint8Array.from(userKey), jsonBytes(master)))
    const file = { kdf: 'scrypt', N: 16, r: 8, p: 1, salt: base64(salt), data, ...more }
    return this.putRaw('keys', jsonBytes(file))
  }

  /** A pack with these blobs, noted for the index. `plain` is what is sealed, packed where `sizeBytes` is given. */
  async putPack(type: 'data' | 'tree', blobs: readonly Packed[]): Promise<string> {
    const sealed = await Promise.all(blobs.map(({ plain }) => seal(this.key, plain)))
    const entries: IndexedBlob[] = []
    let offset = 0
    for (const [index, { id, sizeBytes }] of blobs.entries()) {
      const { length } = sealed[index]!
      const unpacked = sizeBytes === undefined ? {} : { uncompressed_length: sizeBytes }
      entries.push({ id, type, offset, length, ...unpacked })
      offset += length
    }
    // The header is not read here; its length stands last.
    const id = await this.putRaw('data', joined(...sealed, new Uint8Array(36)))
    this.packs.push({ id, blobs: entries })
    return id
  }

  async putBlob(type: 'data' | 'tree', plain: Bytes): Promise<string> {
    const id = await hashOf(plain)
    await this.putPack(type, [{ id, plain }])
    return id
  }

  putTree(nodes: unknown): Promise<string> {
    return this.putBlob('tree', jsonBytes({ nodes }))
  }

  putIndex(more: Readonly<Record<string, unknown>> = {}): Promise<string> {
    return this.putSealed('index', jsonBytes({ packs: this.packs, ...more }))
  }

  putSnapshot(tree: string, more: Readonly<Record<string, unknown>> = {}): Promise<string> {
    const snapshot = { time: '2024-01-02T03:04:05.678901234+01:00', tree, paths: ['/x'] }
    return this.putSealed('snapshots', jsonBytes({ ...snapshot, ...more }))
  }
}

/** A zstd frame by hand: runs of one byte, each of up to 128 KiB out of four bytes; without a size in its header. */
export const zstdRuns = (runs: readonly (readonly [byte: number, count: number])[]): Bytes => {
  const blocks = runs.flatMap(([byte, count], index) => {
    const head = (count << 3) | (1 << 1) | Number(index === runs.length - 1)
    return [head & 0xff, (head >> 8) & 0xff, (head >> 16) & 0xff, byte]
  })
  // Magic number, no flags, a window of 1 MiB.
  return Uint8Array.from([0x28, 0xb5, 0x2f, 0xfd, 0x00, 0x50, ...blocks])
}

export const file = (name: string, content: readonly string[], more = {}) => ({
  ...{ name, type: 'file', mode: 0o644, mtime: '2024-01-02T03:04:05Z', content },
  ...more,
})
export const folder = (name: string, subtree: string, more = {}) => ({
  ...{ name, type: 'dir', mode: 2 ** 31 + 0o755, mtime: '2024-01-02T03:04:05Z', subtree },
  ...more,
})

/** All that an async iterable gives. */
export const collected = async <T>(items: AsyncIterable<T>): Promise<T[]> => {
  const all: T[] = []
  for await (const item of items) all.push(item)
  return all
}

/** The code of the `ResticError` that a promise is refused with. */
export const codeOf = async (work: Promise<unknown>): Promise<string> => {
  try {
    await work
  } catch (error) {
    return error instanceof ResticError ? error.code : `no ResticError: ${String(error)}`
  }
  return 'nothing was thrown'
}
