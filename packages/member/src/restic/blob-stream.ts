import type { BlobIndex, BlobPlace } from './blob-index.ts'
import { checkBlobSize, dataLimitBytes, openBlob, readBlobAt, readPack } from './blob.ts'
import { indexOf, missingBlob } from './index-files.ts'
import { resticLimits } from './limits.ts'
import type { ResticRepository } from './repository.ts'
import { ResticError } from './restic-error.ts'

/** A blob to read, and whatever the caller wants to find it by in the answers. */
export type WantedBlob<Item> = { readonly item: Item; readonly id: string }
export type BlobAnswer<Item> =
  | { readonly item: Item; readonly bytes: Uint8Array<ArrayBuffer>; readonly error?: undefined }
  | { readonly item: Item; readonly bytes?: undefined; readonly error: ResticError }

export type BlobStreamOptions = {
  readonly signal?: AbortSignal | undefined
  /** The largest blob that is taken; that of files' pieces if absent. */
  readonly limitBytes?: number
  /** Bytes that are fetched in vain to save a request. */
  readonly gapBytes?: number
}

/** Blobs that are looked at together, so that what lies together is fetched together. */
const windowBytes = 8 * 1024 * 1024
const windowBlobs = 2048
const windowsAtOnce = 3
const defaultGapBytes = 128 * 1024

type Opened = Promise<Uint8Array<ArrayBuffer>>
type Slot<Item> = { readonly item: Item; readonly id: string; readonly opened: Opened }

type Run = { readonly pack: string; readonly offset: number; end: number; readonly places: Place[] }
type Place = {
  readonly place: BlobPlace
  readonly resolve: (bytes: Uint8Array<ArrayBuffer>) => void
  readonly reject: (error: unknown) => void
}

/** Requests for places: by pack and position, neighbours together. */
const planRuns = (places: readonly Place[], gapBytes: number): Run[] => {
  const sorted = places.toSorted(({ place: one }, { place: other }) =>
    one.pack === other.pack ? one.offset - other.offset : one.pack < other.pack ? -1 : 1,
  )
  const runs: Run[] = []
  for (const wanted of sorted) {
    const { pack, offset, length } = wanted.place
    const last = runs.at(-1)
    const end = offset + length
    if (
      last?.pack === pack &&
      offset - last.end <= gapBytes &&
      Math.max(last.end, end) - last.offset <= resticLimits.requestBytes
    ) {
      last.end = Math.max(last.end, end)
      last.places.push(wanted)
    } else runs.push({ pack, offset, end, places: [wanted] })
  }
  return runs
}

/** Blobs opened at once of one answer: enough that hashing and decrypting overlap. */
const openedAtOnce = 16

const fetchRun = async (
  repository: ResticRepository,
  { pack, offset, end, places }: Run,
  signal: AbortSignal,
): Promise<void> => {
  try {
    const range = { offset, length: end - offset }
    const bytes = await readPack(repository, pack, range, signal)
    for (let at = 0; at < places.length; at += openedAtOnce) {
      await Promise.all(
        places.slice(at, at + openedAtOnce).map(async ({ place, resolve, reject }) => {
          const from = place.offset - offset
          const sealed = bytes.subarray(from, from + place.length)
          await openBlob(repository, place, sealed).then(resolve, reject)
        }),
      )
    }
  } catch (error) {
    for (const { reject } of places) reject(error)
  }
}

type Reading = {
  readonly repository: ResticRepository
  readonly index: BlobIndex
  readonly signal: AbortSignal
  readonly limitBytes: number
  readonly gapBytes: number
}

/** Fetches what a window needs; each blob once. Where the first place of a blob fails its others are tried. */
const startWindow = <Item>(
  { repository, index, signal, limitBytes, gapBytes }: Reading,
  wanted: readonly WantedBlob<Item>[],
): Slot<Item>[] => {
  const blobs = new Map<string, Opened>()
  const fetched: Place[] = []
  const begin = (id: string): Opened => {
    const places = index.placesOf(id)
    const [first] = places
    if (!first) return missingBlob(repository, id).then((error) => Promise.reject(error))
    try {
      checkBlobSize(first, limitBytes)
    } catch (error) {
      return Promise.reject(error)
    }
    const { promise, resolve, reject } = Promise.withResolvers<Uint8Array<ArrayBuffer>>()
    fetched.push({ place: first, resolve, reject })
    return promise.catch((error) => {
      // A request for several may fail for one of them; alone it can still come.
      if (!(error instanceof ResticError)) throw error
      return readBlobAt(repository, places, limitBytes, signal)
    })
  }
  const slots = wanted.map(({ item, id }) => {
    let opened = blobs.get(id)
    if (!opened) {
      opened = begin(id)
      // Heard where its turn comes; until then it is no unhandled failure.
      opened.catch(() => undefined)
      blobs.set(id, opened)
    }
    return { item, id, opened }
  })
  for (const run of planRuns(fetched, gapBytes)) void fetchRun(repository, run, signal)
  return slots
}

type Source<Item> = Iterable<WantedBlob<Item>> | AsyncIterable<WantedBlob<Item>>

/** Windows of what is wanted, each of at most `windowBytes` of different blobs. */
async function* windowsOf<Item>(
  wanted: Source<Item>,
  index: BlobIndex,
): AsyncGenerator<WantedBlob<Item>[]> {
  let window: WantedBlob<Item>[] = []
  let seen = new Set<string>()
  let bytes = 0
  for await (const one of wanted) {
    const size = seen.has(one.id) ? 0 : (index.placesOf(one.id)[0]?.sizeBytes ?? 0)
    if (window.length > 0 && (bytes + size > windowBytes || window.length >= windowBlobs)) {
      yield window
      window = []
      seen = new Set()
      bytes = 0
    }
    window.push(one)
    seen.add(one.id)
    bytes += size
  }
  if (window.length > 0) yield window
}

async function* answersOf<Item>(slots: readonly Slot<Item>[]): AsyncGenerator<BlobAnswer<Item>> {
  // Who takes a chunk may give it away; another use of the same blob gets its own.
  const last = new Map(slots.map(({ id }, index) => [id, index]))
  for (const [index, { item, id, opened }] of slots.entries()) {
    let answer: BlobAnswer<Item>
    try {
      const bytes = await opened
      answer = { item, bytes: last.get(id) === index ? bytes : bytes.slice() }
    } catch (error) {
      if (!(error instanceof ResticError)) throw error
      answer = { item, error }
    }
    yield answer
  }
}

/**
 * Reads blobs in the order in which they are wanted: verified, with few requests, several of them on their way, about
 * 60 MB in memory at most. A blob that cannot be read is answered by its error. Throws what the source throws.
 */
export async function* readBlobs<Item>(
  repository: ResticRepository,
  wanted: Source<Item>,
  options: BlobStreamOptions = {},
): AsyncGenerator<BlobAnswer<Item>> {
  const { limitBytes = dataLimitBytes, gapBytes = defaultGapBytes } = options
  const stop = new AbortController()
  const signal = options.signal ? AbortSignal.any([options.signal, stop.signal]) : stop.signal
  const index = await indexOf(repository, signal)
  const reading = { repository, index, signal, limitBytes, gapBytes }
  const windows = windowsOf(wanted, index)
  const started: Slot<Item>[][] = []
  let ended = false
  try {
    for (;;) {
      while (!ended && started.length < windowsAtOnce) {
        const next = await windows.next()
        if (next.done) ended = true
        else started.push(startWindow(reading, next.value))
      }
      const slots = started.shift()
      if (!slots) return
      yield* answersOf(slots)
      signal.throwIfAborted()
    }
  } finally {
    // What is still on its way is not needed any more.
    stop.abort(new DOMException('Nobody waits for it any more.', 'AbortError'))
    await windows.return(undefined)
  }
}
