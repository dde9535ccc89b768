import { emptyTrash, listTrash, restoreItems, type Share } from '@hearthold/member'
import { CliError } from '../cli-error.ts'
import { openShareOf, parseSharePath, withAdvice } from '../member/share-path.ts'
import { withMember } from '../member/with-member.ts'
import { confirmErasure } from './rm.ts'
import { trashOutcome } from './ls.ts'
import { serverOptions } from './options.ts'
import { defineVerb } from './verb.ts'

const shareArgument = { name: 'share', summary: 'SHARE or SHARE:', required: true } as const

/** Ids in the trash, of ids or of names that only one item there bears. */
const idsOf = (share: Share, wanted: readonly string[]): string[] => {
  const items = listTrash(share.view)
  return wanted.map((text) => {
    const name = text.normalize('NFC')
    const found = items.filter((item) => item.id === text)
    const named = found.length > 0 ? found : items.filter((item) => item.name === name)
    const [only, ...others] = named
    if (only && others.length === 0) return only.id
    throw new CliError(
      only ? 'usage' : 'notFound',
      only ? 'Several items in the trash have that name.' : 'There is no such item in the trash.',
      'hearthold trash list shows the ids.',
    )
  })
}

export const trashListVerb = defineVerb({
  example: 'hearthold trash list Photos',
  arguments: [shareArgument],
  options: serverOptions,
  run: (call) => {
    const { share } = parseSharePath(call.arguments.share, true)
    return withMember(call, async (connection) => {
      const outcome = trashOutcome(await openShareOf(connection, share))
      return { ...outcome, text: outcome.text || 'The trash is empty.\n' }
    })
  },
})

export const trashRestoreVerb = defineVerb({
  example: 'hearthold trash restore Photos blurred.jpg',
  arguments: [
    shareArgument,
    { name: 'items', summary: 'Ids or names of items', required: true, many: true },
  ],
  options: serverOptions,
  run: (call) => {
    const { share: name } = parseSharePath(call.arguments.share, true)
    return withMember(call, async (connection) => {
      const share = await openShareOf(connection, name)
      const ids = idsOf(share, call.arguments.items)
      await withAdvice(() => restoreItems(share, ids))
      return {
        data: { share: share.log, restored: ids },
        text: `Restored ${ids.length} ${ids.length === 1 ? 'item' : 'items'}.\n`,
      }
    })
  },
})

export const trashEmptyVerb = defineVerb({
  example: 'hearthold trash empty Photos',
  arguments: [shareArgument],
  options: serverOptions,
  run: (call) => {
    const { share: name } = parseSharePath(call.arguments.share, true)
    return withMember(call, async (connection) => {
      const share = await openShareOf(connection, name)
      const trashed = [...share.view.nodes.values()].filter((node) => isInTrash(share, node.id))
      const files = trashed.filter(({ kind }) => kind === 'file').length
      const sizeBytes = trashed
        .flatMap(({ versions }) => versions)
        .reduce((sum, version) => sum + version.sizeBytes, 0)
      if (trashed.length > 0) await confirmErasure(call, { files, sizeBytes })
      const erased = await withAdvice(() => emptyTrash(share))
      return {
        data: { share: share.log, erased, files, sizeBytes },
        text: `Erased ${erased} ${erased === 1 ? 'item' : 'items'} for good.\n`,
      }
    })
  },
})

const isInTrash = (share: Share, id: string): boolean => {
  for (let node = share.view.nodes.get(id); node; node = share.view.nodes.get(node.parent)) {
    if (node.trashedSeq !== undefined) return true
  }
  return false
}
