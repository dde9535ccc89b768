import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { findNode, findSnapshot, pieceSizes, type ResticRepository } from '@hearthold/member'
import { CliError, exitCodes } from '../cli-error.ts'
import { createProgress } from '../output/progress.ts'
import { formatBytes, printable } from '../output/text.ts'
import { listItems, type ItemReason } from '../output/transfer-report.ts'
import {
  explained,
  isAddress,
  openArgument,
  openOptions,
  openRecord,
  withRecord,
  withRepository,
} from '../restic/open-repository.ts'
import { expectedHours, reporting } from '../restic/report.ts'
import { restoreTree, specialCode } from '../restic/restore-tree.ts'
import { whyNotRestored } from '../restic/verify-restored.ts'
import { defineVerb, type Outcome, type Surroundings } from './verb.ts'

type Drilled = {
  readonly snapshot: string
  readonly files: number
  readonly bytes: number
  readonly failed: readonly ItemReason[]
}

/** Restores the newest snapshot into a new folder, looks for what is expected, and removes the folder whatever happens. */
const drill = async (
  call: Surroundings,
  repository: ResticRepository,
  expected: readonly string[],
  temporary: string,
): Promise<Drilled> => {
  const { signal } = call.terminal
  const snapshot = await findSnapshot(repository, 'latest', { signal })
  const folder = mkdtempSync(join(temporary, 'hearthold-drill-'))
  const remove = () => rmSync(folder, { recursive: true, force: true })
  const progress = createProgress(call.terminal, call.quiet || call.json)
  // A second Ctrl-C ends the process at once.
  process.once('exit', remove)
  try {
    const root = await findNode(repository, snapshot.tree, '', { signal })
    const done = await restoreTree(repository, root, folder, {
      overwrite: false,
      signal,
      onProgress: (doneBytes, files) => progress.update({ doneBytes, label: `${files} files` }),
    })
    // A backup may well hold what no reader makes again.
    const failed = done.failed.filter(({ code }) => code !== specialCode)
    for (const path of expected) {
      const sizes = (node: Parameters<typeof pieceSizes>[1]) => pieceSizes(repository, node, signal)
      const why = await whyNotRestored(repository, snapshot.tree, folder, path, sizes, signal)
      if (why) failed.push(why)
    }
    return { snapshot: snapshot.id, files: done.files, bytes: done.bytes, failed }
  } finally {
    progress.end()
    process.off('exit', remove)
    remove()
  }
}

const outcomeOf = async (
  call: Surroundings,
  { snapshot, files, bytes, failed }: Drilled,
  expected: readonly string[],
): Promise<Outcome> => {
  if (!call.json) await listItems(call.terminal, 'Not as it should be:', failed)
  const data = {
    ...{ snapshot, files, bytes, ok: failed.length === 0 },
    failed: failed.map(({ path, reason, code }) => ({ path, reason, code })),
  }
  const done = `${files.toLocaleString('en-GB')} files (${formatBytes(bytes)})`
  if (failed.length > 0) {
    const text = `The drill failed: ${failed.length} of what it restored or looked for.\n`
    return { data, text, exitCode: exitCodes.failure }
  }
  const found = expected.map((path) => printable(path)).join(', ')
  return { data, text: `Restored ${done} of the newest snapshot; found ${found} whole.\n` }
}

export const repositoryDrillVerb = defineVerb({
  example: 'hearthold repository drill laptop --expect home/ada/letters home/ada/taxes.ods',
  arguments: [openArgument],
  options: [
    ...openOptions,
    {
      name: 'expect',
      value: 'PATH',
      many: true,
      summary: 'Files or folders that the newest snapshot must have, and whole',
      env: 'HEARTHOLD_EXPECT',
    },
    {
      name: 'temporary-folder',
      value: 'FOLDER',
      summary: "Where there is room for a snapshot; the system's folder for such if absent",
      env: 'HEARTHOLD_TEMPORARY_FOLDER',
      completes: 'folder',
    },
    {
      name: 'every',
      value: 'HOURS',
      summary: 'When the server expects the next one; 744 if absent, or never',
      env: 'HEARTHOLD_EVERY',
    },
  ],
  run: (call) => {
    const { expect: expected, 'temporary-folder': temporary = tmpdir() } = call.options
    if (expected.length === 0)
      throw new CliError('usage', 'What the drill looks for is missing.', 'Name it by --expect.')
    const hours = expectedHours(call.options.every, 744)
    const { repository: name } = call.arguments
    const work = (repository: ResticRepository) => drill(call, repository, expected, temporary)
    if (isAddress(name)) {
      // Nobody is told: there is no server that watches over it.
      return withRepository(call, name, async (repository) =>
        outcomeOf(call, await work(repository), expected),
      )
    }
    return withRecord(call, name, async (client, record) => {
      const to = { client, record, terminal: call.terminal }
      const drilled = await reporting(to, 'drill', hours, async () => {
        try {
          const result = await work(await openRecord(call, client, record))
          const { files, bytes, failed } = result
          return { result, ok: failed.length === 0, counts: { files, bytes } }
        } catch (error) {
          throw explained(error)
        }
      })
      return outcomeOf(call, drilled, expected)
    })
  },
})
