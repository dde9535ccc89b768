/** For tests of access: a whole instance in this process, asked without a network, under a clock of its own. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Endpoint, type ProblemBody, socketPath } from '@hearthold/contract'
import { type App, createApp, loadConfig } from '@hearthold/server'
import type { InjectOptions, LightMyRequestResponse } from 'fastify'
import type { Answer, TestIdentity } from '../../apps/server/src/features/identity/test-identity.ts'
import {
  addMember,
  invite,
  Person,
  setUpHost,
} from '../../apps/server/src/features/identity/test-person.ts'
import { appPaths } from '../../apps/server/src/platform/http/web-app.ts'
import { securityHeaders } from '../../apps/server/src/platform/http/security-headers.ts'
import { recordingLog } from '../../apps/server/src/platform/http/test-http.ts'

export { addMember, invite, Person }

export type Input = {
  readonly params?: Readonly<Record<string, string>> | undefined
  readonly query?: Readonly<Record<string, unknown>> | undefined
  readonly body?: unknown
  readonly token?: string | undefined
  readonly cookie?: string | undefined
  readonly address?: string | undefined
  readonly headers?: Readonly<Record<string, string>> | undefined
}

/** Refilled faster than a test that asks once per step can use it up: 600 a minute. */
const perRequestMs = 120
const octets = 'application/octet-stream'

/** What a bug would show as: 5xx that nobody foresaw, a page without its headers, a code that is not listed. */
const faultOf = (answer: LightMyRequestResponse): string | undefined => {
  const expected5xx = ['not_set_up', 'unavailable', 'over_quota', 'disk_full', 'storage_failed']
  if (answer.statusCode >= 500 && !expected5xx.includes(codeOf(answer)))
    return `answered ${answer.statusCode} ${codeOf(answer)}`
  for (const [name, value] of Object.entries(securityHeaders))
    if (answer.headers[name] !== value && name !== 'cache-control') return `lacks ${name}`
  return undefined
}

/** The problem's code; empty for an answer, `none` for a refusal that is no problem of ours. */
export const codeOf = ({ statusCode, headers, payload }: LightMyRequestResponse): string => {
  if (statusCode < 400) return ''
  if (headers['content-type'] !== 'application/problem+json') return 'none'
  return (JSON.parse(payload) as ProblemBody).code
}

/** A concrete path of an endpoint. */
export const pathOf = (endpoint: Pick<Endpoint, 'path'>, params: Input['params'] = {}): string =>
  endpoint.path.replaceAll(/:(\w+)/g, (_all, name: string) =>
    encodeURIComponent(params[name] ?? ''),
  )

/** For hosts and for whoever has its token (test/repositories/metrics.test.ts has its access). */
export const metricsPath = '/metrics'

/** Everything that answers and is no endpoint: probes, the page, the socket (socket.test.ts has its access). */
export const plainPaths = [
  ...appPaths,
  '/assets/app.js',
  '/healthz',
  '/readyz',
  socketPath,
  metricsPath,
]

/** A web app of one page and one file, as a build leaves them. */
const makeWebFolder = (folder: string): string => {
  const web = join(folder, 'web')
  mkdirSync(join(web, 'assets'), { recursive: true })
  writeFileSync(join(web, 'index.html'), '<!doctype html><title>Hearthold</title>')
  writeFileSync(join(web, 'assets', 'app.js'), 'export {}')
  return web
}

export class Instance {
  readonly folder = mkdtempSync(join(tmpdir(), 'hearthold-access-'))
  readonly webParent = mkdtempSync(join(tmpdir(), 'hearthold-web-'))
  readonly log = recordingLog()
  /** Faults seen so far; `close` throws them. */
  readonly faults: string[] = []
  /** Ms since 1970; the server's clock. */
  now = 1_800_000_000_000
  app!: App
  #asked = 0

  static async open(argv: readonly string[] = []): Promise<Instance> {
    const instance = new Instance()
    await instance.start(argv)
    return instance
  }

  async start(argv: readonly string[] = []): Promise<void> {
    const { config, secrets } = loadConfig({
      argv: ['--listen', '127.0.0.1:0', ...argv],
      env: {},
      folder: this.folder,
    })
    this.app = await createApp(config, secrets, this.log, {
      webFolder: makeWebFolder(this.webParent),
      clock: { now: () => this.now },
      onUnlistedProblem: ({ name }, code) => void this.faults.push(`${name} answered ${code}`),
      // What is not read is let go of at once, so that a test of memory sees what the server keeps.
      timeouts: { lingerMs: 5 },
    })
    await this.app.http.fastify.ready()
  }

  async restart(argv: readonly string[] = []): Promise<void> {
    await this.app.stop()
    await this.start(argv)
  }

  /** @throws Error with the faults that were seen, and with what the server logged as errors */
  async close(): Promise<void> {
    await this.app.stop()
    for (const folder of [this.folder, this.webParent]) {
      rmSync(folder, { recursive: true, force: true })
    }
    const errors = this.log.lines.filter(({ level }) => level === 'error')
    const all = [
      ...this.faults,
      ...errors.map(({ message, fields }) => `${message} ${String(fields['err'])}`),
    ]
    if (all.length > 0) throw new Error([...new Set(all)].join('\n'))
  }

  /** Injects a request, with the right Host and an address of its own where none is given. */
  async send(options: InjectOptions): Promise<LightMyRequestResponse> {
    this.now += perRequestMs
    const n = ++this.#asked
    const answer = await this.app.http.fastify.inject({
      remoteAddress: `10.${(n >> 16) & 255}.${(n >> 8) & 255}.${n & 255}`,
      ...options,
      headers: { host: 'localhost:8765', ...options.headers },
    })
    const fault = faultOf(answer)
    if (fault !== undefined)
      this.faults.push(`${options.method} ${JSON.stringify(options.url)} ${fault}`)
    return answer
  }

  /** Asks an endpoint; a body of bytes goes as bytes, any other as JSON. */
  ask(endpoint: Endpoint, input: Input = {}): Promise<LightMyRequestResponse> {
    const { params, query = {}, body, token, cookie, address } = input
    const isBytes = body instanceof Uint8Array
    return this.send({
      method: endpoint.method,
      url: pathOf(endpoint, params),
      query: Object.fromEntries(
        Object.entries(query).map(([name, value]) => [name, String(value)]),
      ),
      ...(address === undefined ? {} : { remoteAddress: address }),
      headers: {
        'user-agent': 'test',
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        ...(cookie === undefined ? {} : { cookie, 'sec-fetch-site': 'same-origin' }),
        ...(body === undefined ? {} : { 'content-type': isBytes ? octets : 'application/json' }),
        ...input.headers,
      },
      ...(body === undefined
        ? {}
        : { payload: isBytes ? Buffer.from(body) : JSON.stringify(body) }),
    })
  }

  /** As the identity feature's own tests ask: people of theirs work here as well. */
  async call(endpoint: Endpoint, input: Input = {}): Promise<Answer<Endpoint>> {
    const answer = await this.ask(endpoint, input)
    const isJson = String(answer.headers['content-type']).includes('json')
    const cookie = answer.headers['set-cookie']
    return {
      status: answer.statusCode,
      body: isJson ? answer.json() : undefined,
      code: codeOf(answer),
      retryAfter: Number(answer.headers['retry-after'] ?? 0),
      cookie: Array.isArray(cookie) ? cookie[0] : cookie,
      sizeBytes: answer.rawPayload.length,
    }
  }

  get identity(): { setUp: { token(): string | undefined } } {
    return { setUp: { token: () => this.app.setUpToken() } }
  }

  nextStep(): void {
    this.now += 30_000
  }

  /** Sets the instance up. */
  host(): Promise<Person> {
    return setUpHost(this as unknown as TestIdentity)
  }

  person(name: string): Person {
    return new Person(this as unknown as TestIdentity, name)
  }

  async guest(host: Person, name: string): Promise<Person> {
    return this.person(name).signUp(await invite(host, { role: 'guest' }))
  }
}
