import type { ListedObject } from '../storage.ts'

/** Entries are `,{"name":"<64 hex digits>","size":<digits>}`. */
const nameAt = 10
const idLength = 64
const nameEnd = nameAt + idLength
const sizeAt = nameEnd + '","size":'.length

/**
 * What is in one folder. Kept as the text that lists are made of, since that is what is asked for, and from which all but
 * the times can be read again.
 */
export class FolderIndex {
  readonly text: Buffer
  /** When each was stored, in the text's order. */
  readonly times: Float64Array

  constructor(text: Buffer, times: Float64Array) {
    this.text = text
    this.times = times
  }

  static of(objects: readonly ListedObject[]): FolderIndex {
    return new FolderIndex(
      Buffer.from(textOf(objects), 'latin1'),
      Float64Array.from(objects, ({ storedAt }) => storedAt),
    )
  }

  get count(): number {
    return this.times.length
  }

  /** Memory in use. */
  get bytes(): number {
    return 400 + this.text.length + 8 * this.count
  }

  objects(): ListedObject[] {
    return this.#entries((entry, index) => ({
      id: entry.slice(nameAt, nameEnd),
      sizeBytes: Number(entry.slice(sizeAt)),
      storedAt: this.times[index] ?? 0,
    }))
  }

  /**
   * Those of `names` that are not here. Cheap, for names in the order that the disk still tells them in.
   * @returns undefined where the order is another, or something here is not among them
   */
  missingOf(names: readonly string[]): string[] | undefined {
    const text = this.text.toString('latin1')
    const missing: string[] = []
    let at = 0
    for (const name of names)
      if (name.length === idLength && text.startsWith(name, at + nameAt))
        at = text.indexOf('}', at + sizeAt) + 1
      else missing.push(name)
    return at === text.length ? missing : undefined
  }

  names(): string[] {
    return this.#entries((entry) => entry.slice(nameAt, nameEnd))
  }

  /** Each entry begins with a comma. */
  json(version: 'v1' | 'v2'): Buffer {
    if (version === 'v2') return this.text
    return Buffer.from(
      this.#entries((entry) => `${entry.slice(0, 1)}${entry.slice(nameAt - 1, nameEnd + 1)}`).join(
        '',
      ),
      'latin1',
    )
  }

  /** What is not named. */
  without(names: ReadonlySet<string>): FolderIndex {
    if (names.size === 0) return this
    return FolderIndex.of(this.objects().filter(({ id }) => !names.has(id)))
  }

  /** The same and more. */
  with(more: readonly ListedObject[]): FolderIndex {
    if (more.length === 0) return this
    const added = FolderIndex.of(more)
    const times = new Float64Array(this.count + added.count)
    times.set(this.times)
    times.set(added.times, this.count)
    return new FolderIndex(Buffer.concat([this.text, added.text]), times)
  }

  /** Each without the bracket at its end. */
  #entries<Entry>(entryOf: (entry: string, index: number) => Entry): Entry[] {
    const entries = this.text.toString('latin1').split('}')
    entries.pop()
    return entries.map(entryOf)
  }
}

const textOf = (objects: readonly ListedObject[]): string => {
  let text = ''
  for (const { id, sizeBytes } of objects) text += `,{"name":"${id}","size":${sizeBytes}}`
  return text
}
