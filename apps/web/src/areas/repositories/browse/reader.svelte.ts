/** The open repository of the page: where one is in it, and the worker that holds its keys. */
import { proxy, type Remote } from 'comlink'
import { noteTransfer, onWorkerEvent, session } from '../../../session/session.svelte.ts'
import type { Transfer } from '../../../workers/account/api.ts'
import type {
  ReaderEvent,
  RepositoryWorker,
  SnapshotRow,
  Snapshots,
} from '../../../workers/repository/api.ts'
import { connectReader, type RemoteReader } from '../../../workers/repository/connect.ts'

/** `search` and `compare` lie over the folder or the list that they were begun in. */
export type ReaderView =
  | { readonly at: 'snapshots' }
  | { readonly at: 'folder'; readonly snapshot: SnapshotRow; readonly path: string }
  | {
      readonly at: 'search'
      readonly snapshot: SnapshotRow
      readonly path: string
      readonly wanted: string
    }
  | { readonly at: 'compare'; readonly older: SnapshotRow; readonly newer: SnapshotRow }

const doneForMs = 8_000
const isRunning = ({ state }: Transfer): boolean => state === 'running' || state === 'waiting'

export class Reader {
  status = $state<'locked' | 'opening' | 'open'>('locked')
  list = $state.raw<Snapshots>()
  view = $state.raw<ReaderView>({ at: 'snapshots' })
  /** Index files that were read, while they are; undefined before and after. */
  index = $state.raw<{ readonly done: number; readonly files: number }>()
  transfers = $state.raw<readonly Transfer[]>([])

  readonly repository: string
  #worker: RemoteReader | undefined
  #left = false
  #stopListening: (() => void) | undefined

  constructor(repository: string) {
    this.repository = repository
  }

  /** What the worker does. Throws where nothing is open. */
  get remote(): Remote<RepositoryWorker> {
    if (!this.#worker) throw Object.assign(new Error('Nothing is open.'), { code: 'reader_closed' })
    return this.#worker.remote
  }

  /** Tries a password. Throws what the worker throws; nothing of it is kept here. */
  async open(password: string): Promise<void> {
    this.close()
    const worker = connectReader()
    this.#worker = worker
    this.status = 'opening'
    this.#stopListening = onWorkerEvent((event) => {
      const left =
        event.type === 'signed-out' || (event.type === 'status' && event.status.at !== 'unlocked')
      if (left) this.close()
    })
    try {
      await worker.remote.subscribe(proxy((event: ReaderEvent) => this.#take(event)))
      const list = await worker.remote.open(this.repository, password)
      if (this.#worker !== worker) return
      this.list = list
      this.view = { at: 'snapshots' }
      this.status = 'open'
    } catch (error) {
      if (this.#worker === worker) this.close()
      throw error
    }
  }

  async refresh(): Promise<void> {
    this.list = await this.remote.snapshots()
  }

  /** Ends the worker, and with it the keys and all restores. */
  close(): void {
    this.#stopListening?.()
    this.#stopListening = undefined
    this.#worker?.end()
    this.#worker = undefined
    for (const one of this.transfers) {
      if (isRunning(one)) noteTransfer({ id: one.id, state: 'cancelled' })
    }
    this.transfers = []
    this.list = undefined
    this.index = undefined
    this.view = { at: 'snapshots' }
    this.status = 'locked'
  }

  /** The page is left: all is forgotten, at once or when the restores that are under way have ended. */
  leave(): void {
    this.#left = true
    if (session.me === undefined || !this.transfers.some(isRunning)) this.close()
  }

  /** One step back within the repository; false where there is none. */
  back(): boolean {
    const { view } = this
    if (view.at === 'search') {
      this.view = { at: 'folder', snapshot: view.snapshot, path: view.path }
    } else if (view.at === 'folder' && view.path !== '') {
      const path = view.path.slice(0, Math.max(0, view.path.lastIndexOf('/')))
      this.view = { at: 'folder', snapshot: view.snapshot, path }
    } else if (view.at !== 'snapshots') {
      this.view = { at: 'snapshots' }
    } else return false
    return true
  }

  dismiss(id: string): void {
    this.transfers = this.transfers.filter((one) => one.id !== id)
  }

  #take(event: ReaderEvent): void {
    if (event.type === 'index') {
      this.index = event.done < event.files ? event : undefined
      return
    }
    const { transfer } = event
    noteTransfer(transfer)
    const before = this.transfers.find(({ id }) => id === transfer.id)
    const wasOpen = before === undefined || isRunning(before)
    if (wasOpen && transfer.state === 'done' && transfer.skipped.length === 0) {
      setTimeout(() => this.dismiss(transfer.id), doneForMs)
    }
    this.transfers = before
      ? this.transfers.map((one) => (one.id === transfer.id ? transfer : one))
      : [transfer, ...this.transfers]
    if (this.#left && !this.transfers.some(isRunning)) this.close()
  }
}
