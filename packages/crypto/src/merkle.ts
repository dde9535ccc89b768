/** Merkle trees over SHA-256 as in RFC 9162, 2.1: one signed root for many items, a short proof for each. */
import { type Bytes, concat, equalBytes } from './bytes.ts'
import { sha256 } from './hash.ts'

const leafPrefix = new Uint8Array([0])
const nodePrefix = new Uint8Array([1])

/** Far above any tree here, and far below where doubles lose whole numbers. */
const leavesLimit = 2 ** 32

const leafHash = (item: Uint8Array): Bytes => sha256(leafPrefix, item)
const nodeHash = (left: Uint8Array, right: Uint8Array): Bytes => sha256(nodePrefix, left, right)

/** The largest power of two below `count`, where the tree of `count` leaves is split. */
const splitOf = (count: number): number => 2 ** (Math.ceil(Math.log2(count)) - 1)

const rootOf = (leaves: readonly Bytes[]): Bytes => {
  if (leaves.length === 0) return sha256()
  if (leaves.length === 1) return leaves[0]!
  const at = splitOf(leaves.length)
  return nodeHash(rootOf(leaves.slice(0, at)), rootOf(leaves.slice(at)))
}

/** Root of the tree over the items in this order; SHA-256 of nothing for none. */
export const merkleRoot = (items: readonly Uint8Array[]): Bytes => rootOf(items.map(leafHash))

const pathOf = (leaves: readonly Bytes[], index: number): Bytes[] => {
  if (leaves.length === 1) return []
  const at = splitOf(leaves.length)
  const [left, right] = [leaves.slice(0, at), leaves.slice(at)]
  return index < at
    ? [...pathOf(left, index), rootOf(right)]
    : [...pathOf(right, index - at), rootOf(left)]
}

/** Proof that item `index` is under the root: hashes from the leaf up, 32 bytes each. RangeError outside. */
export const merkleProof = (items: readonly Uint8Array[], index: number): Bytes => {
  if (!Number.isInteger(index) || index < 0 || index >= items.length) {
    throw new RangeError('no such item')
  }
  return concat(...pathOf(items.map(leafHash), index))
}

/** Whether the proof leads from `item` at `index` of `count` to `root`. Never throws for received bytes. */
export const verifyMerkleProof = (
  root: Uint8Array,
  item: Uint8Array,
  place: { readonly index: number; readonly count: number },
  proof: Uint8Array,
): boolean => {
  const { index, count } = place
  const isPlace =
    Number.isInteger(count) && count <= leavesLimit && Number.isInteger(index) && index >= 0
  if (!isPlace || index >= count || proof.length % 32 !== 0) return false
  const hashes = Array.from({ length: proof.length / 32 }, (_, i) =>
    proof.subarray(32 * i, 32 * (i + 1)),
  )
  const climb = (at: number, width: number): Bytes | undefined => {
    if (width === 1) return leafHash(item)
    const split = splitOf(width)
    const sibling = hashes.pop()
    if (sibling === undefined) return undefined
    const child = at < split ? climb(at, split) : climb(at - split, width - split)
    if (child === undefined) return undefined
    return at < split ? nodeHash(child, sibling) : nodeHash(sibling, child)
  }
  const reached = climb(index, count)
  return reached !== undefined && hashes.length === 0 && equalBytes(reached, root)
}
