/** The rows of the folder on screen: the first of them at once, the rest behind. */
import type { ReaderRow, ReaderSort } from '../../../workers/repository/api.ts'
import type { Reader } from './reader.svelte.ts'

const firstRows = 200
const laterRows = 20_000

export class FolderList {
  sort = $state.raw<ReaderSort>({ by: 'name', descending: false })
  rows = $state.raw<readonly ReaderRow[]>([])
  total = $state(0)
  damaged = $state(0)
  loading = $state(true)
  error = $state.raw<unknown>()
  readonly #reader: Reader
  #run = 0
  #place = { snapshot: '', path: '' }

  constructor(reader: Reader) {
    this.#reader = reader
  }

  open(snapshot: string, path: string): void {
    this.#place = { snapshot, path }
    this.rows = []
    this.total = 0
    this.loading = true
    void this.load()
  }

  setSort(by: ReaderSort['by']): void {
    const descending = this.sort.by === by ? !this.sort.descending : by !== 'name'
    this.sort = { by, descending }
    void this.load()
  }

  /** Reads all of it; a later call ends this one. Never throws: `error` says what went wrong. */
  async load(): Promise<void> {
    const run = ++this.#run
    const { snapshot, path } = this.#place
    const { sort } = this
    this.error = undefined
    try {
      let rows: readonly ReaderRow[] = []
      for (let total = 1; rows.length < total;) {
        const count = rows.length === 0 ? firstRows : laterRows
        const options = { sort, from: rows.length, count }
        const page = await this.#reader.remote.folder(snapshot, path, options)
        if (run !== this.#run) return
        rows = rows.length === 0 ? page.rows : [...rows, ...page.rows]
        total = page.rows.length === 0 ? rows.length : page.total
        this.rows = rows
        this.total = total
        this.damaged = page.damaged
        this.loading = false
      }
    } catch (error) {
      if (run === this.#run) this.error = error
    } finally {
      if (run === this.#run) this.loading = false
    }
  }
}
