/** What can be done with items of a share, each with its words: done, undone, or why not. */
import { codeOf } from '../../session/error-code.ts'
import { problemWords } from '../../session/problem-words.ts'
import { account } from '../../session/session.svelte.ts'
import { text } from '../../text/en/files.ts'
import { shortenName, showHidden } from '../../text/format.ts'
import { confirm } from '../../ui/confirm.ts'
import { toast } from '../../ui/toasts.svelte.ts'
import { startDownload } from '../../workers/downloads.ts'
import { sentences } from '../../text/sentences.ts'

/** True where the server could not be reached and the act is kept: that is said, and is no failure. */
export const isKeptForLater = (error: unknown): boolean => {
  if (codeOf(error) !== 'kept_for_later') return false
  toast({ kind: 'info', text: text.keptForLater })
  return true
}

/** Runs an act whose failure is told in a toast; false where it failed or waits for the server. */
export const attempt = async (act: () => Promise<unknown>): Promise<boolean> => {
  try {
    await act()
    return true
  } catch (error) {
    if (isKeptForLater(error)) return false
    const words = problemWords(error)
    toast({ kind: 'bad', text: sentences(words.title, words.safe) })
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

type Place = { readonly id: string; readonly name: string }
/** Items, and the folder that they are in. */
type Moving = { readonly share: string; readonly ids: readonly string[]; readonly from: string }

/** Moves items out of the folder `from`; a toast offers the way back. */
export const moveTo = async (what: Moving, to: Place): Promise<boolean> => {
  const { share, ids } = what
  const done = await attempt(async () => (await account()).shares.move(share, ids, to.id))
  if (done) tellMoved(what, to)
  return done
}

/** Says what was moved where, with a way back to the folder `from`. */
export const tellMoved = ({ share, ids, from }: Moving, { name }: Place): void => {
  const undo = (): void => {
    void attempt(async () => (await account()).shares.move(share, ids, from))
  }
  toast({
    kind: 'ok',
    text: text.dialogs.moved(ids.length, showHidden(shortenName(name, 40))),
    action: { label: text.dialogs.undo, run: undo },
  })
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
