import { type AnswerOf, getBin, purgeRepository, restoreBin } from '@hearthold/contract'
import { CliError } from '../cli-error.ts'
import { withSession } from '../connection.ts'
import { parseSince } from '../input/since.ts'
import { findAnyRepository, findRepository } from '../member/find-repository.ts'
import { withFreshProof, withSecondFactor } from '../member/prove.ts'
import { formatTable } from '../output/table.ts'
import { formatBytes, formatTime, printable } from '../output/text.ts'
import { codeOption, passwordOption, totpSecretOption } from './credential-options.ts'
import { serverOptions } from './options.ts'
import { repositoryArgument } from './repository-options.ts'
import { defineVerb } from './verb.ts'

type Group = AnswerOf<typeof getBin>['groups'][number]

const objectsText = (objects: number, bytes: number): string =>
  `${objects.toLocaleString('en-GB')} ${objects === 1 ? 'object' : 'objects'} (${formatBytes(bytes)})`

const table = (groups: readonly Group[]): string =>
  formatTable<Group>(
    [
      { title: 'Deleted', value: ({ deletedAt }) => formatTime(deletedAt) },
      { title: 'Kept until', value: ({ keptUntil }) => formatTime(keptUntil) },
      { title: 'Snapshots', value: ({ snapshots }) => String(snapshots), align: 'right' },
      { title: 'Objects', value: ({ objects }) => String(objects), align: 'right' },
      { title: 'Size', value: ({ bytes }) => formatBytes(bytes), align: 'right' },
    ],
    groups,
  )

export const repositoryBinVerb = defineVerb({
  example: 'hearthold repository bin laptop',
  arguments: [repositoryArgument],
  options: serverOptions,
  run: (call) =>
    withSession(call, async ({ client }) => {
      const { signal } = call.terminal
      const { repository, name } = await findRepository(client, call.arguments.repository, signal)
      const { groups, objects, bytes } = await client.call(getBin, {
        params: { repository },
        signal,
      })
      const late =
        'Nothing is destroyed before its time; after a server was off for more than a day, a day later.\n'
      const back = `Bring it back with: hearthold repository bin restore ${printable(name)}\n`
      return {
        data: { repository, groups, objects, bytes },
        text:
          objects === 0
            ? 'The bin is empty.\n'
            : `${table(groups)}${objectsText(objects, bytes)} in all. ${late}${back}`,
      }
    }),
})

export const repositoryBinRestoreVerb = defineVerb({
  example: 'hearthold repository bin restore laptop --since 3d',
  arguments: [repositoryArgument],
  options: [
    ...serverOptions,
    {
      name: 'since',
      value: 'TIME',
      summary: 'Only what was deleted since then: 12h, 3d, 2026-11-20 or 2026-11-20T14:00',
      env: 'HEARTHOLD_SINCE',
    },
  ],
  run: (call) => {
    const { since } = call.options
    const body = since === undefined ? {} : { deletedSince: parseSince(since, call.terminal.now()) }
    return withSession(call, async ({ client }) => {
      const { signal } = call.terminal
      const { repository, name } = await findRepository(client, call.arguments.repository, signal)
      const params = { repository }
      const { objects, bytes } = await client.call(restoreBin, { params, body, signal })
      return {
        data: { repository, objects, bytes },
        text:
          objects === 0
            ? 'There was nothing to bring back.\n'
            : `Brought ${objectsText(objects, bytes)} back into ${printable(name)}.\n`,
      }
    })
  },
})

export const repositoryPurgeVerb = defineVerb({
  example: 'hearthold repository purge laptop',
  arguments: [repositoryArgument],
  options: [
    ...serverOptions,
    {
      name: 'confirm',
      value: 'NAME',
      summary: 'The name once more, where nobody can type it',
      env: 'HEARTHOLD_CONFIRM',
    },
    passwordOption,
    totpSecretOption,
    codeOption,
  ],
  run: (call) =>
    withSession(call, async (connection) => {
      const { client } = connection
      const { signal } = call.terminal
      const found = await findAnyRepository(client, call.arguments.repository, signal)
      const { repository, name, removedAt } = found
      const what =
        removedAt === null
          ? `what is in its bin: ${objectsText(found.binObjects, found.binBytes)}`
          : `the repository: ${objectsText(found.objects + found.binObjects, found.usedBytes + found.binBytes)}`
      const typed = await call.questions.text({
        label: `This destroys ${what}. It never comes back. Type the name of the repository to do it`,
        flag: '--confirm',
        env: 'HEARTHOLD_CONFIRM',
        value: call.options.confirm,
      })
      if (typed !== name)
        throw new CliError('failure', 'That is not its name: nothing was destroyed.')
      const { objects, bytes } = await withFreshProof(
        call,
        connection,
        call.options['password-file'],
        () =>
          withSecondFactor(call, connection, call.options, (proof) =>
            client.call(purgeRepository, {
              params: { repository },
              body: { name, ...proof },
              signal,
            }),
          ),
      )
      return {
        data: { repository, objects, bytes },
        text: `Destroyed ${objectsText(objects, bytes)} of ${printable(name)}.\n`,
      }
    }),
})
