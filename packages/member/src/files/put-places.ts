/** Where items of a put go: folders found or made, files matched with those that are there. */
import { randomId, toHex } from '@hearthold/crypto'
import { nameProblem, type ShareNode, type ShareView } from '@hearthold/model'
import type { PlannedChange } from './put-changes.ts'

/** A place for an item, or why it has none. */
export type Placed =
  | { readonly parent: string; readonly name: string; readonly existing: ShareNode | undefined }
  | { readonly reason: string }

export type Attributed = {
  readonly modifiedAt?: number | undefined
  readonly mode?: number | undefined
}

type Plan = (change: PlannedChange) => Promise<void>

const byName = (view: ShareView, folder: string): Map<string, ShareNode[]> => {
  const names = new Map<string, ShareNode[]>()
  for (const id of view.children.get(folder) ?? []) {
    const node = view.nodes.get(id)!
    if (node.trashedSeq !== undefined || node.name === undefined) continue
    const same = names.get(node.name)
    if (same) same.push(node)
    else names.set(node.name, [node])
  }
  for (const same of names.values()) {
    same.sort(
      (a, b) => (a.versions[0]?.seq ?? 0) - (b.versions[0]?.seq ?? 0) || (a.id < b.id ? -1 : 1),
    )
  }
  return names
}

const inTheWay = { reason: 'Something of another kind has that name in the share.' }

type Reached = string | { readonly reason: string }

const segmentsOf = (path: string): string[] =>
  path
    .split('/')
    .filter((name) => name !== '')
    .map((name) => name.normalize('NFC'))

/** Checked before any folder on the way is made. */
const problemOf = (names: readonly string[]): string | undefined =>
  names.map(nameProblem).find((problem) => problem !== undefined)

/** Places below a target folder, given by its names. The tree is as it stands when each folder is first met. */
export class Places {
  readonly #view: ShareView
  readonly #target: readonly string[]
  readonly #plan: Plan
  readonly #folders: Map<string, Reached>
  readonly #names = new Map<string, Map<string, ShareNode[]>>()
  readonly #claimed = new Set<string>()
  #made = 0

  /** `plan` takes the folders that must be made on the way, parents first. `target` goes from folder `top` on. */
  constructor(view: ShareView, target: readonly string[], plan: Plan, top: string = view.root) {
    this.#view = view
    this.#target = target
    this.#plan = plan
    this.#folders = new Map([['', top]])
  }

  /** Folders that were planned since they were not there. */
  get made(): number {
    return this.#made
  }

  /** The folder of a path below the target, found or planned; a reason where something else is in its way. */
  folder(path: string, attributes: Attributed): Promise<Reached> {
    const segments = segmentsOf(path)
    const problem = problemOf(segments)
    if (problem !== undefined) return Promise.resolve({ reason: problem })
    return this.#reach([...this.#target, ...segments], path, attributes)
  }

  /** Where a file or link of a path goes; folders on the way are planned. */
  async place(path: string, kind: 'file' | 'link'): Promise<Placed> {
    const segments = segmentsOf(path)
    const name = segments.pop()
    if (name === undefined) return { reason: 'It has no name.' }
    const problem = problemOf([...segments, name])
    if (problem !== undefined) return { reason: problem }
    const parent = await this.#reach([...this.#target, ...segments], path, {})
    if (typeof parent !== 'string') return parent
    const there = this.#namesIn(parent).get(name) ?? []
    const existing = there.find((node) => node.kind === kind && !this.#claimed.has(node.id))
    if (existing) this.#claimed.add(existing.id)
    else if (there.some((node) => node.kind !== kind)) return inTheWay
    return { parent, name, existing }
  }

  #namesIn(folder: string): Map<string, ShareNode[]> {
    const known = this.#names.get(folder)
    if (known) return known
    const made = byName(this.#view, folder)
    this.#names.set(folder, made)
    return made
  }

  /** `segments` from the share's root; `path` is what the caller calls it. */
  async #reach(
    segments: readonly string[],
    path: string,
    attributes: Attributed,
  ): Promise<Reached> {
    const key = segments.join('/')
    const known = this.#folders.get(key)
    if (known !== undefined) return known
    const parent = await this.#reach(segments.slice(0, -1), path, {})
    if (typeof parent !== 'string') return parent
    const name = segments.at(-1)!
    const found = await this.#enter(parent, name, path, attributes)
    this.#folders.set(key, found)
    return found
  }

  async #enter(
    parent: string,
    name: string,
    path: string,
    attributes: Attributed,
  ): Promise<Reached> {
    const there = this.#namesIn(parent).get(name) ?? []
    const folder = there.find((node) => node.kind === 'folder')
    if (folder) return folder.id
    return there.length > 0 ? inTheWay : this.#make(parent, name, path, attributes)
  }

  async #make(parent: string, name: string, path: string, attributes: Attributed): Promise<string> {
    const node = toHex(randomId())
    const { modifiedAt, mode } = attributes
    await this.#plan({
      change: { op: 'add-folder', node, parent },
      attributes: {
        name,
        ...(modifiedAt === undefined ? {} : { modifiedAt }),
        ...(mode === undefined ? {} : { mode }),
      },
      path,
      parent,
    })
    this.#names.set(node, new Map())
    this.#made++
    return node
  }
}
