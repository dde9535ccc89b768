/** What the demo looks for, and where: names, contents and keys, on the server's disk, on the wire, in browser profiles. */
import { randomBytes } from 'node:crypto'
import { readFile, rm, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { type Find, type Needle, needlesOf, PlaintextScanner } from '../plaintext-scanner.ts'
import { BrowserPerson } from './browser-person.ts'

/** What everybody may fetch from the server: its words are no secret. */
const publicFiles = resolve(import.meta.dirname, '../../apps/web/dist')

const utf16 = ({ bytes, what }: Needle): Needle[] => {
  const little = Buffer.from(bytes.toString('utf8'), 'utf16le')
  return [
    { bytes: little, what: `${what} (UTF-16)` },
    { bytes: Buffer.from(little).swap16(), what: `${what} (UTF-16, swapped)` },
  ]
}

const isName = ({ what }: Needle): boolean => what.startsWith('name ')

/** Names, paths and contents below a folder; names also in the way in which browsers keep texts. */
const folderNeedles = async (folder: string): Promise<Needle[]> => {
  const needles = await needlesOf(folder)
  return [...needles, ...needles.filter(isName).flatMap(utf16)]
}

/** A recovery key, as it is shown and without its hyphens. */
export const recoveryKeyNeedles = (text: string, whose: string): Needle[] => {
  const spellings = [text.trim(), text.replaceAll(/[^0-9A-Za-z]/g, '')]
  const needles = spellings.map((one) => ({
    bytes: Buffer.from(one),
    what: `${whose} recovery key`,
  }))
  return [...needles, ...needles.flatMap(utf16)]
}

/** Every 32-byte key of a file of exported keys: as bytes, in hex and in base64. */
export const exportedKeyNeedles = async (file: string): Promise<Needle[]> => {
  const keys = new Set((await readFile(file, 'utf8')).match(/\b[0-9a-f]{64}\b/g))
  return [...keys].flatMap((hex) => {
    const raw = Buffer.from(hex, 'hex')
    const base64 = raw.toString('base64').slice(0, 42)
    return [raw, Buffer.from(hex), Buffer.from(base64), Buffer.from(raw.toString('base64url'))].map(
      (bytes) => ({ bytes, what: 'a key of a file' }),
    )
  })
}

type Scanned = { readonly finds: Find[]; readonly files: number; readonly bytes: number }

/** A search whose needles can grow, apart from those that were to be found before anything was sealed. */
export class Search {
  readonly #needles: Needle[]
  readonly #known: ReadonlySet<string>

  private constructor(needles: Needle[], known: ReadonlySet<string>) {
    this.#needles = needles
    this.#known = known
  }

  /**
   * A search for what a folder holds. What already stands in `before` (folders) or in the app that everybody may fetch
   * proves nothing, and is left out.
   */
  static async of(folder: string, before: readonly string[]): Promise<Search> {
    const needles = await folderNeedles(folder)
    const scanner = new PlaintextScanner(needles)
    const known = new Set<string>()
    for (const place of [publicFiles, ...before]) {
      for (const { what } of (await scanner.scanFolder(place)).finds) known.add(what)
    }
    return new Search(
      needles.filter(({ what }) => !known.has(what)),
      known,
    )
  }

  get needles(): number {
    return this.#needles.length
  }

  /** Names and pieces of contents that are no secret. */
  get leftOut(): number {
    return this.#known.size
  }

  /** Something that is to be found wherever it stands. Undefined where the folder has nothing that could tell. */
  get marker(): Needle | undefined {
    return this.#needles.find((needle) => !isName(needle)) ?? this.#needles[0]
  }

  add(needles: readonly Needle[]): void {
    this.#needles.push(...needles)
  }

  scan(folder: string): Promise<Scanned> {
    return new PlaintextScanner(this.#needles).scanFolder(folder)
  }
}

const finds = async (search: Search, folder: string, { what }: Needle): Promise<boolean> =>
  (await search.scan(folder)).finds.some((find) => find.what === what)

/** Writes the marker beside what the server stores: it must be found there. */
export const findsOnDisk = async (search: Search, folder: string): Promise<boolean> => {
  const { marker } = search
  if (!marker) return false
  const file = join(folder, 'planted-marker')
  await writeFile(file, Buffer.concat([randomBytes(1234), marker.bytes, randomBytes(99)]))
  try {
    return await finds(search, folder, marker)
  } finally {
    await rm(file)
  }
}

/**
 * A browser that does what ours never may: it sends the marker in a request, and keeps it in its database, in its cache
 * and in its storage. True where all of that is found in `places` and in the profile, which proves both searches.
 */
export const findsInBrowser = async (
  search: Search,
  origin: string,
  profile: string,
): Promise<boolean> => {
  const { marker } = search
  if (!marker) return false
  const careless = await BrowserPerson.open(origin, profile, { passkeys: false })
  try {
    await careless.page.goto(`${origin}/sign-in`)
    await careless.page.evaluate(keepAndSend, [...marker.bytes])
  } finally {
    await careless.close()
  }
  const { finds: kept } = await search.scan(profile)
  const places = new Set(
    kept.filter(({ what }) => what === marker.what).map(({ file }) => placeOf(file)),
  )
  return places.has('IndexedDB') && places.has('CacheStorage')
}

const placeOf = (file: string): string =>
  ['IndexedDB', 'CacheStorage'].find((part) => file.includes(part)) ?? file

/** Runs in the page. */
const keepAndSend = async (values: number[]): Promise<void> => {
  const bytes = new Uint8Array(values)
  await fetch('/api/session', { method: 'POST', body: bytes }).catch(() => undefined)
  const cache = await caches.open('planted')
  await cache.put('/planted', new Response(bytes))
  await new Promise<void>((done, fail) => {
    const opening = indexedDB.open('planted')
    opening.addEventListener('upgradeneeded', () => opening.result.createObjectStore('kept'))
    opening.addEventListener('error', () => fail(new Error('no database')))
    opening.addEventListener('success', () => {
      const writing = opening.result.transaction('kept', 'readwrite')
      writing.objectStore('kept').put(bytes, 'marker')
      writing.addEventListener('complete', () => {
        opening.result.close()
        done()
      })
    })
  })
}
