import { endManySessions, endOneSession, listSessions, type AnswerOf } from '@hearthold/contract'
import { CliError } from '../cli-error.ts'
import { withSession } from '../connection.ts'
import { formatTable } from '../output/table.ts'
import { formatTime } from '../output/text.ts'
import { serverOptions } from './options.ts'
import { defineVerb, type Outcome, type Verb } from './verb.ts'

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

const listVerb = (example: string): Verb =>
  defineVerb({
    example,
    arguments: [],
    options: serverOptions,
    run: (call) =>
      withSession(call, async ({ client }) => {
        const { sessions } = await client.call(listSessions, { signal: call.terminal.signal })
        return { data: { sessions }, text: table(sessions) }
      }),
  })

export const sessionsVerb = listVerb('hearthold sessions')
export const sessionsListVerb = listVerb('hearthold sessions list')

const ended = (count: number): Outcome => ({
  data: { ended: count },
  text: `${count} ${count === 1 ? 'session' : 'sessions'} ended.\n`,
})

export const sessionsEndVerb = defineVerb({
  example: 'hearthold sessions end 0f3a91c2d4e5f60718293a4b5c6d7e8f',
  arguments: [
    { name: 'session', summary: 'Its id, as hearthold sessions shows it', required: true },
  ],
  options: serverOptions,
  run: (call) => {
    const { session } = call.arguments
    if (!/^[0-9a-f]{32}$/.test(session)) {
      throw new CliError('usage', 'A session has 32 hex digits.', 'hearthold sessions lists them.')
    }
    return withSession(call, async ({ client }) => {
      const { signal } = call.terminal
      const answer = await client.call(endOneSession, { params: { session }, signal })
      if (answer.ended === 0) {
        throw new CliError(
          'notFound',
          'There is no such session.',
          'hearthold sessions lists those that are open.',
        )
      }
      return ended(answer.ended)
    })
  },
})

const endManyVerb = (example: string, scope: 'others' | 'all'): Verb =>
  defineVerb({
    example,
    arguments: [],
    options: serverOptions,
    run: (call) =>
      withSession(call, async ({ client, server }) => {
        const { signal } = call.terminal
        const answer = await client.call(endManySessions, { query: { scope }, signal })
        if (scope === 'all') await server.forgetSecrets()
        return ended(answer.ended)
      }),
  })

export const sessionsEndOthersVerb = endManyVerb('hearthold sessions end-others', 'others')
export const sessionsEndAllVerb = endManyVerb('hearthold sessions end-all', 'all')
