import {
  createRepository,
  getRepository,
  listEveryRepository,
  listMembers,
  listRepositories,
  listStorageChoices,
  type Repository,
  removeRepository,
  restoreRepository,
  startScrub,
  updateRepository,
} from '@hearthold/contract'
import type { Client } from '@hearthold/client'
import { CliError, exitCodes } from '../cli-error.ts'
import { type Connection, type ServerCall, withSession } from '../connection.ts'
import { findRepository } from '../member/find-repository.ts'
import { withFreshProof } from '../member/prove.ts'
import { alarmLines, repositoryTable, repositoryText } from '../output/repository-words.ts'
import { formatTime, printable } from '../output/text.ts'
import { passwordOption } from './credential-options.ts'
import { serverOptions } from './options.ts'
import { repositoryArgument, repositorySettings, settingsBody } from './repository-options.ts'
import { defineVerb, type Outcome, type Verb } from './verb.ts'

/** Throws `CliError` (not found). */
const storageOf = async (client: Client, text: string, signal: AbortSignal): Promise<string> => {
  const { storages } = await client.call(listStorageChoices, { signal })
  const found =
    storages.find(({ storage }) => storage === text) ?? storages.find(({ name }) => name === text)
  if (found) return found.storage
  throw new CliError(
    'notFound',
    'There is no such storage.',
    "Leave --storage out for the server's own disk, or ask a host which storages there are.",
  )
}

const addressOf = ({ server }: Connection, { path }: Repository): string => `${server.url}${path}`

export const repositoryCreateVerb = defineVerb({
  example: 'hearthold repository create laptop --quota 500GB --freeze-days 30',
  arguments: [
    {
      name: 'name',
      summary: 'What it is called: small letters, digits, dots, dashes and underscores',
      required: true,
    },
  ],
  options: [
    ...serverOptions,
    {
      name: 'storage',
      value: 'STORAGE',
      summary: "Where its objects lie, by name or id; the server's own disk if absent",
      env: 'HEARTHOLD_STORAGE',
    },
    ...repositorySettings,
  ],
  run: (call) => {
    const settings = settingsBody(call.options)
    const { name } = call.arguments
    return withSession(call, async (connection) => {
      const { client } = connection
      const { signal } = call.terminal
      const { storage: wanted } = call.options
      const storage = wanted === undefined ? undefined : await storageOf(client, wanted, signal)
      const body = { name, ...(storage === undefined ? {} : { storage }), ...settings }
      const repository = await client.call(createRepository, { body, signal })
      const next = `hearthold repository credential create ${repository.name} --out FILE`
      return {
        data: { repository, address: addressOf(connection, repository) },
        text: `Made the repository ${printable(repository.name)}.\nLet a machine in with: ${next}\n`,
      }
    })
  },
})

/** Sign-in names by account. */
const namesOf = async (client: Client, signal: AbortSignal): Promise<Map<string, string>> => {
  const { members } = await client.call(listMembers, { signal })
  return new Map(members.map(({ account, name }) => [account, name]))
}

const listOptions = [
  ...serverOptions,
  { name: 'all', summary: 'Those of all members, for hosts' },
  { name: 'check', summary: 'Exit with 1 where there is an alarm' },
] as const

const listVerb = (example: string): Verb =>
  defineVerb({
    example,
    arguments: [],
    options: listOptions,
    run: (call) =>
      withSession(call, async ({ client }) => {
        const { signal, now } = call.terminal
        const { all, check } = call.options
        const { repositories } = all
          ? await client.call(listEveryRepository, { signal })
          : await client.call(listRepositories, { signal })
        const owners = all ? await namesOf(client, signal) : undefined
        const alarmed = repositories.filter(
          (one) => one.removedAt === null && one.alarms.length > 0,
        )
        const told = alarmed.map((one) => alarmLines(one, `${printable(one.name)}: `))
        const table = repositoryTable(repositories, now(), owners)
        const none = 'No repositories yet. Make one with: hearthold repository create NAME\n'
        return {
          data: { repositories, alarms: alarmed.length },
          text: (table || none) + (check ? told.join('') : ''),
          ...(check && alarmed.length > 0 ? { exitCode: exitCodes.failure } : {}),
        }
      }),
  })

export const repositoryVerb = listVerb('hearthold repository --check')
export const repositoryListVerb = listVerb('hearthold repository list --check')

/** Runs something on a repository that is named by name or id. */
const onRepository = async (
  call: ServerCall & { readonly arguments: { readonly repository: string } },
  work: (connection: Connection, found: Repository, signal: AbortSignal) => Promise<Outcome>,
): Promise<Outcome> =>
  withSession(call, async (connection) => {
    const { signal } = call.terminal
    return work(
      connection,
      await findRepository(connection.client, call.arguments.repository, signal),
      signal,
    )
  })

export const repositoryShowVerb = defineVerb({
  example: 'hearthold repository show laptop',
  arguments: [repositoryArgument],
  options: serverOptions,
  run: (call) =>
    onRepository(call, async (connection, { repository: id }, signal) => {
      const params = { repository: id }
      const repository = await connection.client.call(getRepository, { params, signal })
      const address = addressOf(connection, repository)
      return {
        data: { repository, address },
        text: repositoryText(repository, address, call.terminal.now()),
      }
    }),
})

export const repositorySetVerb = defineVerb({
  example: 'hearthold repository set laptop --quota 1TB --alarm-after 48',
  arguments: [repositoryArgument],
  options: [
    ...serverOptions,
    ...repositorySettings,
    { name: 'seen', summary: 'End the alarm about many deletions: they were meant' },
    passwordOption,
  ],
  run: (call) => {
    const { seen, 'password-file': password } = call.options
    const body = { ...settingsBody(call.options), ...(seen ? { burstSeen: true as const } : {}) }
    if (Object.keys(body).length === 0)
      throw new CliError(
        'usage',
        'Nothing was given to set.',
        'Add --quota, --freeze-days, --alarm-after or --seen.',
      )
    return onRepository(call, async (connection, found, signal) => {
      const params = { repository: found.repository }
      const repository = await withFreshProof(call, connection, password, () =>
        connection.client.call(updateRepository, { params, body, signal }),
      )
      return {
        data: { repository },
        text: repositoryText(repository, addressOf(connection, repository), call.terminal.now()),
      }
    })
  },
})

export const repositoryRemoveVerb = defineVerb({
  example: 'hearthold repository remove laptop',
  arguments: [repositoryArgument],
  options: [...serverOptions, passwordOption],
  run: (call) =>
    onRepository(call, async (connection, found, signal) => {
      const params = { repository: found.repository }
      const repository = await withFreshProof(call, connection, call.options['password-file'], () =>
        connection.client.call(removeRepository, { params, signal }),
      )
      const until = repository.destroyedAt === null ? 'later' : formatTime(repository.destroyedAt)
      return {
        data: { repository },
        text: `${printable(repository.name)} is in the bin, and its credentials rest. It is destroyed ${until} at the earliest; until then it counts against your quota, and comes back by: hearthold repository undelete ${printable(repository.name)}\n`,
      }
    }),
})

export const repositoryUndeleteVerb = defineVerb({
  example: 'hearthold repository undelete laptop',
  arguments: [repositoryArgument],
  options: serverOptions,
  run: (call) =>
    onRepository(call, async ({ client }, found, signal) => {
      const params = { repository: found.repository }
      const repository = await client.call(restoreRepository, { params, signal })
      return {
        data: { repository },
        text: `${printable(repository.name)} is back, and its credentials work again.\n`,
      }
    }),
})

export const repositoryScrubVerb = defineVerb({
  example: 'hearthold repository scrub laptop',
  arguments: [repositoryArgument],
  options: serverOptions,
  run: (call) =>
    onRepository(call, async ({ client }, found, signal) => {
      const params = { repository: found.repository }
      const repository = await client.call(startScrub, { params, signal })
      return {
        data: { repository },
        text: `The server reads every object of ${printable(repository.name)} and compares it with its name: hearthold repository show ${printable(repository.name)} tells how far it is.\n`,
      }
    }),
})
