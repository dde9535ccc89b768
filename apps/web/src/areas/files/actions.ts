/** What can be done with items of a share, each with its words: done, undone, or why not. */
import { problemWords } from '../../session/problem-words.ts'
import { account } from '../../session/session.svelte.ts'
import { text } from '../../text/en/files.ts'
import { confirm } from '../../ui/confirm.ts'
import { toast } from '../../ui/toasts.svelte.ts'
import { startDownload } from '../../workers/downloads.ts'

/** Runs an act whose failure is told in a toast; false where it failed. */
export const attempt = async (act: () => Promise<unknown>): Promise<boolean> => {
  try {
    await act()
    return true
  } catch (error) {
    const words = problemWords(error)
    toast({ kind: 'bad', text: `${words.title} ${words.safe}`.trim() })
    return false
  }
}

export const toTrash = async (share: string, nodes: readonly string[]): Promise<boolean> => {
  const done = await attempt(async () => (await account()).shares.toTrash(share, nodes))
  if (!done) return false
  toast({
    kind: 'ok',
    text: text.dialogs.trashed(nodes.length),
    action: { label: text.dialogs.undo, run: () => void restore(share, nodes) },
  })
  return true
}

export const restore = async (share: string, nodes: readonly string[]): Promise<boolean> => {
  const done = await attempt(async () => (await account()).shares.restore(share, nodes))
  if (done) toast({ kind: 'ok', text: text.trash.restored(nodes.length) })
  return done
}

/** Erases for ever, after the person typed the word for it. */
export const erase = async (share: string, nodes: readonly string[]): Promise<boolean> => {
  const sure = await confirm({
    title: text.trash.eraseTitle(nodes.length),
    text: text.trash.eraseText(nodes.length),
    act: text.trash.eraseAct,
    danger: true,
    typed: text.trash.eraseWord,
  })
  if (!sure) return false
  const done = await attempt(async () => (await account()).shares.erase(share, nodes))
  if (done) toast({ kind: 'ok', text: text.trash.erased(nodes.length) })
  return done
}

/** One file as it is (`version` names an older one), a folder or several items as a zip. */
export const download = (
  share: string,
  nodes: readonly string[],
  version?: number,
): Promise<boolean> =>
  attempt(async () =>
    startDownload(await (await account()).transfers.download(share, nodes, version)),
  )
