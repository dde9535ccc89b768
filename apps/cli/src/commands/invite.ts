import {
  createInvitation,
  listInvitations,
  removeInvitation,
  type AnswerOf,
} from '@hearthold/contract'
import { CliError } from '../cli-error.ts'
import { withSession, type Connection } from '../connection.ts'
import { wholeNumber } from '../input/numbers.ts'
import { writeSecretFile } from '../output/secret-file.ts'
import { formatTable } from '../output/table.ts'
import { formatTime, printable } from '../output/text.ts'
import { serverOptions } from './options.ts'
import { defineVerb, type Outcome } from './verb.ts'

type Invitation = AnswerOf<typeof listInvitations>['invitations'][number]
const roles = ['member', 'host', 'guest'] as const

const table = (invitations: readonly Invitation[]): string =>
  formatTable<Invitation>(
    [
      { title: 'Invitation', value: ({ id }) => id },
      { title: 'Role', value: ({ role }) => role },
      { title: 'Uses left', value: ({ usesLeft }) => String(usesLeft), align: 'right' },
      { title: 'Ends', value: ({ expiresAt }) => formatTime(expiresAt) },
    ],
    invitations,
  )

const list = async ({ client }: Connection, signal: AbortSignal): Promise<Outcome> => {
  const { invitations } = await client.call(listInvitations, { signal })
  return { data: { invitations }, text: table(invitations) }
}

const remove = async (
  { client }: Connection,
  invitation: string,
  signal: AbortSignal,
): Promise<Outcome> => {
  if (!/^[0-9a-f]{32}$/.test(invitation))
    throw new CliError(
      'usage',
      'An invitation has 32 hex digits.',
      'hearthold invite --list shows them.',
    )
  const { removed } = await client.call(removeInvitation, { params: { invitation }, signal })
  if (!removed)
    throw new CliError(
      'notFound',
      'There is no such invitation.',
      'hearthold invite --list shows those that are open.',
    )
  return { data: { removed: invitation }, text: 'The invitation no longer works.\n' }
}

export const inviteVerb = defineVerb({
  example: 'hearthold invite --uses 3 --valid-hours 48',
  arguments: [],
  options: [
    ...serverOptions,
    {
      name: 'role',
      value: 'ROLE',
      summary: 'What those who come will be; member if absent',
      env: 'HEARTHOLD_INVITE_ROLE',
      choices: roles,
    },
    {
      name: 'uses',
      value: 'NUMBER',
      summary: 'How many may come by it; 1 if absent',
      env: 'HEARTHOLD_INVITE_USES',
    },
    {
      name: 'valid-hours',
      value: 'NUMBER',
      summary: 'How long it works; 72 if absent',
      env: 'HEARTHOLD_INVITE_HOURS',
    },
    {
      name: 'out',
      value: 'FILE',
      summary: 'Write the link to a new file instead of showing it',
      env: 'HEARTHOLD_INVITE_OUT',
      completes: 'file',
    },
    { name: 'list', summary: 'List open invitations instead' },
    {
      name: 'remove',
      value: 'INVITATION',
      summary: 'Void this invitation instead',
      env: 'HEARTHOLD_INVITE_REMOVE',
    },
  ],
  run: (call) =>
    withSession(call, async (connection) => {
      const { options, terminal } = call
      if (options.list) return list(connection, terminal.signal)
      if (options.remove !== undefined) return remove(connection, options.remove, terminal.signal)
      const body = {
        role: roles.find((role) => role === options.role) ?? 'member',
        uses: wholeNumber('--uses', options.uses, { min: 1, max: 1000, fallback: 1 }),
        validHours: wholeNumber('--valid-hours', options['valid-hours'], {
          min: 1,
          max: 8760,
          fallback: 72,
        }),
      }
      const { id, url, expiresAt } = await connection.client.call(createInvitation, {
        body,
        signal: terminal.signal,
      })
      const facts = { id, role: body.role, uses: body.uses, expiresAt }
      const until = `It works until ${formatTime(expiresAt)} for ${body.uses === 1 ? 'one person' : `${body.uses} people`}, and opens no keys.`
      if (options.out === undefined)
        return { data: { ...facts, url }, text: `${printable(url)}\n${until}\n` }
      await writeSecretFile(options.out, url)
      return {
        data: { ...facts, file: options.out },
        text: `The invitation is in ${options.out}.\n${until}\n`,
      }
    }),
})
