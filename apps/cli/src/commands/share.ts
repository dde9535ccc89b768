import { createShare, exportShareKeys, listShares, renameShare } from '@hearthold/member'
import { nameProblem } from '@hearthold/model'
import { CliError } from '../cli-error.ts'
import { openShareOf } from '../member/share-path.ts'
import { withMember, type MemberConnection } from '../member/with-member.ts'
import { reserveSecretFile } from '../output/secret-file.ts'
import { formatTable } from '../output/table.ts'
import { formatTime, printable } from '../output/text.ts'
import { serverOptions } from './options.ts'
import { defineVerb } from './verb.ts'

/** A new name: possible, and borne by no other share, so that it stays enough to name one by. */
const checkName = async (
  { member }: MemberConnection,
  name: string,
  signal: AbortSignal,
): Promise<void> => {
  const problem = nameProblem(name)
  if (problem !== undefined) throw new CliError('usage', problem, 'Choose another name.')
  const shares = await listShares(member, signal)
  if (!shares.some((share) => share.name === name.normalize('NFC'))) return
  throw new CliError(
    'conflict',
    'You have a share of that name already.',
    'Choose another name; hearthold share list shows yours.',
  )
}

const shareArgument = {
  name: 'share',
  summary: 'The share, by name or id',
  required: true,
} as const

export const shareCreateVerb = defineVerb({
  example: 'hearthold share create Photos',
  arguments: [{ name: 'name', summary: 'What it is called', required: true }],
  options: serverOptions,
  run: (call) =>
    withMember(call, async (connection) => {
      const { name } = call.arguments
      await checkName(connection, name, call.terminal.signal)
      const { log, view } = await createShare(connection.member, name)
      return {
        data: { log, name: view.name },
        text: `Made the share ${printable(name)}. Only you can read it.\n`,
      }
    }),
})

export const shareListVerb = defineVerb({
  example: 'hearthold share list',
  arguments: [],
  options: serverOptions,
  run: (call) =>
    withMember(call, async ({ member }) => {
      const shares = await listShares(member, call.terminal.signal)
      const table = formatTable(
        [
          { title: 'Share', value: ({ name }) => name },
          { title: 'Id', value: ({ log }) => log },
          { title: 'Items', value: ({ nodes }) => String(nodes), align: 'right' },
          { title: 'Confirmed', value: ({ confirmedAt }) => formatTime(confirmedAt) },
        ],
        shares,
      )
      const text = table || 'No shares yet. Make one with: hearthold share create NAME\n'
      return { data: { shares }, text }
    }),
})

export const shareRenameVerb = defineVerb({
  example: 'hearthold share rename Photos Pictures',
  arguments: [shareArgument, { name: 'name', summary: 'Its new name', required: true }],
  options: serverOptions,
  run: (call) =>
    withMember(call, async (connection) => {
      const { name } = call.arguments
      const share = await openShareOf(connection, call.arguments.share)
      if (share.view.name !== name.normalize('NFC')) {
        await checkName(connection, name, call.terminal.signal)
        await renameShare(share, name)
      }
      return {
        data: { log: share.log, name: share.view.name },
        text: `The share is called ${printable(name)} now.\n`,
      }
    }),
})

export const shareKeysVerb = defineVerb({
  example: 'hearthold share keys Photos --out photos-keys.json',
  arguments: [shareArgument],
  options: [
    ...serverOptions,
    {
      name: 'out',
      value: 'FILE',
      summary: 'A new file for the keys',
      env: 'HEARTHOLD_OUT',
      completes: 'file',
    },
  ],
  run: (call) =>
    withMember(call, async (connection) => {
      const path = await call.questions.text({
        label: 'File for the keys',
        flag: '--out',
        env: 'HEARTHOLD_OUT',
        value: call.options.out,
      })
      const share = await openShareOf(connection, call.arguments.share)
      const keys = exportShareKeys(share)
      const file = await reserveSecretFile(path)
      try {
        const named = { log: share.log, name: share.view.name ?? '' }
        await file.write(JSON.stringify({ version: 1, share: named, keys }, undefined, 1))
      } catch (error) {
        await file.discard()
        throw error
      }
      await file.keep()
      return {
        data: { log: share.log, keys: keys.length, file: path },
        text: `Keys of ${keys.length} stored versions are in ${path}.\nWhoever has them can read those versions: keep the file like a recovery key.\n`,
      }
    }),
})
