/**
 * What the page may ask of the repository worker. The password, the keys and the index of one opened repository live in
 * the worker, and end with it: nothing of them is stored, and the page gets names, numbers and bytes alone.
 *
 * Everything here crosses a `postMessage`. Errors keep their kind and code; those of the repository have `restic_`
 * before the reader's own code. Times are ms since 1970, sizes bytes. A path has names with "/" between and none at
 * its ends; the snapshot's root is ''.
 */
import type { OpenedDownload, OpenedMedia, Skipped, Transfer } from '../account/api.ts'

export type SnapshotRow = {
  readonly id: string
  readonly at: number
  readonly host: string
  readonly user: string
  readonly paths: readonly string[]
  readonly tags: readonly string[]
  /** Where restic wrote them down (0.17 and later). */
  readonly files: number | undefined
  readonly sizeBytes: number | undefined
}
export type Snapshots = {
  /** Newest first. */
  readonly snapshots: readonly SnapshotRow[]
  /** How many could not be read. */
  readonly damaged: number
}

export type ReaderKind = 'folder' | 'file' | 'link' | 'other'
export type ReaderRow = {
  /** Its path: one of its kind in a snapshot. */
  readonly id: string
  readonly kind: ReaderKind
  readonly name: string
  readonly sizeBytes: number | undefined
  readonly modifiedAt: number | undefined
  readonly target: string | undefined
}
export type ReaderSort = { readonly by: 'name' | 'size' | 'changed'; readonly descending: boolean }
export type ReaderPage = {
  readonly total: number
  readonly rows: readonly ReaderRow[]
  /** Entries of the folder that could not be read. */
  readonly damaged: number
}

export type Difference = {
  readonly id: string
  readonly change: 'added' | 'removed' | 'changed' | 'type' | 'attributes'
  readonly kind: ReaderKind
  readonly olderBytes: number | undefined
  readonly newerBytes: number | undefined
}

/** How a search or comparison stands; told some times a second. `rows` are new ones. */
export type Progress<Row> = { readonly rows: readonly Row[] }
/** `damaged`: folders that could not be read. `cut`: there is more than is told. */
export type Ended = { readonly damaged: number; readonly cut: boolean }

export type ReaderEvent =
  | { readonly type: 'index'; readonly done: number; readonly files: number }
  | { readonly type: 'transfer'; readonly transfer: Transfer }

/** What was written: into which new folder, and what was left out. */
export type Restored = {
  readonly transfer: string
  readonly name: string
  readonly files: number
  readonly skipped: readonly Skipped[]
}

export type RepositoryWorker = {
  subscribe(listener: (event: ReaderEvent) => void): Promise<void>
  /** Tries the password on each key. Takes a moment: the key is made to. */
  open(repository: string, password: string): Promise<Snapshots>
  /** Lists them anew. */
  snapshots(): Promise<Snapshots>
  /** Folders first, then by `sort`; `from` and `count` cut out a part. */
  folder(
    snapshot: string,
    path: string,
    options: { sort: ReaderSort; from: number; count: number },
  ): Promise<ReaderPage>
  /** Names that contain `wanted`, in the whole snapshot; at most 10,000. `job` is what `stop` takes. */
  search(
    job: string,
    snapshot: string,
    wanted: string,
    onProgress: (progress: Progress<ReaderRow>) => void,
  ): Promise<Ended>
  compare(
    job: string,
    older: string,
    newer: string,
    onProgress: (progress: Progress<Difference>) => void,
  ): Promise<Ended>
  /** Ends a search, comparison or restore. */
  stop(job: string): Promise<void>
  /** One file as it is; several, or a folder, as a zip. */
  download(snapshot: string, paths: readonly string[]): Promise<OpenedDownload>
  /** Writes the chosen items into a new folder within `folder`; resolves when all is there. Nothing is overwritten. */
  restoreInto(
    snapshot: string,
    paths: readonly string[],
    folder: FileSystemDirectoryHandle,
  ): Promise<Restored>
  openMedia(snapshot: string, path: string): Promise<OpenedMedia>
  /** Bytes `start` to `end` of a file (end exclusive, at most 64 MiB). */
  readRange(snapshot: string, path: string, start: number, end: number): Promise<ArrayBuffer>
}
