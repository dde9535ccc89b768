/** What the repository worker does for the page: one opened repository, its snapshots, folders, searches and restores. */
import { createClient, fetchTransport } from '@hearthold/client'
import {
  listSnapshots,
  loadIndex,
  openResticRepository,
  type ResticSnapshot,
  serverResticSource,
} from '@hearthold/member'
import type { ReaderEvent, RepositoryWorker, Snapshots, SnapshotRow } from './api.ts'
import { createFinding } from './finding.ts'
import { createFolders } from './folders.ts'
import { createJobs } from './jobs.ts'
import type { Opened } from './opened.ts'
import { cancelled, ReaderError, told } from './reader-error.ts'
import { createTransfers } from './transfers.ts'

const readAttempts = 5

const snapshotRow = ({
  id,
  time,
  host,
  user,
  paths,
  tags,
  summary,
}: ResticSnapshot): SnapshotRow => ({
  ...{ id, host, user, paths, tags },
  at: time.ms,
  files: summary?.files,
  sizeBytes: summary?.bytes,
})

const list = async (opened: Opened): Promise<Snapshots> => {
  const { snapshots, problems } = await listSnapshots(opened.repository)
  opened.snapshots = new Map(snapshots.map((one) => [one.id, one]))
  return { snapshots: snapshots.map(snapshotRow), damaged: problems.length }
}

/** Makes the API of one worker. Nothing is asked of the server before `open`. */
export const createReader = (): RepositoryWorker => {
  const listeners = new Set<(event: ReaderEvent) => unknown>()
  const tell = (event: ReaderEvent): void => listeners.forEach((listener) => void listener(event))
  const jobs = createJobs()
  let opened: Opened | undefined

  const current = (): Opened => {
    if (!opened) throw new ReaderError('reader_closed', 'The repository is not open.')
    return opened
  }
  const treeOf = (snapshot: string): string => {
    const found = current().snapshots.get(snapshot)
    if (found) return found.tree
    throw new ReaderError('restic_snapshot_not_found', 'There is no such snapshot.')
  }
  /** Folders need the index, which is told of while it is read. */
  const ready = async (): Promise<Opened> => {
    const now = current()
    await loadIndex(now.repository, {
      onProgress: (done, files) => tell({ type: 'index', done, files }),
    })
    return now
  }
  const transfers = createTransfers({
    ready,
    treeOf,
    jobs,
    tell: (transfer) => tell({ type: 'transfer', transfer }),
  })

  return {
    ...transfers,
    subscribe: (listener) => Promise.resolve(void listeners.add(listener)),
    open: (id, password) =>
      told(async () => {
        opened = undefined
        const client = createClient({
          transport: fetchTransport(),
          retry: { attempts: readAttempts },
        })
        const repository = await openResticRepository(serverResticSource(client, id), password)
        const folders = createFolders(repository)
        opened = { id, repository, folders, snapshots: new Map() }
        return list(opened)
      }),
    snapshots: () => told(async () => list(current())),
    folder: (snapshot, path, options) =>
      told(async () => {
        const { folders } = await ready()
        return folders.page(treeOf(snapshot), path, options)
      }),
    ...createFinding({ ready, treeOf, jobs }),
    stop: (job) => Promise.resolve(void jobs.stop(job, cancelled())),
  }
}
