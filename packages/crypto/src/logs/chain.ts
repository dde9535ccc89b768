import { type Bytes, lp } from '../bytes.ts'
import { sha256 } from '../hash.ts'
import type { Stamp } from './entry.ts'

/** chain(n) = SHA-256(lp("hearthold/v1/chain", chain(n-1), SHA-256(header), signature, at, gov)) (core.md 2). */
export const nextChain = (
  previous: Uint8Array,
  headerHashBytes: Uint8Array,
  signature: Uint8Array,
  stamp: Stamp,
): Bytes =>
  sha256(lp('hearthold/v1/chain', previous, headerHashBytes, signature, stamp.at, stamp.gov))
