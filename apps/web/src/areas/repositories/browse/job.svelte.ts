/** A search or comparison that runs in the worker, with what it has found so far. */
import type { Ended, Progress } from '../../../workers/repository/api.ts'
import type { Reader } from './reader.svelte.ts'

type Run<Row> = (id: string, onProgress: (progress: Progress<Row>) => void) => Promise<Ended>

export class Job<Row> {
  rows = $state.raw<readonly Row[]>([])
  state = $state<'running' | 'done' | 'stopped'>('running')
  ended = $state.raw<Ended>()
  error = $state.raw<unknown>()
  readonly #reader: Reader
  readonly #run: Run<Row>
  #id = ''

  constructor(reader: Reader, run: Run<Row>) {
    this.#reader = reader
    this.#run = run
    this.begin()
  }

  /** Begins anew. */
  begin(): void {
    const id = crypto.randomUUID()
    this.#id = id
    this.rows = []
    this.error = undefined
    this.ended = undefined
    this.state = 'running'
    void this.#follow(id)
  }

  /** Never throws: `error` says what went wrong. */
  async #follow(id: string): Promise<void> {
    const isMine = (): boolean => this.#id === id && this.state === 'running'
    try {
      const ended = await this.#run(id, ({ rows }) => {
        if (this.#id === id) this.rows = [...this.rows, ...rows]
      })
      if (isMine()) this.ended = ended
    } catch (error) {
      if (isMine()) this.error = error
    }
    if (isMine()) this.state = 'done'
  }

  /** Ends it; what was found stays. */
  stop(): void {
    if (this.state !== 'running') return
    this.state = 'stopped'
    // The worker may have been ended before.
    if (this.#reader.status === 'open')
      void this.#reader.remote.stop(this.#id).catch(() => undefined)
  }
}
