/** Which rows are chosen: by click, with Shift for ranges, with Ctrl or Cmd one by one, or by check boxes. */

export class Selection {
  ids = $state.raw<ReadonlySet<string>>(new Set())
  /** The row that arrow keys start from, and ranges reach from. */
  #anchor: string | undefined

  get size(): number {
    return this.ids.size
  }
  has(id: string): boolean {
    return this.ids.has(id)
  }
  only(id: string): void {
    this.ids = new Set([id])
    this.#anchor = id
  }
  toggle(id: string): void {
    const ids = new Set(this.ids)
    if (!ids.delete(id)) ids.add(id)
    this.ids = ids
    this.#anchor = id
  }
  /** From the anchor to `id` in the order of `rows`. */
  range(id: string, rows: readonly { readonly id: string }[]): void {
    const to = rows.findIndex((row) => row.id === id)
    const from = rows.findIndex((row) => row.id === this.#anchor)
    if (to < 0) return
    if (from < 0) return this.only(id)
    this.ids = new Set(rows.slice(Math.min(from, to), Math.max(from, to) + 1).map((row) => row.id))
  }
  all(rows: readonly { readonly id: string }[]): void {
    this.ids = new Set(rows.map((row) => row.id))
  }
  clear(): void {
    if (this.ids.size > 0) this.ids = new Set()
    this.#anchor = undefined
  }
  /** Drops what is not there any more. */
  keep(rows: readonly { readonly id: string }[]): void {
    if (this.ids.size === 0) return
    const there = new Set(rows.map((row) => row.id))
    const kept = [...this.ids].filter((id) => there.has(id))
    if (kept.length !== this.ids.size) this.ids = new Set(kept)
  }
}
