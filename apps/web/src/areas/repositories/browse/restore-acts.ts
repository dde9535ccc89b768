/** Restores, as the page begins them: through the browser's downloads, or into a folder of the disk. */
import { text } from '../../../text/en/reader.ts'
import { toast } from '../../../ui/toasts.svelte.ts'
import { lineOf } from '../../../session/problem-words.ts'
import { startDownload } from '../../../workers/downloads.ts'
import { isGivenUp } from '../../../session/act.ts'
import type { Reader } from './reader.svelte.ts'

type WithPicker = typeof globalThis & {
  showDirectoryPicker?: (options: {
    mode: 'readwrite'
    id: string
  }) => Promise<FileSystemDirectoryHandle>
}

/** True where this browser lets a page write into a folder. */
export const canWriteFolders = (): boolean => 'showDirectoryPicker' in globalThis

const tell = (error: unknown): void => {
  if (!isGivenUp(error) && (error as { kind?: unknown } | null)?.kind !== 'aborted') {
    toast({ kind: 'bad', text: lineOf(error) })
  }
}

/** One file as it is, several or a folder as a zip; `paths` of `['']` are the whole snapshot. */
export const download = async (
  reader: Reader,
  snapshot: string,
  paths: readonly string[],
): Promise<void> => {
  try {
    await startDownload(await reader.remote.download(snapshot, paths))
  } catch (error) {
    tell(error)
  }
}

/** Asks for a folder, and writes into a new one in it. Call it within a click: the browser asks only then. */
export const restoreInto = async (
  reader: Reader,
  snapshot: string,
  paths: readonly string[],
): Promise<void> => {
  try {
    const { showDirectoryPicker } = globalThis as WithPicker
    if (!showDirectoryPicker) return void toast({ kind: 'bad', text: text.restore.notHere })
    const folder = await showDirectoryPicker({ mode: 'readwrite', id: 'hearthold-restore' })
    const done = await reader.remote.restoreInto(snapshot, paths, folder)
    const { files, name, skipped } = done
    // Where something was left out its card stays, and says what.
    if (skipped.length === 0) reader.dismiss(done.transfer)
    toast({ text: text.restore.done(files, name) })
  } catch (error) {
    const refused = error instanceof DOMException && error.name === 'NotAllowedError'
    if (refused) toast({ kind: 'bad', text: text.restore.folderRefused })
    else tell(error)
  }
}
