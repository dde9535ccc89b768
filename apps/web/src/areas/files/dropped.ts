/** Turns what was dropped or chosen into items of an upload. Folders are walked as they are read, never held whole. */
import type { UploadItem } from '../../workers/account/api.ts'

const wordsOf = (error: unknown): string =>
  error instanceof Error && error.message !== '' ? error.message : 'It could not be read.'

const fileOf = (entry: FileSystemFileEntry): Promise<File> =>
  new Promise((resolve, reject) => entry.file(resolve, reject))

/** Browsers give the children of a folder in portions, at most 100 at a time. */
const nextPortion = (reader: FileSystemDirectoryReader): Promise<FileSystemEntry[]> =>
  new Promise((resolve, reject) => reader.readEntries(resolve, reject))

async function* walkEntry(entry: FileSystemEntry, path: string): AsyncGenerator<UploadItem> {
  try {
    if (entry.isFile) {
      yield { kind: 'file', path, file: await fileOf(entry as FileSystemFileEntry) }
      return
    }
    yield { kind: 'folder', path }
    const reader = (entry as FileSystemDirectoryEntry).createReader()
    for (;;) {
      const children = await nextPortion(reader)
      if (children.length === 0) return
      for (const child of children) yield* walkEntry(child, `${path}/${child.name}`)
    }
  } catch (error) {
    yield { kind: 'unreadable', path, reason: wordsOf(error) }
  }
}

/**
 * The items of a drop. Must be called within the drop event: the browser takes the list away right after. Entries are
 * taken at once, their contents are walked later.
 */
export const itemsOfDrop = (transfer: DataTransfer): AsyncGenerator<UploadItem> => {
  const entries = [...transfer.items].flatMap((item) => {
    const entry = item.kind === 'file' ? item.webkitGetAsEntry() : null
    return entry === null ? [] : [entry]
  })
  // Some sources (an image dragged out of a page) give files and no entries.
  const files = entries.length === 0 ? [...transfer.files] : []
  return walkAll(entries, files)
}

async function* walkAll(
  entries: readonly FileSystemEntry[],
  files: readonly File[],
): AsyncGenerator<UploadItem> {
  for (const entry of entries) yield* walkEntry(entry, entry.name)
  for (const file of files) yield { kind: 'file', path: file.name, file }
}

/** The items of a file input, with or without `webkitdirectory`. */
export async function* itemsOfInput(files: Iterable<File>): AsyncGenerator<UploadItem> {
  for (const file of files) {
    const path = file.webkitRelativePath === '' ? file.name : file.webkitRelativePath
    yield { kind: 'file', path, file }
  }
}

/** What an upload is called in the list of transfers: its first path part. */
export const titleOf = (item: UploadItem): string => item.path.split('/')[0] ?? ''

/** True where the drag carries files, and not text or a link of this page. */
export const carriesFiles = (transfer: DataTransfer | null): boolean =>
  transfer?.types.includes('Files') ?? false
