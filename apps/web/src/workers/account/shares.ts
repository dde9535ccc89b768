/** Shares of the API: lists from verified state on this device, acts through the outbox. */
import { createShare, listTrash, type Share, type ShareAct } from '@hearthold/member'
import type { ShareRow, SharesApi } from './api.ts'
import { randomId } from './bytes.ts'
import { custodyOf, versionsOf } from './custody.ts'
import type { Desk } from './desk.ts'
import { codeOf } from './errors.ts'
import { countsOf, createFolderPages } from './folder-pages.ts'

const rowOf = (share: Share): ShareRow => {
  const { view, replica, log } = share
  return {
    share: log,
    name: view.name ?? '',
    root: view.root,
    ...countsOf(view),
    confirmedAt: replica.confirmedAt,
    problem: undefined,
  }
}

/** A share that cannot be opened is listed with the reason; all others can. */
const brokenRow = (share: string, error: unknown): ShareRow => ({
  share,
  name: '',
  root: share,
  items: 0,
  sizeBytes: 0,
  confirmedAt: 0,
  problem: codeOf(error),
})

const isOfShare = (error: unknown): boolean =>
  error instanceof Error &&
  (error.name === 'IntegrityError' ||
    (error.name === 'ProblemError' && codeOf(error) !== 'unauthenticated'))

export const createShares = (desk: Desk): SharesApi => {
  const pages = createFolderPages()
  const open = (share: string): Promise<Share> => desk.unlocked().shares.get(share)
  const act = (share: string, wanted: ShareAct): Promise<void> =>
    desk.unlocked().outbox.do(share, wanted)
  const rowOrProblem = async (share: string): Promise<ShareRow> => {
    try {
      return rowOf(await open(share))
    } catch (error) {
      if (!isOfShare(error)) throw error
      if ((error as Error).name === 'IntegrityError') {
        desk.events.tell({ type: 'integrity', code: brokenRow(share, error).problem!, share })
      }
      return brokenRow(share, error)
    }
  }
  return {
    list: async () => Promise.all((await desk.unlocked().shares.ids()).map(rowOrProblem)),
    create: async (name) => {
      const { member, shares } = desk.unlocked()
      const share = await createShare(member, name)
      shares.changedHere(share.log)
      return rowOf(await shares.get(share.log))
    },
    renameShare: (share, name) => act(share, { act: 'name-share', name }),
    folder: async (share, folder, options) => pages.page(await open(share), folder, options),
    makeFolder: async (share, parent, name) => {
      const node = randomId()
      await act(share, { act: 'make-folder', node, parent, name })
      return node
    },
    rename: (share, node, name) => act(share, { act: 'rename', node, name }),
    move: (share, nodes, folder) => act(share, { act: 'move', nodes, folder }),
    copy: (share, nodes, folder) => act(share, { act: 'copy', nodes, folder, seed: randomId() }),
    toTrash: (share, nodes) => act(share, { act: 'trash', nodes }),
    trash: async (share) => listTrash((await open(share)).view),
    restore: (share, nodes) => act(share, { act: 'restore', nodes }),
    erase: (share, nodes) => act(share, { act: 'erase', nodes }),
    emptyTrash: async (share) => {
      const nodes = listTrash((await open(share)).view).map(({ id }) => id)
      if (nodes.length > 0) await act(share, { act: 'erase', nodes })
      return nodes.length
    },
    versions: async (share, node) => versionsOf(await open(share), node),
    custody: async (share, node) => custodyOf(desk.unlocked(), await open(share), node),
  }
}
