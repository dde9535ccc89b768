import type { BlobPlace } from './blob-index.ts'
import { resticLimits } from './limits.ts'
import type { ResticRepository } from './repository.ts'
import { ResticError, shortId } from './restic-error.ts'
import { quickLimitBytes, unseal } from './sealed.ts'
import { hashOf } from './values.ts'
import { decompress } from './zstd.ts'

/** Throws `too_large` for a blob that is not even fetched; `limitBytes` is for the blob itself. */
export const checkBlobSize = ({ id, length, sizeBytes }: BlobPlace, limitBytes: number): void => {
  // Sealing adds 32 bytes; zstd a little to what does not shrink.
  if (sizeBytes <= limitBytes && length <= limitBytes + limitBytes / 16 + 1024) return
  throw new ResticError('too_large', `The blob ${shortId(id)} is larger than this reader takes.`)
}

/** Opens the sealed bytes of a blob: MAC, decompression, length, hash. Throws `damaged`. */
export const openBlob = async (
  { keys }: ResticRepository,
  place: BlobPlace,
  sealed: Uint8Array<ArrayBuffer>,
): Promise<Uint8Array<ArrayBuffer>> => {
  const what = `The blob ${shortId(place.id)} in the pack ${shortId(place.pack)}`
  const opened = await unseal(keys, sealed, what)
  const plain = place.compressed ? decompress(opened, place.sizeBytes, what) : opened
  const { quick } = keys
  const isQuick = quick !== undefined && plain.length <= quickLimitBytes
  if ((isQuick ? quick.hash(plain) : await hashOf(plain)) === place.id) return plain
  throw new ResticError('damaged', `${what} does not hash to its name.`)
}

/** Bytes of a pack. Throws `source` for an answer of another length. */
export const readPack = async (
  { source, turns }: ResticRepository,
  pack: string,
  range: { readonly offset: number; readonly length: number },
  signal: AbortSignal | undefined,
): Promise<Uint8Array<ArrayBuffer>> => {
  const bytes = await turns(() => source.read('data', pack, range, signal))
  if (bytes.length === range.length) return bytes
  throw new ResticError(
    'source',
    `Of the pack ${shortId(pack)} came another length than asked for.`,
  )
}

/** One blob from wherever it can still be read. Throws the error of the first place. */
export const readBlobAt = async (
  repository: ResticRepository,
  places: readonly BlobPlace[],
  limitBytes: number,
  signal: AbortSignal | undefined,
): Promise<Uint8Array<ArrayBuffer>> => {
  let first: unknown
  for (const place of places) {
    try {
      checkBlobSize(place, limitBytes)
      return await openBlob(
        repository,
        place,
        await readPack(repository, place.pack, place, signal),
      )
    } catch (error) {
      if (!(error instanceof ResticError)) throw error
      first ??= error
    }
  }
  throw first
}

/** The limit for pieces of files. */
export const dataLimitBytes = resticLimits.dataBlobBytes
