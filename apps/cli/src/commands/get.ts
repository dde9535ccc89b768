import { getPath, getTree, type Share } from '@hearthold/member'
import { CliError, exitCodes } from '../cli-error.ts'
import { DiskSink } from '../disk/tree-sink.ts'
import { openShareOf, parseSharePath, withAdvice, type SharePath } from '../member/share-path.ts'
import { withMember, type MemberConnection } from '../member/with-member.ts'
import { createProgress } from '../output/progress.ts'
import { printable } from '../output/text.ts'
import {
  listItems,
  transferOutcome,
  transferSentence,
  type ItemReason,
} from '../output/transfer-report.ts'
import { serverOptions } from './options.ts'
import { defineVerb, type Surroundings } from './verb.ts'

const baseName = (path: string): string => path.slice(path.lastIndexOf('/') + 1)

/** Two items of one name cannot both go into one folder; what is in a root may still meet, and is refused there. */
const checkNames = (places: readonly SharePath[]): void => {
  const names = places.map(({ path }) => baseName(path)).filter((name) => name !== '')
  if (new Set(names).size === names.length) return
  throw new CliError(
    'usage',
    'Two of the paths end in the same name.',
    'Get them one after the other, into different folders.',
  )
}

type Total = {
  files: number
  folders: number
  links: number
  bytes: number
  failed: ItemReason[]
}

/** The places by share, each share opened once and in the order given. */
const sharesOf = async (
  connection: MemberConnection,
  places: readonly SharePath[],
): Promise<Map<Share, string[]>> => {
  const shares = new Map<Share, string[]>()
  for (const { share: name, path } of places) {
    const share = await openShareOf(connection, name)
    // Before anything is made on the disk.
    await withAdvice(async () => getPath(share.view, path))
    const paths = shares.get(share)
    if (paths) paths.push(path)
    else shares.set(share, [path])
  }
  return shares
}

const getAll = async (
  call: Surroundings,
  shares: ReadonlyMap<Share, readonly string[]>,
  sink: DiskSink,
): Promise<Total> => {
  const total: Total = { files: 0, folders: 0, links: 0, bytes: 0, failed: [] }
  const progress = createProgress(call.terminal, call.quiet || call.json)
  const signal = AbortSignal.any([call.terminal.signal, sink.failed])
  try {
    for (const [share, paths] of shares) {
      const report = await withAdvice(() =>
        getTree(share, paths, sink, {
          signal,
          onProgress: ({ bytes, bytesTotal, files, filesTotal }) =>
            progress.update({
              doneBytes: bytes,
              totalBytes: bytesTotal,
              label: `${files} of ${filesTotal} files`,
            }),
        }),
      )
      signal.throwIfAborted()
      total.files += report.files
      total.folders += report.folders
      total.links += report.links
      total.bytes += report.bytes
      total.failed.push(...report.failed)
    }
    return total
  } finally {
    progress.end()
  }
}

export const getVerb = defineVerb({
  example: 'hearthold get Photos:/2026 ./restored',
  arguments: [
    {
      name: 'paths',
      summary: 'Places in shares (SHARE:/path), and last the folder to write into',
      required: true,
      many: true,
      completes: 'folder',
    },
  ],
  options: [
    ...serverOptions,
    {
      name: 'force',
      short: 'f',
      summary: 'Replace files that are there already',
      env: 'HEARTHOLD_FORCE',
    },
  ],
  run: (call) => {
    const [sources, destination] = [
      call.arguments.paths.slice(0, -1),
      call.arguments.paths.at(-1) ?? '',
    ]
    if (sources.length === 0 || destination === '') {
      throw new CliError(
        'usage',
        'What to get, or where to, is missing.',
        'See: hearthold get --help',
      )
    }
    const places = sources.map((source) => parseSharePath(source))
    checkNames(places)
    return withMember(call, async (connection) => {
      const shares = await sharesOf(connection, places)
      const sink = new DiskSink(destination, call.options.force)
      try {
        const total = await getAll(call, shares, sink)
        const done = { ...total, skipped: 0 }
        if (!call.json) await listItems(call.terminal, 'Not written:', total.failed)
        const text = transferSentence('Got', done, `into ${printable(destination)}`)
        const outcome = transferOutcome(done, text)
        const onlyTaken = total.failed.length > 0 && sink.taken === total.failed.length
        return onlyTaken ? { ...outcome, exitCode: exitCodes.conflict } : outcome
      } finally {
        sink.end()
      }
    })
  },
})
