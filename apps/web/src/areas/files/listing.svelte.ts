/** The rows of one folder: the first page at once, the rest behind it, all anew when the share changes. */
import type { Crumb, FolderPage, Row, Sort } from '../../workers/account/api.ts'

const firstPage = 200
const laterPages = 5_000

/** What a listing asks: the worker's `shares.folder`. */
export type ReadFolder = (
  share: string,
  folder: string | null,
  options: { sort: Sort; from: number; count: number },
) => Promise<FolderPage>

export class Listing {
  share = $state('')
  folder = $state<string | null>(null)
  sort = $state.raw<Sort>({ by: 'name', descending: false })
  crumbs = $state.raw<readonly Crumb[]>([])
  total = $state(0)
  /** In order; those of pages that are still on their way are missing. */
  rows = $state.raw<readonly Row[]>([])
  confirmedAt = $state<number>()
  loading = $state(true)
  error = $state.raw<unknown>()
  filter = $state('')

  readonly #read: ReadFolder
  #run = 0
  #again: ReturnType<typeof setTimeout> | undefined

  constructor(read: ReadFolder) {
    this.#read = read
  }

  /** The rows that the filter lets through. */
  shown = $derived.by(() => {
    const wanted = this.filter.trim().toLocaleLowerCase()
    if (wanted === '') return this.rows
    return this.rows.filter(({ name }) => name.toLocaleLowerCase().includes(wanted))
  })

  /** How many lines the list has, those included that are still on their way. */
  get lines(): number {
    return this.filter.trim() === '' ? this.total : this.shown.length
  }

  /** Shows another folder. */
  open(share: string, folder: string | null): void {
    if (share === this.share && folder === this.folder && this.error === undefined) return
    this.share = share
    this.folder = folder
    this.rows = []
    this.total = 0
    this.crumbs = []
    this.filter = ''
    this.loading = true
    void this.reload()
  }

  setSort(by: Sort['by']): void {
    const descending = this.sort.by === by ? !this.sort.descending : by !== 'name'
    this.sort = { by, descending }
    void this.reload()
  }

  /** Soon, and once for many changes: large folders wait a little longer. */
  reloadSoon(): void {
    if (this.#again !== undefined) return
    this.#again = setTimeout(
      () => {
        this.#again = undefined
        void this.reload()
      },
      this.total > laterPages ? 1_500 : 150,
    )
  }

  /** Reads all pages; a later call or another folder ends this one. */
  async reload(): Promise<void> {
    const run = ++this.#run
    try {
      await this.#readAll(run)
      if (run === this.#run) this.error = undefined
    } catch (error) {
      if (run === this.#run) this.error = error
    } finally {
      if (run === this.#run) this.loading = false
    }
  }

  async #readAll(run: number): Promise<void> {
    const { share, folder, sort } = this
    // What is on screen stays until the same range is there again, so that nothing jumps.
    const shown = this.rows.length
    let rows: Row[] = []
    let stamp: number | undefined
    for (;;) {
      const count = rows.length === 0 && shown <= firstPage ? firstPage : laterPages
      const page = await this.#read(share, folder, { sort, from: rows.length, count })
      if (run !== this.#run) return
      if (stamp !== undefined && page.stamp !== stamp) {
        // The share changed between two pages: they do not fit together.
        rows = []
        stamp = undefined
        continue
      }
      stamp = page.stamp
      rows = rows.concat(page.rows)
      this.crumbs = page.crumbs
      this.confirmedAt = page.confirmedAt
      const complete = rows.length >= page.total || page.rows.length === 0
      if (complete || rows.length >= shown) {
        this.rows = rows
        this.total = complete ? rows.length : page.total
        this.loading = false
      }
      if (complete) return
    }
  }

  stop(): void {
    this.#run++
    clearTimeout(this.#again)
    this.#again = undefined
  }
}
