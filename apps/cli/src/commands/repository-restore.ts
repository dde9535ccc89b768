import { findNode, findSnapshot } from '@hearthold/member'
import { CliError } from '../cli-error.ts'
import { createProgress } from '../output/progress.ts'
import { printable } from '../output/text.ts'
import { listItems, transferOutcome, transferSentence } from '../output/transfer-report.ts'
import {
  openArgument,
  openOptions,
  parseSnapshotPath,
  withRepository,
} from '../restic/open-repository.ts'
import { restoreTree } from '../restic/restore-tree.ts'
import { defineVerb } from './verb.ts'

const leftOut = (count: number): string =>
  count === 0
    ? ''
    : `${count === 1 ? '1 item had' : `${count} items had`} extended attributes, which were left out.\n`

export const repositoryRestoreVerb = defineVerb({
  example: 'hearthold repository restore laptop latest:/home/ada/photos --to ./restored',
  arguments: [
    openArgument,
    {
      name: 'snapshot',
      summary: 'SNAPSHOT, or SNAPSHOT:PATH for a part of it; latest is the newest',
      required: true,
    },
  ],
  options: [
    ...openOptions,
    {
      name: 'to',
      value: 'FOLDER',
      summary: 'The folder to write into; it is made where it is missing',
      completes: 'folder',
      env: 'HEARTHOLD_TO',
    },
    {
      name: 'overwrite',
      summary: 'Replace files that are there already',
      env: 'HEARTHOLD_OVERWRITE',
    },
  ],
  run: (call) => {
    const { to: destination, overwrite } = call.options
    const { snapshot: name, path } = parseSnapshotPath(call.arguments.snapshot)
    if (destination === undefined)
      throw new CliError('usage', 'Where to restore to is missing.', 'Name a folder by --to.')
    return withRepository(call, call.arguments.repository, async (repository) => {
      const { signal } = call.terminal
      const snapshot = await findSnapshot(repository, name, { signal })
      const node = await findNode(repository, snapshot.tree, path, { signal })
      const progress = createProgress(call.terminal, call.quiet || call.json)
      const bytes = node.name === '' ? snapshot.summary?.bytes : undefined
      const total = bytes === undefined ? {} : { totalBytes: bytes }
      try {
        const done = await restoreTree(repository, node, destination, {
          overwrite,
          signal,
          onProgress: (doneBytes, files) =>
            progress.update({ doneBytes, ...total, label: `${files} files` }),
        })
        progress.end()
        if (!call.json) await listItems(call.terminal, 'Not restored:', done.failed)
        const sentence = transferSentence(
          'Restored',
          { ...done, skipped: 0 },
          `into ${printable(destination)}`,
        )
        const outcome = transferOutcome(
          { ...done, skipped: 0 },
          sentence + leftOut(done.withAttributes),
        )
        const { files, folders, links, failed } = done
        return {
          ...outcome,
          data: {
            snapshot: snapshot.id,
            ...{ files, folders, links, bytes: done.bytes },
            withAttributes: done.withAttributes,
            failed: failed.map(({ path: at, reason, code }) => ({ path: at, reason, code })),
          },
        }
      } finally {
        progress.end()
      }
    })
  },
})
