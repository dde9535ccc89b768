/** `hearthold rest-server` as a process of its own, and requests to it as they stand: nothing is tidied on the way. */
import { type ChildProcess, spawn } from 'node:child_process'
import { Agent, type IncomingHttpHeaders, request } from 'node:http'
import { request as tlsRequest } from 'node:https'
import { resolve } from 'node:path'

const launcher = resolve(import.meta.dirname, '../../bin/hearthold')

export type RawAnswer = {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: Buffer
}
export type RawRequest = {
  readonly method?: string
  readonly path: string
  /** `user:password`. */
  readonly auth?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: Uint8Array
  /** Sends the body in chunks, without its length. */
  readonly chunked?: boolean
}
type Where =
  | {
      readonly port: number
      readonly tls?: { readonly maxVersion?: 'TLSv1.2'; readonly ciphers?: string }
    }
  | { readonly socketPath: string }

const headersOf = ({ auth, headers, body, chunked }: RawRequest): Record<string, string> => ({
  ...(auth === undefined ? {} : { authorization: `Basic ${Buffer.from(auth).toString('base64')}` }),
  ...(body === undefined || chunked ? {} : { 'content-length': String(body.length) }),
  // Node would measure a body that it has as a whole.
  ...(chunked ? { 'transfer-encoding': 'chunked' } : {}),
  ...headers,
})

/** One request on a connection of its own, or one of the agent. @throws Error where there is no whole answer */
export const ask = (where: Where, input: RawRequest, agent?: Agent): Promise<RawAnswer> =>
  new Promise((done, fail) => {
    const { tls, ...target } = 'port' in where ? where : { ...where, tls: undefined }
    const options = {
      ...target,
      host: '127.0.0.1',
      method: input.method ?? 'GET',
      path: input.path,
      headers: headersOf(input),
      agent: agent ?? false,
    }
    const sent = (
      tls === undefined
        ? request(options)
        : tlsRequest({ ...options, ...tls, rejectUnauthorized: false, agent: false })
    ).once('error', fail)
    sent.once('response', (answer) => {
      const chunks: Buffer[] = []
      answer.on('data', (chunk: Buffer) => chunks.push(chunk))
      answer.on('error', fail)
      answer.on('close', () => fail(new Error('the answer was cut')))
      answer.on('end', () => {
        const { statusCode = 0, headers } = answer
        done({ status: statusCode, headers, body: Buffer.concat(chunks) })
      })
    })
    sent.end(input.body)
  })

export type Started = {
  /** Port listened on; 0 for a unix socket. */
  readonly port: number
  readonly child: ChildProcess
  ask(input: RawRequest): Promise<RawAnswer>
  /** What it printed: standard output and error. */
  output(): { readonly out: string; readonly err: string }
  /** Resolves once this is printed. @throws Error after ten seconds */
  said(words: string): Promise<void>
  /** Ends it. @returns the exit code, and undefined where a signal ended it */
  stop(signal?: NodeJS.Signals): Promise<number | undefined>
}
export type StartOptions = {
  readonly env?: Readonly<Record<string, string>>
  /** The descriptor that becomes 3, as systemd passes it: `sh` then fills in LISTEN_PID. */
  readonly passed?: number
  readonly cwd?: string
  readonly tls?: boolean
  /** The program in place of ours, with the same flags. */
  readonly binary?: string
}

const running = new Map<ChildProcess, Promise<unknown>>()

/** For afterEach: what a failed test left. */
export const stopAll = async (): Promise<void> => {
  for (const [child, exited] of [...running]) {
    child.kill('SIGKILL')
    await exited
  }
}

const launch = (
  argv: readonly string[],
  { env, passed, cwd, binary }: StartOptions,
): ChildProcess => {
  const { LISTEN_PID: _pid, LISTEN_FDS: _fds, ...inherited } = process.env
  const own = [process.execPath, launcher, 'rest-server']
  const command = [...(binary === undefined ? own : [binary]), ...argv]
  const [program = '', ...args] =
    passed === undefined
      ? command
      : ['/bin/sh', '-c', 'LISTEN_PID=$$; export LISTEN_PID; exec "$0" "$@"', ...command]
  return spawn(program, args, {
    env: { ...inherited, ...env },
    stdio: ['ignore', 'pipe', 'pipe', ...(passed === undefined ? [] : [passed])],
    ...(cwd === undefined ? {} : { cwd }),
  })
}

const run = (argv: readonly string[], options: StartOptions) => {
  const child = launch(argv, options)
  const text = { out: '', err: '' }
  child.stdout?.on('data', (chunk: Buffer) => (text.out += chunk.toString()))
  child.stderr?.on('data', (chunk: Buffer) => (text.err += chunk.toString()))
  const exited = new Promise<number | undefined>((done) =>
    child.once('close', (code) => {
      running.delete(child)
      done(code ?? undefined)
    }),
  )
  running.set(child, exited)
  return { child, text, exited }
}

/** Runs it to its end, for what it refuses. */
export const runToEnd = async (
  argv: readonly string[],
  options: StartOptions = {},
): Promise<{ readonly code: number | undefined; readonly out: string; readonly err: string }> => {
  const { text, exited } = run(argv, options)
  return { code: await exited, ...text }
}

/** Starts it on a free port, unless told otherwise. @throws Error with what it printed, if it does not start */
export const startRestServer = async (
  argv: readonly string[],
  options: StartOptions = {},
): Promise<Started> => {
  const listen = argv.some((word) => word.startsWith('--listen')) ? [] : ['--listen=127.0.0.1:0']
  const { child, text, exited } = run([...argv, ...listen], options)
  const said = async (words: string): Promise<void> => {
    for (const began = Date.now(); !`${text.out}${text.err}`.includes(words);) {
      if (child.exitCode !== null || Date.now() - began > 10_000)
        throw new Error(`"${words}" was not said: ${text.err}`)
      await new Promise((done) => setTimeout(done, 10))
    }
  }
  await said('start server on')
  const port = Number(/start server on \S+:(\d+)/.exec(text.err)?.[1] ?? 0)
  return {
    port,
    child,
    said,
    ask: (input) => ask({ port, ...(options.tls ? { tls: {} } : {}) }, input),
    output: () => text,
    stop: (signal = 'SIGTERM') => {
      child.kill(signal)
      return exited
    },
  }
}
