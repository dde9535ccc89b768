import type { Endpoint, ProblemCode } from '@hearthold/contract'
import type { InjectOptions, LightMyRequestResponse } from 'fastify'
import type { SessionContext } from '../access/session.ts'
import { type Log, type LogFields, noLog } from '../log.ts'
import { createHttp, type Http, type HttpDeps } from './http.ts'

/** For tests only. A session whose parts that do not matter are filled in. */
export const testSession = (facts: Partial<SessionContext> = {}): SessionContext => ({
  sessionId: '01'.repeat(16),
  account: '02'.repeat(16),
  log: '03'.repeat(16),
  role: 'member',
  device: undefined,
  kind: 'bearer',
  signedInAt: 0,
  ...facts,
})

/** A token of the right form made of one character. */
export const testToken = (character: string): string => character.repeat(43)

export type RecordingLog = Log & {
  readonly lines: { level: string; fields: LogFields; message: string }[]
}

/** A log that keeps what is written to it. */
export const recordingLog = (): RecordingLog => {
  const lines: RecordingLog['lines'] = []
  const at = (level: string) => (fields: LogFields, message: string) =>
    void lines.push({ level, fields, message })
  return { lines, debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') }
}

export type TestHttp = {
  readonly http: Http
  /** Injects a request with the right Host. */
  readonly send: (options: InjectOptions) => Promise<LightMyRequestResponse>
  /** Closes, and throws if a problem left an endpoint that does not list it. */
  close(): Promise<void>
}

/** For tests only: the layer on a free port of loopback, set up, with these sessions by token. */
export const createTestHttp = (
  sessions: Readonly<Record<string, SessionContext>> = {},
  overrides: Partial<HttpDeps> = {},
): TestHttp => {
  const unlisted: string[] = []
  const http = createHttp({
    publicUrl: 'http://localhost:8765',
    listen: { kind: 'tcp', host: '127.0.0.1', port: 0 },
    trustedProxies: [],
    corsOrigins: [],
    certificate: undefined,
    ownCertificate: false,
    onlyFromProxies: false,
    clock: { now: () => Date.now() },
    log: noLog,
    accessLog: undefined,
    sessions: {
      find: async ({ kind, tokenB64 }) => {
        const session = sessions[tokenB64]
        return session?.kind === kind ? session : undefined
      },
    },
    setUp: { needed: () => false },
    onUnlistedProblem: (endpoint: Endpoint, code: ProblemCode) =>
      void unlisted.push(`${endpoint.name}: ${code}`),
    ...overrides,
  })
  return {
    http,
    send: (options) =>
      http.fastify.inject({
        ...options,
        headers: { host: new URL(http.rules.publicUrl).host, ...options.headers },
      }),
    close: async () => {
      await http.close()
      if (unlisted.length > 0)
        throw new Error(`problems that their endpoints do not list: ${unlisted.join(', ')}`)
    },
  }
}
