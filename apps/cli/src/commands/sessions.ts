import { endManySessions, endOneSession, listSessions, type AnswerOf } from '@hearthold/contract'
import type { Client } from '@hearthold/client'
import { CliError } from '../cli-error.ts'
import { withSession } from '../connection.ts'
import { formatTable } from '../output/table.ts'
import { formatTime } from '../output/text.ts'
import { serverOptions } from './options.ts'
import { defineVerb, type Outcome } from './verb.ts'

type Session = AnswerOf<typeof listSessions>['sessions'][number]

const table = (sessions: readonly Session[]): string =>
  formatTable<Session>(
    [
      { title: 'Session', value: ({ id }) => id },
      { title: 'Here', value: ({ current }) => (current ? 'yes' : '') },
      { title: 'By', value: ({ method }) => method },
      { title: 'Client', value: ({ client }) => client },
      { title: 'From', value: ({ address }) => address },
      { title: 'Last used', value: ({ lastUsedAt }) => formatTime(lastUsedAt) },
      { title: 'Ends', value: ({ expiresAt }) => formatTime(expiresAt) },
    ],
    sessions,
  )

const list = async (client: Client, signal: AbortSignal): Promise<Outcome> => {
  const { sessions } = await client.call(listSessions, { signal })
  return { data: { sessions }, text: table(sessions) }
}

const ended = (count: number): Outcome => ({
  data: { ended: count },
  text: `${count} ${count === 1 ? 'session' : 'sessions'} ended.\n`,
})

export const sessionsVerb = defineVerb({
  example: 'hearthold sessions --end-others',
  arguments: [],
  options: [
    ...serverOptions,
    { name: 'end', value: 'SESSION', summary: 'End this session', env: 'HEARTHOLD_END_SESSION' },
    { name: 'end-others', summary: 'End all sessions but this one' },
    { name: 'end-all', summary: 'End all sessions, this one too' },
  ],
  run: (call) =>
    withSession(call, async ({ client, server }) => {
      const { signal } = call.terminal
      const { end, 'end-others': others, 'end-all': all } = call.options
      if ([end !== undefined, others, all].filter(Boolean).length > 1) {
        throw new CliError(
          'usage',
          'More than one way to end sessions was given.',
          'Give one of --end, --end-others and --end-all.',
        )
      }
      if (end !== undefined && !/^[0-9a-f]{32}$/.test(end)) {
        throw new CliError(
          'usage',
          'A session has 32 hex digits.',
          'hearthold sessions lists them.',
        )
      }
      if (end !== undefined)
        return ended((await client.call(endOneSession, { params: { session: end }, signal })).ended)
      if (!others && !all) return list(client, signal)
      const answer = await client.call(endManySessions, {
        query: { scope: all ? 'all' : 'others' },
        signal,
      })
      if (all) await server.forgetSecrets()
      return ended(answer.ended)
    }),
})
