/** The real server as a process of its own, to be killed and started again on the same data folder and port. */
import { type ChildProcess, spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { Agent, request } from 'node:http'
import { createServer } from 'node:net'
import { join, resolve } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { Endpoint, ProblemBody } from '@hearthold/contract'
import { toHex } from '@hearthold/crypto'
import { randomBytes } from 'node:crypto'
import type { TestIdentity } from '../../apps/server/src/features/identity/test-identity.ts'
import { Person } from '../../apps/server/src/features/identity/test-person.ts'

const launcher = resolve(import.meta.dirname, '../../bin/hearthold')
const octets = 'application/octet-stream'

export type Input = {
  readonly params?: Readonly<Record<string, string>>
  readonly query?: Readonly<Record<string, unknown>>
  readonly body?: unknown
  readonly token?: string
}
export type Answer = {
  readonly status: number
  readonly code: string
  readonly bytes: Uint8Array<ArrayBuffer>
  readonly json: Record<string, unknown>
}

/** The server went away before it answered: what was asked may or may not have been done. */
export class Unanswered extends Error {}

const freePort = (): Promise<number> =>
  new Promise((done, fail) => {
    const server = createServer().once('error', fail)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => done(typeof address === 'object' && address ? address.port : 0))
    })
  })

type Command = readonly [string, ...string[]]

export class ServerProcess {
  readonly port: number
  readonly dataFolder: string
  /** What it printed, over all its lives. */
  output = ''
  readonly #command: Command
  readonly #isWrapped: boolean
  #child: ChildProcess | undefined
  #agent = new Agent({ keepAlive: true })

  private constructor(port: number, dataFolder: string, command: Command, isWrapped: boolean) {
    this.port = port
    this.dataFolder = dataFolder
    this.#command = command
    this.#isWrapped = isWrapped
  }

  /** @param wrap what runs the server's command, given as further arguments; nothing by default */
  static async create(dataFolder: string, wrap: readonly string[] = []): Promise<ServerProcess> {
    const command = [...wrap, process.execPath, launcher, 'serve'] as const
    return new ServerProcess(
      await freePort(),
      dataFolder,
      command as unknown as Command,
      wrap.length > 0,
    )
  }

  spawn(): void {
    const [program, ...args] = this.#command
    const kept = Object.entries(process.env).filter(([name]) => !name.startsWith('HEARTHOLD_'))
    const child = spawn(program, args, {
      env: {
        ...Object.fromEntries(kept),
        HEARTHOLD_DATA: this.dataFolder,
        HEARTHOLD_LISTEN: `127.0.0.1:${this.port}`,
        HEARTHOLD_PUBLIC_URL: `http://localhost:${this.port}`,
        // Each request comes from an address of its own: what is counted by address is none of this test's business.
        HEARTHOLD_TRUSTED_PROXIES: '127.0.0.1',
      },
      stdio: ['ignore', 'pipe', 'pipe'],
      // A group of its own, which can be ended as a whole.
      detached: this.#isWrapped,
    })
    for (const stream of [child.stdout, child.stderr])
      stream?.on('data', (text: Buffer) => (this.output += text.toString()))
    this.#agent = new Agent({ keepAlive: true })
    this.#child = child
  }

  /** Starts it and waits until it answers. @throws Error with what it printed */
  async start(): Promise<void> {
    this.spawn()
    await this.ready()
  }

  async ready(): Promise<void> {
    for (const began = Date.now(); Date.now() - began < 20_000;) {
      if (this.#child?.exitCode !== null) break
      const answer = await this.#request('GET', '/readyz', {}).catch(() => undefined)
      if (answer?.status === 200) return
      await delay(15)
    }
    throw new Error(`the server did not start: ${this.output.slice(-2000)}`)
  }

  get pid(): number {
    return this.#child?.pid ?? 0
  }

  /** A file of its data folder, also where it has a file system of its own. */
  file(name: string): string {
    const inside = join(this.dataFolder, name)
    return this.#isWrapped ? join(`/proc/${this.pid}/root`, inside) : inside
  }

  /** Ends it at once, and waits until it is gone. */
  async end(signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    const child = this.#child
    this.#child = undefined
    if (child?.exitCode === null && child.signalCode === null) {
      const gone = new Promise((done) => child.once('exit', done))
      if (this.#isWrapped) process.kill(-(child.pid ?? 0), signal)
      else child.kill(signal)
      await gone
    }
    this.#agent.destroy()
  }

  /** @throws Unanswered */
  #request(method: string, path: string, input: Input): Promise<Answer> {
    const { body, token } = input
    const isBytes = body instanceof Uint8Array
    const payload =
      body === undefined ? undefined : isBytes ? body : Buffer.from(JSON.stringify(body))
    const [a, b, c] = randomBytes(3)
    return new Promise((done, fail) => {
      const lost = (cause: unknown): void => fail(new Unanswered(path, { cause }))
      const sent = request(
        {
          ...{ agent: this.#agent, host: '127.0.0.1', port: this.port, method, path },
          headers: {
            host: `localhost:${this.port}`,
            'x-forwarded-for': `10.${a}.${b}.${c}`,
            ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
            ...(payload === undefined
              ? {}
              : {
                  'content-type': isBytes ? octets : 'application/json',
                  'content-length': payload.length,
                }),
          },
        },
        (answer) => {
          const chunks: Buffer[] = []
          answer.on('data', (chunk: Buffer) => chunks.push(chunk))
          answer.on('error', lost)
          answer.on('close', () => answer.complete || lost('cut'))
          answer.on('end', () => {
            if (!answer.complete) return lost('cut')
            const bytes = new Uint8Array(Buffer.concat(chunks))
            const type = answer.headers['content-type'] ?? ''
            const json = (
              type.includes('json') ? JSON.parse(Buffer.from(bytes).toString()) : {}
            ) as Answer['json']
            const status = answer.statusCode ?? 0
            done({ status, bytes, json, code: status < 400 ? '' : (json as ProblemBody).code })
          })
        },
      )
      sent.on('error', lost)
      sent.end(payload)
    })
  }

  /** @throws Unanswered */
  ask({ method, path }: Pick<Endpoint, 'method' | 'path'>, input: Input = {}): Promise<Answer> {
    const filled = path.replaceAll(/:(\w+)/g, (_all, name: string) => input.params?.[name] ?? '')
    const query = new URLSearchParams(
      Object.entries(input.query ?? {}).map(([name, value]) => [name, String(value)]),
    )
    return this.#request(method, query.size === 0 ? filled : `${filled}?${query}`, input)
  }

  /** The same, for what must succeed. @throws Unanswered, and Error with the code of a refusal */
  async must(endpoint: Endpoint, input: Input = {}): Promise<Answer> {
    const answer = await this.ask(endpoint, input)
    if (answer.status >= 300)
      throw new Error(`${endpoint.name} answered ${answer.status} ${answer.code}`)
    return answer
  }

  /** Somebody who uses this server; see test-person.ts. */
  person(name: string): Person {
    const server = {
      call: async (endpoint: Endpoint, input: Input) => {
        const { status, code, json } = await this.ask(endpoint, input)
        return { status, code, body: json, retryAfter: 0, cookie: undefined, sizeBytes: 0 }
      },
      get now(): number {
        return Date.now()
      },
      identity: {
        setUp: { token: () => readFileSync(this.file('set-up-token'), 'utf8').trim().slice(0, 43) },
      },
    }
    return new Person(server as unknown as TestIdentity, name)
  }
}

/** A name or id that nobody has yet. */
export const fresh = (): string => toHex(randomBytes(16))
