import { childrenOf, getPath, listTrash, walk, type Place, type Share } from '@hearthold/member'
import { newestVersion } from '@hearthold/model'
import { openShareOf, parseSharePath, withAdvice } from '../member/share-path.ts'
import { withMember } from '../member/with-member.ts'
import { formatTable } from '../output/table.ts'
import { formatBytes, formatTime, printable } from '../output/text.ts'
import { serverOptions } from './options.ts'
import { defineVerb, type Outcome } from './verb.ts'

type Entry = {
  readonly id: string
  readonly name: string
  readonly path: string
  readonly kind: Place['kind']
  readonly sizeBytes: number | null
  readonly modifiedAt: number | null
  readonly versions: number
  readonly target: string | undefined
}

const entryOf = ({ id, kind, path, node }: Place): Entry => ({
  id,
  name: path.slice(path.lastIndexOf('/') + 1),
  path,
  kind,
  sizeBytes: (node && newestVersion(node)?.content?.sizeBytes) ?? null,
  modifiedAt: node?.modifiedAt ?? null,
  versions: node?.versions.length ?? 0,
  target: node?.target,
})

const marks = { folder: '/', file: '', link: '@' } as const

const longTable = (entries: readonly Entry[], name: (entry: Entry) => string): string =>
  formatTable<Entry>(
    [
      { title: 'Kind', value: ({ kind }) => kind },
      {
        title: 'Size',
        value: ({ sizeBytes }) => (sizeBytes === null ? '' : formatBytes(sizeBytes)),
        align: 'right',
      },
      {
        title: 'Modified',
        value: ({ modifiedAt }) => (modifiedAt === null ? '' : formatTime(modifiedAt)),
      },
      {
        title: 'Versions',
        value: ({ kind, versions }) => (kind === 'file' ? String(versions) : ''),
        align: 'right',
      },
      {
        title: 'Name',
        value: (entry) =>
          `${name(entry)}${entry.target === undefined ? '' : ` -> ${entry.target}`}`,
      },
    ],
    entries,
  )

const list = (share: Share, path: string, recursive: boolean): Entry[] => {
  const place = getPath(share.view, path)
  if (place.kind !== 'folder') return [entryOf(place)]
  const places = recursive ? [...walk(share.view, place)].slice(1) : childrenOf(share.view, place)
  return places.map(entryOf)
}

/** What lies in the trash, for `ls --trash` and `trash list`. */
export const trashOutcome = (share: Share): Outcome => {
  const entries = listTrash(share.view).map(({ id, name, kind, trashedAt }) => {
    const node = share.view.nodes.get(id)
    return {
      id,
      name,
      path: null,
      kind,
      sizeBytes: (node && newestVersion(node)?.content?.sizeBytes) ?? null,
      modifiedAt: node?.modifiedAt ?? null,
      versions: node?.versions.length ?? 0,
      trashedAt,
    }
  })
  const text = formatTable(
    [
      { title: 'Id', value: ({ id }) => id },
      { title: 'Kind', value: ({ kind }) => kind },
      { title: 'Since', value: ({ trashedAt }) => formatTime(trashedAt) },
      { title: 'Name', value: ({ name }) => name },
    ],
    entries,
  )
  return { data: { entries }, text }
}

export const lsVerb = defineVerb({
  example: 'hearthold ls Photos:/2026 -l',
  arguments: [{ name: 'path', summary: 'SHARE, SHARE: or SHARE:/path', required: true }],
  options: [
    ...serverOptions,
    { name: 'long', short: 'l', summary: 'Show kind, size, time and versions' },
    { name: 'recursive', short: 'R', summary: 'Show all below it too' },
    { name: 'trash', summary: 'Show what lies in the trash of the share' },
  ],
  run: (call) => {
    const { share: name, path } = parseSharePath(call.arguments.path, true)
    return withMember(call, async (connection) => {
      const share = await openShareOf(connection, name)
      const { long, recursive, trash } = call.options
      if (trash) return trashOutcome(share)
      const entries = await withAdvice(async () => list(share, path, recursive))
      const shown = (entry: Entry) => (recursive ? entry.path : entry.name)
      const text = long
        ? longTable(entries, shown)
        : entries.map((entry) => `${printable(shown(entry))}${marks[entry.kind]}\n`).join('')
      return { data: { entries }, text }
    })
  },
})
