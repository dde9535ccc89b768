import {
  createInvitation,
  listInvitations,
  removeInvitation,
  type AnswerOf,
} from '@hearthold/contract'
import { CliError } from '../cli-error.ts'
import { withSession } from '../connection.ts'
import { wholeNumber } from '../input/numbers.ts'
import { reserveSecretFile } from '../output/secret-file.ts'
import { formatTable } from '../output/table.ts'
import { formatTime, printable } from '../output/text.ts'
import { serverOptions } from './options.ts'
import { defineVerb } from './verb.ts'

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

export const inviteListVerb = defineVerb({
  example: 'hearthold invite list',
  arguments: [],
  options: serverOptions,
  run: (call) =>
    withSession(call, async ({ client }) => {
      const { invitations } = await client.call(listInvitations, { signal: call.terminal.signal })
      return { data: { invitations }, text: table(invitations) }
    }),
})

export const inviteRemoveVerb = defineVerb({
  example: 'hearthold invite remove 0f3a91c2d4e5f60718293a4b5c6d7e8f',
  arguments: [
    { name: 'invitation', summary: 'Its id, as hearthold invite list shows it', required: true },
  ],
  options: serverOptions,
  run: (call) => {
    const { invitation } = call.arguments
    if (!/^[0-9a-f]{32}$/.test(invitation))
      throw new CliError(
        'usage',
        'An invitation has 32 hex digits.',
        'hearthold invite list shows them.',
      )
    return withSession(call, async ({ client }) => {
      const { signal } = call.terminal
      const { removed } = await client.call(removeInvitation, { params: { invitation }, signal })
      if (!removed)
        throw new CliError(
          'notFound',
          'There is no such invitation.',
          'hearthold invite list shows those that are open.',
        )
      return { data: { removed: invitation }, text: 'The invitation no longer works.\n' }
    })
  },
})

export const inviteVerb = defineVerb({
  example: 'hearthold invite --uses 3 --hours 48',
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
      name: 'hours',
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
  ],
  run: (call) =>
    withSession(call, async (connection) => {
      const { options, terminal } = call
      const body = {
        role: roles.find((role) => role === options.role) ?? 'member',
        uses: wholeNumber('--uses', options.uses, { min: 1, max: 1000, fallback: 1 }),
        validHours: wholeNumber('--hours', options.hours, {
          min: 1,
          max: 8760,
          fallback: 72,
        }),
      }
      const file = options.out === undefined ? undefined : await reserveSecretFile(options.out)
      try {
        const { id, url, expiresAt } = await connection.client.call(createInvitation, {
          body,
          signal: terminal.signal,
        })
        const facts = { id, role: body.role, uses: body.uses, expiresAt }
        const until = `It works until ${formatTime(expiresAt)} for ${body.uses === 1 ? 'one person' : `${body.uses} people`}, and opens no keys.`
        if (!file) return { data: { ...facts, url }, text: `${printable(url)}\n${until}\n` }
        await file.write(url)
        return {
          data: { ...facts, file: file.path },
          text: `The invitation is in ${file.path}.\n${until}\n`,
        }
      } finally {
        await file?.keep()
      }
    }),
})
