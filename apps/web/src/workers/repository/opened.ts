import type { ResticRepository, ResticSnapshot } from '@hearthold/member'
import type { Folders } from './folders.ts'

/** The repository that the worker has open. `id` is the server's. */
export type Opened = {
  readonly id: string
  readonly repository: ResticRepository
  readonly folders: Folders
  snapshots: ReadonlyMap<string, ResticSnapshot>
}
