import { listMembers, updateMember, type AnswerOf, type BodyOf } from '@hearthold/contract'
import type { Client } from '@hearthold/client'
import { CliError } from '../cli-error.ts'
import { withSession } from '../connection.ts'
import { parseSize } from '../input/sizes.ts'
import { formatTable } from '../output/table.ts'
import { formatBytes, printable } from '../output/text.ts'
import { serverOptions } from './options.ts'
import { type Argument, defineVerb, type Outcome, type Verb } from './verb.ts'

type Member = AnswerOf<typeof updateMember>
type Change = BodyOf<typeof updateMember>

const quotaText = ({ quotaBytes }: Member): string =>
  quotaBytes === null ? 'none' : formatBytes(quotaBytes)

const table = (members: readonly Member[]): string =>
  formatTable<Member>(
    [
      { title: 'Name', value: ({ name }) => name },
      { title: 'Role', value: ({ role }) => role },
      { title: 'Used', value: ({ usedBytes }) => formatBytes(usedBytes), align: 'right' },
      { title: 'Quota', value: quotaText, align: 'right' },
      { title: 'Suspended', value: ({ suspended }) => (suspended ? 'yes' : '') },
      { title: 'Id', value: ({ account }) => account },
    ],
    members,
  )

const listVerb = (example: string): Verb =>
  defineVerb({
    example,
    arguments: [],
    options: serverOptions,
    run: (call) =>
      withSession(call, async ({ client }) => {
        const { members } = await client.call(listMembers, { signal: call.terminal.signal })
        return { data: { members }, text: table(members) }
      }),
  })

export const membersVerb = listVerb('hearthold members')
export const membersListVerb = listVerb('hearthold members list')

const memberArgument = {
  name: 'member',
  summary: 'A sign-in name, or an id as hearthold members shows it',
  required: true,
} as const satisfies Argument

/** As the server compares sign-in names. */
const folded = (name: string): string => name.normalize('NFKC').trim().toLowerCase()

type Named = { readonly account: string; readonly name: string }

/** Whether what somebody typed means this one of all; an id goes before a name that looks like one. */
export const isNamed = (one: Named, typed: string, all: readonly Named[]): boolean =>
  one.account === typed ||
  (folded(one.name) === folded(typed) && !all.some(({ account }) => account === typed))

/** Throws `CliError` (not found). */
const findMember = async (client: Client, member: string, signal: AbortSignal): Promise<Member> => {
  const { members } = await client.call(listMembers, { signal })
  const found = members.find((one) => isNamed(one, member, members))
  if (found) return found
  throw new CliError('notFound', 'There is no such member.', 'hearthold members lists them.')
}

const change = async (
  client: Client,
  member: string,
  body: Change,
  signal: AbortSignal,
): Promise<Member> => {
  const { account } = await findMember(client, member, signal)
  return client.call(updateMember, { params: { account }, body, signal })
}

const told = (member: Member, text: string): Outcome => ({
  data: { member },
  text: `${printable(member.name)} ${text}\n`,
})

export const membersQuotaVerb = defineVerb({
  example: 'hearthold members quota bertil 100GiB',
  arguments: [
    memberArgument,
    {
      name: 'size',
      summary: 'Such as 500MB or 100GiB; none for what the server gives everybody',
      required: true,
    },
  ],
  options: serverOptions,
  run: (call) => {
    const { member, size } = call.arguments
    const quotaBytes = size === 'none' ? null : parseSize(size)
    return withSession(call, async ({ client }) => {
      const changed = await change(client, member, { quotaBytes }, call.terminal.signal)
      const own = quotaBytes === null ? 'has no quota of their own' : 'has a quota of their own'
      return told(changed, `${own}; in force: ${quotaText(changed)}.`)
    })
  },
})

const suspensionVerb = (example: string, suspended: boolean, text: string): Verb =>
  defineVerb({
    example,
    arguments: [memberArgument],
    options: serverOptions,
    run: (call) =>
      withSession(call, async ({ client }) => {
        const { member } = call.arguments
        return told(await change(client, member, { suspended }, call.terminal.signal), text)
      }),
  })

export const membersSuspendVerb = suspensionVerb(
  'hearthold members suspend bertil',
  true,
  'is suspended: all sessions have ended, and nothing was deleted.',
)
export const membersResumeVerb = suspensionVerb(
  'hearthold members resume bertil',
  false,
  'may sign in again.',
)
