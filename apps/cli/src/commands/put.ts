import { getUsage } from '@hearthold/contract'
import {
  findPath,
  makeFolder,
  putTree,
  type LocalItem,
  type PutReport,
  type ResumeStore,
  type Share,
  type Skipped,
} from '@hearthold/member'
import { CliError } from '../cli-error.ts'
import { rootsOf, walkDisk } from '../disk/walk.ts'
import { openShareOf, parseSharePath, withAdvice } from '../member/share-path.ts'
import { resumeStore } from '../member/stores.ts'
import { type MemberConnection, withMember } from '../member/with-member.ts'
import { createProgress } from '../output/progress.ts'
import { printable } from '../output/text.ts'
import { listItems, transferOutcome, transferSentence } from '../output/transfer-report.ts'
import { usageWarning } from '../output/usage-words.ts'
import { writeTo } from '../terminal.ts'
import { serverOptions } from './options.ts'
import { defineVerb, type Surroundings } from './verb.ts'

/** Passes a source on and tells when it has ended: only then the sums are known. */
async function* toldAtEnd(
  source: AsyncIterable<LocalItem>,
  ended: () => void,
): AsyncGenerator<LocalItem> {
  yield* source
  ended()
}

const putAll = async (
  call: Surroundings,
  share: Share,
  source: AsyncIterable<LocalItem>,
  how: { readonly target: string; readonly force: boolean; readonly resume: ResumeStore },
): Promise<PutReport> => {
  const { target, force, resume } = how
  const progress = createProgress(call.terminal, call.quiet || call.json)
  let ended = false
  try {
    // Named in the log first: what is kept of a large upload is found again by the folder it goes to.
    await withAdvice(async () => {
      if (!findPath(share.view, target)) await makeFolder(share, target)
    })
    return await putTree(
      share,
      toldAtEnd(source, () => (ended = true)),
      target,
      {
        force,
        resume,
        signal: call.terminal.signal,
        onProgress: ({ bytes, bytesSeen, files, filesSeen }) =>
          progress.update({
            doneBytes: bytes,
            ...(ended ? { totalBytes: bytesSeen } : {}),
            label: `${files} of ${filesSeen}${ended ? '' : ' or more'} files`,
          }),
      },
    )
  } finally {
    progress.end()
  }
}

/** A note where the quota comes near. What was put is put: nothing here makes it fail. */
const noteUsage = async (call: Surroundings, { client }: MemberConnection): Promise<void> => {
  if (call.quiet || call.json) return
  const { signal } = call.terminal
  const usage = await client.call(getUsage, { signal }).catch(() => undefined)
  const warning = usage && usageWarning(usage)
  if (warning) await writeTo(call.terminal.stderr, `${warning}\n`)
}

export const putVerb = defineVerb({
  example: 'hearthold put ./photos Photos:/2026',
  arguments: [
    {
      name: 'paths',
      summary: 'Files and folders, and last the folder of a share: SHARE:/folder',
      required: true,
      many: true,
      completes: 'file',
    },
  ],
  options: [
    ...serverOptions,
    {
      name: 'force',
      short: 'f',
      summary: 'Store also files whose size and time have not changed',
      env: 'HEARTHOLD_FORCE',
    },
    {
      name: 'dereference',
      short: 'L',
      summary: 'Store what symbolic links lead to, instead of the links',
      env: 'HEARTHOLD_DEREFERENCE',
    },
  ],
  run: (call) => {
    const [paths, last] = [call.arguments.paths.slice(0, -1), call.arguments.paths.at(-1) ?? '']
    if (paths.length === 0) {
      throw new CliError(
        'usage',
        'What to put, or where to, is missing.',
        'See: hearthold put --help',
      )
    }
    const target = parseSharePath(last)
    const { force, dereference } = call.options
    const roots = rootsOf(paths).map((root) => ({ ...root, follow: root.follow || dereference }))
    return withMember(call, async (connection) => {
      const share = await openShareOf(connection, target.share)
      const notKept: Skipped[] = []
      const walked = walkDisk(roots, { dereference, notKept: (item) => void notKept.push(item) })
      const resume = resumeStore(connection.server)
      const report = await putAll(call, share, walked, { target: target.path, force, resume })
      const { files, folders, links, bytes, unchanged, skipped } = report
      const done = { files, folders, links, bytes, skipped: unchanged, failed: skipped }
      if (!call.json) {
        if (!call.quiet) await listItems(call.terminal, 'Not kept:', notKept)
        await listItems(call.terminal, 'Not put:', skipped)
      }
      await noteUsage(call, connection)
      const where = `into ${printable(share.view.name ?? share.log)}:${printable(target.path)}`
      return transferOutcome(done, transferSentence('Put', done, where), { notKept })
    })
  },
})
