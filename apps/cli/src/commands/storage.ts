import {
  createStorage,
  listStorages,
  removeStorage,
  type Storage,
  type StorageSettings,
  testStorage,
  updateStorage,
} from '@hearthold/contract'
import type { Client } from '@hearthold/client'
import { CliError } from '../cli-error.ts'
import { withSession } from '../connection.ts'
import { withFreshProof } from '../member/prove.ts'
import { formatTable } from '../output/table.ts'
import { formatTime, printable } from '../output/text.ts'
import { passwordOption } from './credential-options.ts'
import { serverOptions } from './options.ts'
import { secretOption, settingsOf, storageSettings } from './storage-options.ts'
import { type Argument, type Call, defineVerb, type Verb } from './verb.ts'

const storageArgument = {
  name: 'storage',
  summary: 'The storage, by name or id',
  required: true,
} as const satisfies Argument

/** Throws `CliError` (not found). */
const findStorage = async (client: Client, text: string, signal: AbortSignal): Promise<Storage> => {
  const { storages } = await client.call(listStorages, { signal })
  const found =
    storages.find(({ storage }) => storage === text) ?? storages.find(({ name }) => name === text)
  if (found) return found
  throw new CliError('notFound', 'There is no such storage.', 'hearthold storage list shows them.')
}

const placeOf = (settings: StorageSettings): string =>
  settings.kind === 's3'
    ? `${settings.endpoint} ${settings.bucket}/${settings.prefix}`
    : settings.url

const askSecret = (
  call: Pick<Call<readonly [], readonly []>, 'questions'>,
  file: string | undefined,
): Promise<string> =>
  call.questions.secret({
    label: 'Secret key or password of the storage',
    flag: '--secret-file',
    env: 'HEARTHOLD_STORAGE_SECRET_FILE',
    file,
  })

const listVerb = (example: string): Verb =>
  defineVerb({
    example,
    arguments: [],
    options: serverOptions,
    run: (call) =>
      withSession(call, async ({ client }) => {
        const { storages } = await client.call(listStorages, { signal: call.terminal.signal })
        const table = formatTable<Storage>(
          [
            { title: 'Name', value: ({ name }) => name },
            { title: 'Kind', value: ({ settings }) => (settings.kind === 's3' ? 'S3' : 'WebDAV') },
            { title: 'Place', value: ({ settings }) => placeOf(settings) },
            {
              title: 'Locks',
              value: ({ settings }) => (settings.kind === 's3' && settings.objectLock ? 'yes' : ''),
            },
            {
              title: 'Repositories',
              value: ({ repositories }) => String(repositories),
              align: 'right',
            },
            { title: 'Added', value: ({ createdAt }) => formatTime(createdAt) },
            { title: 'Id', value: ({ storage }) => storage },
          ],
          storages,
        )
        const none =
          "Repositories lie on the server's own disk. Add a storage with: hearthold storage create NAME\n"
        return { data: { storages }, text: storages.length === 0 ? none : table }
      }),
  })

export const storageVerb = listVerb('hearthold storage')
export const storageListVerb = listVerb('hearthold storage list')

export const storageCreateVerb = defineVerb({
  example:
    'hearthold storage create offsite --s3 https://s3.example.org --bucket backups --access-key AK1 --secret-file secret-key',
  arguments: [
    {
      name: 'name',
      summary: 'What members choose it by: small letters, digits, dots, dashes and underscores',
      required: true,
    },
  ],
  options: [...serverOptions, ...storageSettings, secretOption, passwordOption],
  run: (call) => {
    const { name } = call.arguments
    const { 'secret-file': secretFile, 'password-file': passwordFile, ...given } = call.options
    const settings = settingsOf(given, undefined)
    if (settings === undefined)
      throw new CliError('usage', 'Name a store.', 'Give --s3 and --bucket, or --webdav.')
    return withSession(call, async (connection) => {
      const { signal } = call.terminal
      const secret = await askSecret(call, secretFile)
      const storage = await withFreshProof(call, connection, passwordFile, () =>
        connection.client.call(createStorage, { body: { name, settings, secret }, signal }),
      )
      return {
        data: { storage },
        text: `${printable(storage.name)} was tried and works. Members choose it by: hearthold repository create NAME --storage ${printable(storage.name)}\n`,
      }
    })
  },
})

export const storageTestVerb = defineVerb({
  example: 'hearthold storage test offsite',
  arguments: [storageArgument],
  options: serverOptions,
  run: (call) =>
    withSession(call, async ({ client }) => {
      const { signal } = call.terminal
      const { storage, name } = await findStorage(client, call.arguments.storage, signal)
      const { ms } = await client.call(testStorage, { params: { storage }, signal })
      return {
        data: { storage, name, ms },
        text: `${printable(name)} works: an object was written, read, listed, moved and removed in ${ms} ms.\n`,
      }
    }),
})

/** Whether the secret would go to another address than the one it was given for. */
const isElsewhere = (settings: StorageSettings | undefined, known: StorageSettings): boolean => {
  if (settings === undefined) return false
  const addressOf = (one: StorageSettings): string => (one.kind === 's3' ? one.endpoint : one.url)
  return settings.kind !== known.kind || addressOf(settings) !== addressOf(known)
}

export const storageUpdateVerb = defineVerb({
  example: 'hearthold storage update offsite --secret-file new-secret-key',
  arguments: [storageArgument],
  options: [...serverOptions, ...storageSettings, secretOption, passwordOption],
  run: (call) =>
    withSession(call, async (connection) => {
      const { client } = connection
      const { signal } = call.terminal
      const { 'secret-file': secretFile, 'password-file': passwordFile, ...given } = call.options
      const known = await findStorage(client, call.arguments.storage, signal)
      const settings = settingsOf(given, known.settings)
      if (settings === undefined && secretFile === undefined)
        throw new CliError(
          'usage',
          'There is nothing to change.',
          'Give a setting, or --secret-file.',
        )
      const secret =
        secretFile !== undefined || isElsewhere(settings, known.settings)
          ? await askSecret(call, secretFile)
          : undefined
      const body = {
        ...(settings === undefined ? {} : { settings }),
        ...(secret === undefined ? {} : { secret }),
      }
      const storage = await withFreshProof(call, connection, passwordFile, () =>
        client.call(updateStorage, { params: { storage: known.storage }, body, signal }),
      )
      return {
        data: { storage },
        text: `${printable(storage.name)} was tried as it is now, and works.\n`,
      }
    }),
})

export const storageRemoveVerb = defineVerb({
  example: 'hearthold storage remove offsite',
  arguments: [storageArgument],
  options: [...serverOptions, passwordOption],
  run: (call) =>
    withSession(call, async (connection) => {
      const { client } = connection
      const { signal } = call.terminal
      const { storage, name } = await findStorage(client, call.arguments.storage, signal)
      await withFreshProof(call, connection, call.options['password-file'], () =>
        client.call(removeStorage, { params: { storage }, signal }),
      )
      return {
        data: { removed: storage, name },
        text: `${printable(name)} is forgotten here. What lies there stays.\n`,
      }
    }),
})
