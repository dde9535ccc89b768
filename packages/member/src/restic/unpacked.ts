import type { ResticRepository } from './repository.ts'
import { ResticError, shortId } from './restic-error.ts'
import { unseal } from './sealed.ts'
import { hashOf } from './values.ts'
import { decompressUnknown } from './zstd.ts'

const [bracket, brace, packed] = [0x5b, 0x7b, 0x02]

const names = { index: 'The index file', snapshots: 'The snapshot' } as const

/** A sealed object that is no pack, checked against its name and MAC, opened and unpacked. Throws `damaged`, `too_large`. */
export const readUnpacked = async (
  { source, keys, turns }: ResticRepository,
  type: 'index' | 'snapshots',
  file: { readonly id: string; readonly sizeBytes: number },
  limitBytes: number,
  signal: AbortSignal | undefined,
): Promise<Uint8Array<ArrayBuffer>> => {
  const what = `${names[type]} ${shortId(file.id)}`
  if (file.sizeBytes > limitBytes)
    throw new ResticError('too_large', `${what} is larger than this reader takes.`)
  const sealed = await turns(() => source.read(type, file.id, undefined, signal))
  if (sealed.length > limitBytes)
    throw new ResticError('too_large', `${what} is larger than this reader takes.`)
  if ((await hashOf(sealed)) !== file.id)
    throw new ResticError('damaged', `${what} does not hash to its name.`)
  const plain = await unseal(keys, sealed, what)
  const first = plain[0]
  if (first === bracket || first === brace) return plain
  if (first === packed) return decompressUnknown(plain.subarray(1), limitBytes, what)
  throw new ResticError('damaged', `${what} is of no form that restic writes.`)
}
