import {
  createRepositoryCredential,
  listRepositoryCredentials,
  removeRepositoryCredential,
  type Repository,
  type RepositoryCredential,
} from '@hearthold/contract'
import { hostname } from 'node:os'
import { CliError } from '../cli-error.ts'
import { type Connection, withSession } from '../connection.ts'
import { wholeNumber } from '../input/numbers.ts'
import { findRepository } from '../member/find-repository.ts'
import { withFreshProof } from '../member/prove.ts'
import { reserveSecretFile, type SecretFile } from '../output/secret-file.ts'
import { formatTable } from '../output/table.ts'
import { formatTime, printable } from '../output/text.ts'
import { serverCertificate } from '../transport/server-certificate.ts'
import { passwordOption } from './credential-options.ts'
import { serverOptions } from './options.ts'
import { repositoryArgument } from './repository-options.ts'
import { defineVerb, type Call } from './verb.ts'

const scopes = ['append', 'read', 'maintain'] as const
const labelLimit = 60

const options = [
  ...serverOptions,
  {
    name: 'scope',
    value: 'SCOPE',
    summary:
      'What it may do: add and read, only read, or also delete into the bin; append if absent',
    env: 'HEARTHOLD_SCOPE',
    choices: scopes,
  },
  {
    name: 'label',
    value: 'LABEL',
    summary: "What machine it is for; this computer's name if absent",
    env: 'HEARTHOLD_LABEL',
  },
  {
    name: 'valid-days',
    value: 'DAYS',
    summary: 'Days until it ends; without, it does not',
    env: 'HEARTHOLD_VALID_DAYS',
  },
  {
    name: 'out',
    value: 'FILE',
    summary: "A new file for restic's --repository-file; it holds the secret",
    env: 'HEARTHOLD_OUT',
    completes: 'file',
  },
  { name: 'show', summary: 'Show the secret instead of writing it to a file' },
  passwordOption,
] as const
type CreateCall = Call<readonly [typeof repositoryArgument], typeof options>
type Body = {
  readonly label: string
  readonly scope: (typeof scopes)[number]
  readonly validDays: number | null
}

const bodyOf = ({ options: given }: CreateCall): Body => {
  const { scope, label = hostname(), 'valid-days': days } = given
  if (label.trim() === '' || label.length > labelLimit)
    throw new CliError('usage', 'The label cannot be used.', 'Give 1 to 60 characters by --label.')
  return {
    label,
    scope: scopes.find((one) => one === scope) ?? 'append',
    validDays:
      days === undefined
        ? null
        : wholeNumber('--valid-days', days, { min: 1, max: 3650, fallback: 1 }),
  }
}

/** Restic's address of a repository, with user and secret in it; both are letters and digits. */
const resticAddress = (
  { server }: Connection,
  { path }: Repository,
  user: string,
  secret: string,
): string => {
  const { protocol, host } = new URL(server.url)
  return `rest:${protocol}//${user}:${secret}@${host}${path}`
}

type Files = { readonly address: SecretFile; readonly certificate: SecretFile | undefined }

/** Restic believes the system's authorities: whom this device believes instead is written beside the address. */
const reserveFiles = async ({ trust }: Connection, path: string): Promise<Files> => {
  const address = await reserveSecretFile(path)
  if (trust.kind === 'system') return { address, certificate: undefined }
  try {
    return { address, certificate: await reserveSecretFile(`${path}.pem`) }
  } catch (error) {
    await address.discard()
    throw error
  }
}

const discard = async ({ address, certificate }: Files): Promise<void> => {
  await address.discard()
  await certificate?.discard()
}

const writeCertificate = async (
  { server, trust }: Connection,
  file: SecretFile | undefined,
): Promise<void> => {
  const pem = trust.kind === 'authority' ? trust.pem : undefined
  if (file) await file.write((pem ?? (await serverCertificate(server.url, trust))).trimEnd())
}

/** As a shell takes it back. */
const shellWord = (text: string): string =>
  /^[\w./:@%+-]+$/.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`

const resticLine = ({ address, certificate }: Files, words: string): string => {
  const trust = certificate ? ` --cacert ${shellWord(certificate.path)}` : ''
  return `restic --repository-file ${shellWord(address.path)}${trust} ${words}\n`
}

const endText = ({ expiresAt }: RepositoryCredential): string =>
  expiresAt === null ? '' : ` It ends ${formatTime(expiresAt)}.`

/** A repository that has an object was initialised, or its backups begin elsewhere. */
const readyLines = (files: Files, { scope }: Body, { objects }: Repository): string => {
  if (scope === 'read') return resticLine(files, 'snapshots')
  if (scope === 'maintain') return resticLine(files, 'forget --keep-daily 30 --prune')
  return (objects === 0 ? resticLine(files, 'init') : '') + resticLine(files, 'backup FOLDER')
}

const askServer = async (
  call: CreateCall,
  connection: Connection,
  repository: string,
): Promise<{ credential: RepositoryCredential; secret: string }> => {
  const body = bodyOf(call)
  return withFreshProof(call, connection, call.options['password-file'], () =>
    connection.client.call(createRepositoryCredential, {
      params: { repository },
      body,
      signal: call.terminal.signal,
    }),
  )
}

/** The secret goes into the file, and nowhere else; a credential whose secret is lost is revoked. */
const createIntoFile = async (
  call: CreateCall,
  connection: Connection,
  found: Repository,
  path: string,
) => {
  const files = await reserveFiles(connection, path)
  let made: RepositoryCredential | undefined
  try {
    await writeCertificate(connection, files.certificate)
    const { credential, secret } = await askServer(call, connection, found.repository)
    made = credential
    await files.address.write(resticAddress(connection, found, credential.credential, secret))
  } catch (error) {
    await discard(files)
    const { repository } = found
    if (made)
      await connection.client
        .call(removeRepositoryCredential, { params: { repository, credential: made.credential } })
        .catch(() => undefined)
    throw error
  }
  await files.address.keep()
  await files.certificate?.keep()
  const ready = readyLines(files, bodyOf(call), found)
  return {
    data: {
      repository: found.repository,
      credential: made,
      file: path,
      certificateFile: files.certificate?.path,
    },
    text: `The credential ${made.credential} (${made.scope}) is in ${path}.${endText(made)}\n${ready}`,
  }
}

export const repositoryCredentialCreateVerb = defineVerb({
  example:
    'hearthold repository credential create laptop --scope append --out ~/.config/restic-laptop',
  arguments: [repositoryArgument],
  options,
  run: (call) => {
    const { out, show } = call.options
    if ((out === undefined) === !show)
      throw new CliError(
        'usage',
        out === undefined ? 'Where the secret goes was not said.' : 'Both --out and --show.',
        'Give --out FILE for a new file, or --show to see it once.',
      )
    bodyOf(call)
    return withSession(call, async (connection) => {
      const { repository: text } = call.arguments
      const found = await findRepository(connection.client, text, call.terminal.signal)
      if (out !== undefined) return createIntoFile(call, connection, found, out)
      const { credential, secret } = await askServer(call, connection, found.repository)
      const address = resticAddress(connection, found, credential.credential, secret)
      return {
        data: { repository: found.repository, credential, address },
        text: `${address}\nThis address holds the secret, which is shown this once.${endText(credential)} Put it in a file of mode 0600 for restic --repository-file.\n`,
      }
    })
  },
})

const counts = ({
  writes,
  deletions,
  refusedDeletions,
  failedVerifications,
}: RepositoryCredential) =>
  [
    `${writes} written`,
    ...(deletions > 0 ? [`${deletions} deleted`] : []),
    ...(refusedDeletions > 0 ? [`${refusedDeletions} deletions refused`] : []),
    ...(failedVerifications > 0 ? [`${failedVerifications} damaged on the way`] : []),
  ].join(', ')

const table = (credentials: readonly RepositoryCredential[]): string =>
  formatTable<RepositoryCredential>(
    [
      { title: 'Credential', value: ({ credential }) => credential },
      { title: 'Label', value: ({ label }) => label },
      { title: 'Scope', value: ({ scope }) => scope },
      { title: 'Made', value: ({ createdAt }) => formatTime(createdAt) },
      {
        title: 'Ends',
        value: ({ expiresAt }) => (expiresAt === null ? '' : formatTime(expiresAt)),
      },
      {
        title: 'Last used',
        value: ({ lastUsedAt }) => (lastUsedAt === null ? 'never' : formatTime(lastUsedAt)),
      },
      { title: 'Did', value: counts },
    ],
    credentials,
  )

export const repositoryCredentialListVerb = defineVerb({
  example: 'hearthold repository credential list laptop',
  arguments: [repositoryArgument],
  options: serverOptions,
  run: (call) =>
    withSession(call, async ({ client }) => {
      const { signal } = call.terminal
      const { repository, name } = await findRepository(client, call.arguments.repository, signal)
      const params = { repository }
      const { credentials } = await client.call(listRepositoryCredentials, { params, signal })
      const none = `No machine is let in. Make a credential with: hearthold repository credential create ${printable(name)} --out FILE\n`
      return { data: { repository, credentials }, text: table(credentials) || none }
    }),
})

export const repositoryCredentialRevokeVerb = defineVerb({
  example: 'hearthold repository credential revoke laptop laptop-k3f9t2ab',
  arguments: [
    repositoryArgument,
    {
      name: 'credential',
      summary: 'As hearthold repository credential list shows it',
      required: true,
    },
  ],
  options: serverOptions,
  run: (call) => {
    const { credential } = call.arguments
    const missing = (): CliError =>
      new CliError(
        'notFound',
        'There is no such credential.',
        'hearthold repository credential list shows them.',
      )
    if (!/^[a-z0-9]{1,20}-[a-z2-7]{8}$/.test(credential)) throw missing()
    return withSession(call, async ({ client }) => {
      const { signal } = call.terminal
      const { repository } = await findRepository(client, call.arguments.repository, signal)
      const params = { repository, credential }
      const { removed } = await client.call(removeRepositoryCredential, { params, signal })
      if (!removed) throw missing()
      return {
        data: { repository, revoked: credential },
        text: `${credential} lets nobody in any more.\n`,
      }
    })
  },
})
