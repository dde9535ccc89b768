import {
  approveSignUp,
  denySignUp,
  getRegistration,
  listSignUpRequests,
  updateRegistration,
  type AnswerOf,
} from '@hearthold/contract'
import type { Client } from '@hearthold/client'
import { CliError } from '../cli-error.ts'
import { withSession } from '../connection.ts'
import { parseSize } from '../input/sizes.ts'
import { formatTable } from '../output/table.ts'
import { formatBytes, formatTime, printable } from '../output/text.ts'
import { isNamed } from './members.ts'
import { serverOptions } from './options.ts'
import { type Argument, defineVerb } from './verb.ts'

type Registration = AnswerOf<typeof getRegistration>
type Request = AnswerOf<typeof listSignUpRequests>['requests'][number]

const modes = ['closed', 'approval', 'open'] as const
const meanings: Readonly<Record<Registration['registration'], string>> = {
  closed: 'Registration is closed: new members need an invitation.',
  approval: 'Anybody may ask for an account, and a host decides.',
  open: 'Anybody may make an account.',
}

const textOf = ({ registration, quotaBytes, waiting }: Registration): string => {
  const quota = quotaBytes === null ? "the server's default" : formatBytes(quotaBytes)
  const requests =
    waiting === 0 ? '' : `${waiting} waiting: hearthold members requests lists them.\n`
  return `${meanings[registration]}\nQuota of accounts made without an invitation: ${quota}.\n${requests}`
}

export const registrationVerb = defineVerb({
  example: 'hearthold registration approval --quota 10GiB',
  arguments: [
    {
      name: 'who',
      summary:
        'Who may sign up without an invitation: nobody (closed), whom a host approves, or all',
      choices: modes,
    },
  ],
  options: [
    ...serverOptions,
    {
      name: 'quota',
      value: 'SIZE',
      summary: 'For accounts made that way; none for what the server gives everybody',
      env: 'HEARTHOLD_REGISTRATION_QUOTA',
    },
  ],
  run: (call) => {
    const { who } = call.arguments
    const { quota } = call.options
    const registration = modes.find((mode) => mode === who)
    if (who !== undefined && registration === undefined)
      throw new CliError('usage', 'Registration is closed, approval or open.')
    const body = {
      ...(registration === undefined ? {} : { registration }),
      ...(quota === undefined ? {} : { quotaBytes: quota === 'none' ? null : parseSize(quota) }),
    }
    const changes = Object.keys(body).length > 0
    return withSession(call, async ({ client }) => {
      const { signal } = call.terminal
      const state = changes
        ? await client.call(updateRegistration, { body, signal })
        : await client.call(getRegistration, { signal })
      return { data: state, text: textOf(state) }
    })
  },
})

export const membersRequestsVerb = defineVerb({
  example: 'hearthold members requests',
  arguments: [],
  options: serverOptions,
  run: (call) =>
    withSession(call, async ({ client }) => {
      const { requests } = await client.call(listSignUpRequests, { signal: call.terminal.signal })
      const text = formatTable<Request>(
        [
          { title: 'Name', value: ({ name }) => name },
          { title: 'Asked', value: ({ askedAt }) => formatTime(askedAt) },
          { title: 'Ends', value: ({ expiresAt }) => formatTime(expiresAt) },
          { title: 'Id', value: ({ account }) => account },
        ],
        requests,
      )
      return { data: { requests }, text }
    }),
})

const requestArgument = {
  name: 'member',
  summary: 'A sign-in name, or an id as hearthold members requests shows it',
  required: true,
} as const satisfies Argument

/** Throws `CliError` (not found). */
const findRequest = async (
  client: Client,
  member: string,
  signal: AbortSignal,
): Promise<Request> => {
  const { requests } = await client.call(listSignUpRequests, { signal })
  const found = requests.find((request) => isNamed(request, member, requests))
  if (found) return found
  throw new CliError(
    'notFound',
    'Nobody of that name waits.',
    'hearthold members requests lists those who do.',
  )
}

export const membersApproveVerb = defineVerb({
  example: 'hearthold members approve bertil',
  arguments: [requestArgument],
  options: serverOptions,
  run: (call) =>
    withSession(call, async ({ client }) => {
      const { signal } = call.terminal
      const { account } = await findRequest(client, call.arguments.member, signal)
      const member = await client.call(approveSignUp, { params: { account }, signal })
      return { data: { member }, text: `${printable(member.name)} may sign in.\n` }
    }),
})

export const membersDenyVerb = defineVerb({
  example: 'hearthold members deny bertil',
  arguments: [requestArgument],
  options: serverOptions,
  run: (call) =>
    withSession(call, async ({ client }) => {
      const { signal } = call.terminal
      const { account, name } = await findRequest(client, call.arguments.member, signal)
      await client.call(denySignUp, { params: { account }, signal })
      return {
        data: { denied: account, name },
        text: `${printable(name)} is not let in: the account is removed, and the name is free.\n`,
      }
    }),
})
