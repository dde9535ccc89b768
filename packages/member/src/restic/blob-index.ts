import { resticLimits } from './limits.ts'
import { ResticError, shortId } from './restic-error.ts'
import { sealedExtraBytes } from './sealed.ts'

/** Where one blob lies. */
export type BlobPlace = {
  readonly id: string
  readonly pack: string
  readonly offset: number
  /** Sealed bytes. */
  readonly length: number
  /** Bytes of the blob itself. */
  readonly sizeBytes: number
  readonly compressed: boolean
}

const words = 8
const emptySlot = 0

/** Value of a hex digit by its character code; 255 for others. */
const hexValues = new Uint8Array(128).fill(255)
for (let digit = 0; digit < 16; digit++) hexValues[digit.toString(16).charCodeAt(0)] = digit

const readWord = (id: string, word: number): number => {
  let value = 0
  for (let index = word * 8; index < word * 8 + 8; index++)
    value = (value << 4) | (hexValues[id.charCodeAt(index)] ?? 0)
  return value >>> 0
}

/** Columns of the table; each entry has a number, from 1 on. */
type Columns = {
  readonly ids: Uint32Array
  readonly pack: Uint32Array
  readonly offset: Uint32Array
  readonly length: Uint32Array
  /** Bytes of the blob where it is compressed, else `plain`. */
  readonly unpacked: Uint32Array
  readonly file: Uint32Array
}
const plain = 0xffff_ffff

const createColumns = (size: number): Columns => ({
  ids: new Uint32Array(size * words),
  pack: new Uint32Array(size),
  offset: new Uint32Array(size),
  length: new Uint32Array(size),
  unpacked: new Uint32Array(size),
  file: new Uint32Array(size),
})

/**
 * Which blob lies where: 52 bytes a blob and a table of hashes, since a large repository has millions. Blobs are found
 * by id whatever their type: equal ids are equal bytes. The hash is of this run alone, so that no repository can have
 * ids that all meet.
 */
export class BlobIndex {
  #columns = createColumns(1024)
  #slots = new Uint32Array(4096)
  /** Further places of a blob, by the entry of its first. */
  readonly #copies = new Map<number, number[]>()
  readonly #packs: string[] = []
  readonly #packNumbers = new Map<string, number>()
  readonly #factors = crypto.getRandomValues(new Uint32Array(words))
  #superseded: ReadonlySet<number> = new Set()
  #count = 0

  /** Blobs and further copies of them. */
  get count(): number {
    return this.#count
  }

  get packCount(): number {
    return this.#packs.length
  }

  /** Notes a blob of the index file numbered `file`; the caller has checked that ids are hex. Throws `too_large`, `damaged`. */
  add(
    place: Omit<BlobPlace, 'sizeBytes' | 'compressed'>,
    unpacked: number | undefined,
    file: number,
  ): void {
    const { id, offset, length } = place
    if (length < sealedExtraBytes || offset + length > resticLimits.packBytes)
      throw new ResticError('damaged', `The index places blob ${shortId(id)} where none can be.`)
    if (this.#count >= resticLimits.indexEntries)
      throw new ResticError('too_large', 'The repository has more blobs than this reader takes.')
    const entry = ++this.#count
    if (entry >= this.#columns.pack.length) this.#grow()
    const columns = this.#columns
    for (let word = 0; word < words; word++) columns.ids[entry * words + word] = readWord(id, word)
    columns.pack[entry] = this.#packNumber(place.pack)
    columns.offset[entry] = offset
    columns.length[entry] = length
    columns.unpacked[entry] = unpacked ?? plain
    columns.file[entry] = file
    this.#enter(entry)
  }

  /** Index files that others replace: their places are used last. */
  supersede(files: ReadonlySet<number>): void {
    this.#superseded = files
  }

  /** All places of a blob, the best first; none where no index names it. */
  placesOf(id: string): BlobPlace[] {
    const first = this.#find(id)
    if (first === emptySlot) return []
    const further = this.#copies.get(first)
    if (!further) return [this.#place(id, first)]
    const isOld = (entry: number) => this.#superseded.has(this.#columns.file[entry] ?? 0)
    return [first, ...further]
      .toSorted((one, other) => Number(isOld(one)) - Number(isOld(other)))
      .map((entry) => this.#place(id, entry))
  }

  #place(id: string, entry: number): BlobPlace {
    const { pack, offset, length, unpacked } = this.#columns
    const packedAs = unpacked[entry] ?? plain
    const sealed = length[entry] ?? 0
    return {
      id,
      pack: this.#packs[pack[entry] ?? 0] ?? '',
      offset: offset[entry] ?? 0,
      length: sealed,
      sizeBytes: packedAs === plain ? sealed - sealedExtraBytes : packedAs,
      compressed: packedAs !== plain,
    }
  }

  #packNumber(pack: string): number {
    const known = this.#packNumbers.get(pack)
    if (known !== undefined) return known
    this.#packNumbers.set(pack, this.#packs.length)
    return this.#packs.push(pack) - 1
  }

  #slotOf(wordAt: (word: number) => number): number {
    let sum = 0
    for (let word = 0; word < words; word++)
      sum = Math.imul((sum ^ wordAt(word)) + word, (this.#factors[word] ?? 0) | 1) ^ (sum >>> 15)
    return (sum ^ (sum >>> 16)) & (this.#slots.length - 1)
  }

  #find(id: string): number {
    const wanted = new Uint32Array(words)
    for (let word = 0; word < words; word++) wanted[word] = readWord(id, word)
    const { ids } = this.#columns
    let slot = this.#slotOf((word) => wanted[word] ?? 0)
    for (;;) {
      const entry = this.#slots[slot] ?? emptySlot
      if (entry === emptySlot) return emptySlot
      let word = 0
      while (word < words && ids[entry * words + word] === wanted[word]) word++
      if (word === words) return entry
      slot = (slot + 1) & (this.#slots.length - 1)
    }
  }

  /** Gives an entry its slot, or its place behind an equal one. */
  #enter(entry: number): void {
    const { ids } = this.#columns
    let slot = this.#slotOf((word) => ids[entry * words + word] ?? 0)
    for (;;) {
      const other = this.#slots[slot] ?? emptySlot
      if (other === emptySlot) break
      let word = 0
      while (word < words && ids[entry * words + word] === ids[other * words + word]) word++
      if (word === words) {
        const copies = this.#copies.get(other)
        if (copies) copies.push(entry)
        else this.#copies.set(other, [entry])
        return
      }
      slot = (slot + 1) & (this.#slots.length - 1)
    }
    this.#slots[slot] = entry
  }

  #grow(): void {
    const size = this.#columns.pack.length * 2
    try {
      const larger = createColumns(size)
      for (const name of ['ids', 'pack', 'offset', 'length', 'unpacked', 'file'] as const)
        larger[name].set(this.#columns[name])
      this.#columns = larger
      this.#slots = new Uint32Array(size * 4)
    } catch (error) {
      const message = 'There is not enough memory for the index of this repository.'
      throw new ResticError('too_large', message, { cause: error })
    }
    this.#copies.clear()
    // The entry that made it grow is entered by who adds it.
    for (let entry = 1; entry < this.#count; entry++) this.#enter(entry)
  }
}
