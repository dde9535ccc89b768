import { erasePaths, getPath, trashItems, walk, type Place, type Share } from '@hearthold/member'
import { CliError } from '../cli-error.ts'
import { openShareOf, parseSharePath, withAdvice, type SharePath } from '../member/share-path.ts'
import { withMember } from '../member/with-member.ts'
import { formatBytes, printable } from '../output/text.ts'
import { canAsk } from '../terminal.ts'
import { serverOptions } from './options.ts'
import { defineVerb, type Surroundings } from './verb.ts'

/** Files below the places, and the stored bytes of all their versions. */
const sumOf = (share: Share, places: readonly Place[]): { files: number; sizeBytes: number } => {
  let files = 0
  let sizeBytes = 0
  for (const place of places) {
    for (const { node } of walk(share.view, place)) {
      if (node?.kind === 'file') files++
      for (const version of node?.versions ?? []) sizeBytes += version.sizeBytes
    }
  }
  return { files, sizeBytes }
}

/** What cannot be undone is typed, where somebody can type; scripts have said what they mean by the flag. */
export const confirmErasure = async (
  call: Surroundings,
  what: { readonly files: number; readonly sizeBytes: number },
): Promise<void> => {
  if (!canAsk(call.terminal)) return
  const { files, sizeBytes } = what
  const answer = await call.questions.text({
    label: `This erases ${files} ${files === 1 ? 'file' : 'files'} (${formatBytes(sizeBytes)}, all versions) for good. Type "erase" to do it`,
    flag: '--forever',
    env: 'HEARTHOLD_FOREVER',
    value: undefined,
  })
  if (answer !== 'erase') throw new CliError('failure', 'Nothing was erased.')
}

const parse = (texts: readonly string[]): { share: string; paths: string[] } => {
  const places: SharePath[] = texts.map((text) => parseSharePath(text))
  const share = places[0]?.share ?? ''
  if (places.some((place) => place.share !== share)) {
    throw new CliError('usage', 'The places are in different shares.', 'Name one share at a time.')
  }
  return { share, paths: places.map(({ path }) => path) }
}

const checkFolders = (places: readonly Place[], recursive: boolean): void => {
  const folder = recursive ? undefined : places.find(({ kind }) => kind === 'folder')
  if (!folder) return
  throw new CliError(
    'usage',
    `${printable(folder.path)} is a folder.`,
    'Add --recursive to remove it with all that it holds.',
  )
}

export const rmVerb = defineVerb({
  example: 'hearthold rm Photos:/2026/blurred.jpg',
  arguments: [{ name: 'paths', summary: 'SHARE:/path', required: true, many: true }],
  options: [
    ...serverOptions,
    { name: 'recursive', short: 'r', summary: 'Also folders, with all that they hold' },
    { name: 'forever', summary: 'Erase for good instead of moving to the trash' },
  ],
  run: (call) => {
    const { share: name, paths } = parse(call.arguments.paths)
    const { recursive, forever } = call.options
    return withMember(call, async (connection) => {
      const share = await openShareOf(connection, name)
      return withAdvice(async () => {
        const places = paths.map((path) => getPath(share.view, path))
        checkFolders(places, recursive)
        const sum = sumOf(share, places)
        if (forever) {
          await confirmErasure(call, sum)
          await erasePaths(share, paths)
        } else await trashItems(share, paths)
        const { files, sizeBytes } = sum
        return {
          data: { share: share.log, items: paths.length, files, sizeBytes, forever },
          text: forever
            ? `Erased ${files} ${files === 1 ? 'file' : 'files'} for good; ${formatBytes(sizeBytes)} of the quota are free again.\n`
            : `Moved ${paths.length} ${paths.length === 1 ? 'item' : 'items'} to the trash: hearthold trash list shows it.\n`,
        }
      })
    })
  },
})
