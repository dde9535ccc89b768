import type { Client } from '@hearthold/client'
import type { Repository } from '@hearthold/contract'
import {
  openResticRepository,
  ResticError,
  serverResticSource,
  type ResticCode,
  type ResticRepository,
  type ResticSource,
} from '@hearthold/member'
import { CliError, type exitCodes } from '../cli-error.ts'
import { serverOptions } from '../commands/options.ts'
import type { Call, Option } from '../commands/verb.ts'
import { trustOf, withSession } from '../connection.ts'
import { findRepository } from '../member/find-repository.ts'
import { nodeTransport } from '../transport/node-transport.ts'
import { readVersion } from '../version.ts'
import { nodeCrypto } from './node-crypto.ts'
import { parseResticAddress, type ResticAddress } from './restic-address.ts'
import { restSource } from './rest-source.ts'

/** Options of all verbs that open a repository. */
export const openOptions = [
  ...serverOptions,
  {
    name: 'repository-password-file',
    value: 'FILE',
    summary: "The repository's own password, as restic knows it (also RESTIC_PASSWORD_FILE)",
    env: 'HEARTHOLD_REPOSITORY_PASSWORD_FILE',
    completes: 'file',
  },
  {
    name: 'repository-file',
    value: 'FILE',
    summary: 'A file with the rest: address and its credential (also RESTIC_REPOSITORY_FILE)',
    env: 'HEARTHOLD_REPOSITORY_FILE',
    completes: 'file',
  },
] as const satisfies readonly Option[]

export const openArgument = {
  name: 'repository',
  summary: 'A repository by name or id; or rest:https://host/path/, with its credential in a file',
  required: true,
} as const

export type OpenCall = Call<readonly [], typeof openOptions>

const rows: Readonly<
  Partial<Record<ResticCode, { exit: keyof typeof exitCodes; advice: string }>>
> = {
  wrong_password: {
    exit: 'failure',
    advice: 'It is the password that restic asks for, not that of this server.',
  },
  not_a_repository: { exit: 'notFound', advice: 'Make it with: restic init' },
  snapshot_not_found: { exit: 'notFound', advice: 'hearthold repository browse lists them.' },
  snapshot_ambiguous: { exit: 'usage', advice: 'hearthold repository browse lists them.' },
  path_not_found: { exit: 'notFound', advice: 'hearthold repository browse shows what is there.' },
  not_a_folder: { exit: 'usage', advice: 'hearthold repository browse shows what is there.' },
  damaged: { exit: 'failure', advice: 'See: restic check --read-data' },
  index_missing: { exit: 'failure', advice: 'See: restic repair index' },
}

/** A `ResticError` in the words of the command line; anything else as it is. */
export const explained = (error: unknown): unknown => {
  if (!(error instanceof ResticError)) return error
  const { exit, advice } = rows[error.code] ?? { exit: 'failure' }
  return new CliError(exit, error.message, advice, { cause: error })
}

/** The password of the repository: its file, that of restic's environment, or asked for. */
export const repositoryPassword = (call: OpenCall): Promise<string> =>
  call.questions.secret({
    label: 'Password of the repository',
    flag: '--repository-password-file',
    env: 'RESTIC_PASSWORD_FILE',
    file: call.options['repository-password-file'] ?? call.terminal.env['RESTIC_PASSWORD_FILE'],
  })

const fileAddress = async (call: OpenCall, file: string): Promise<ResticAddress> => {
  const question = { label: 'Address of the repository', flag: '--repository-file' }
  const env = 'RESTIC_REPOSITORY_FILE'
  return parseResticAddress(await call.questions.secret({ ...question, env, file }))
}

/** The address with its credential that a file or restic's environment gives; undefined without either. */
export const findResticAddress = async (call: OpenCall): Promise<ResticAddress | undefined> => {
  const { env } = call.terminal
  const file = call.options['repository-file'] ?? env['RESTIC_REPOSITORY_FILE']
  if (file) return fileAddress(call, file)
  const address = env['RESTIC_REPOSITORY']
  return address ? parseResticAddress(address) : undefined
}

const sameAs = (one: ResticAddress, other: ResticAddress): boolean =>
  one.origin === other.origin && one.path === other.path

/** `rest:` alone is what the file says. An address on the command line holds no secret; its credential stands in the file. */
const restAddress = async (call: OpenCall, text: string): Promise<ResticAddress> => {
  const given = await findResticAddress(call)
  if (text === 'rest:') {
    if (given) return given
    throw new CliError('usage', 'No repository was named.', 'Give a file by --repository-file.')
  }
  const named = parseResticAddress(text)
  if (named.secret !== '') {
    throw new CliError(
      'usage',
      'A secret on the command line can be seen by everybody on this computer.',
      'Put the whole address in a file, and give it by --repository-file with rest: alone.',
    )
  }
  if (!given) return named
  if (sameAs(named, given)) return given
  throw new CliError('usage', 'The repository named is another than that of the file.')
}

const open = async (call: OpenCall, source: ResticSource): Promise<ResticRepository> => {
  const password = await repositoryPassword(call)
  return openResticRepository(source, password, { signal: call.terminal.signal, quick: nodeCrypto })
}

/** Opens a repository of the member's server. */
export const openRecord = (
  call: OpenCall,
  client: Client,
  { repository }: Repository,
): Promise<ResticRepository> => open(call, serverResticSource(client, repository))

/** Runs `work` with the record of a repository at the member's server. Throws `CliError`. */
export const withRecord = <T>(
  call: OpenCall,
  name: string,
  work: (client: Client, record: Repository) => Promise<T>,
): Promise<T> =>
  withSession(call, async ({ client }) => {
    const record = await findRepository(client, name, call.terminal.signal)
    return work(client, record)
  })

const withAddress = async <T>(
  call: OpenCall,
  address: ResticAddress,
  work: (repository: ResticRepository) => Promise<T>,
): Promise<T> => {
  const transport = nodeTransport({
    origin: address.origin,
    trust: trustOf(call.options) ?? { kind: 'system' },
    userAgent: `hearthold-cli/${readVersion()} (${process.platform})`,
  })
  try {
    return await work(await open(call, restSource(transport, address)))
  } finally {
    transport.close()
  }
}

/** True for what names a repository at some REST server. */
export const isAddress = (name: string): boolean => name.startsWith('rest:')

/**
 * Opens a repository for a verb, by name at the member's server or by `rest:` at any, and closes the connection
 * whatever happens. Throws `CliError`.
 */
export const withRepository = async <T>(
  call: OpenCall,
  name: string,
  work: (repository: ResticRepository) => Promise<T>,
): Promise<T> => {
  try {
    if (isAddress(name)) return await withAddress(call, await restAddress(call, name), work)
    return await withRecord(call, name, async (client, record) =>
      work(await openRecord(call, client, record)),
    )
  } catch (error) {
    throw explained(error)
  }
}

/** `SNAPSHOT[:PATH]` taken apart. */
export const parseSnapshotPath = (text: string): { snapshot: string; path: string } => {
  const at = text.indexOf(':')
  const snapshot = at === -1 ? text : text.slice(0, at)
  if (snapshot === '')
    throw new CliError('usage', 'The snapshot is missing.', 'Write SNAPSHOT:PATH, or latest:PATH.')
  return { snapshot, path: at === -1 ? '' : text.slice(at + 1) }
}
