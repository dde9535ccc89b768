/** `hearthold serve` as its users run it, with everything logged that it can log, behind a line that is listened to. */
import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { startTcpProxy, type TcpProxy } from '../flows/tcp-proxy.ts'

export const launcher = resolve(import.meta.dirname, '../../bin/hearthold')

const cleanEnvironment = (): NodeJS.ProcessEnv =>
  Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('HEARTHOLD_')))

const freePort = (): Promise<number> =>
  new Promise((done) => {
    const server = createServer()
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => done(typeof address === 'object' && address ? address.port : 0))
    })
  })

export type Run = { readonly code: number; readonly stdout: string; readonly stderr: string }

/** Runs the launcher to its end. */
export const runHearthold = async (
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<Run> => {
  const child = spawn(process.execPath, [launcher, ...args], {
    env: { ...cleanEnvironment(), NO_COLOR: '1', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let stdout = ''
  let stderr = ''
  child.stdout.on('data', (text: Buffer) => (stdout += text.toString()))
  child.stderr.on('data', (text: Buffer) => (stderr += text.toString()))
  const code = await new Promise<number>((done) => child.once('close', (exit) => done(exit ?? 1)))
  return { code, stdout, stderr }
}

export class RealServer {
  readonly folder = mkdtempSync(join(tmpdir(), 'hearthold-custody-'))
  readonly dataFolder = join(this.folder, 'data')
  readonly proxy: TcpProxy
  readonly #port: number
  #child: ChildProcess | undefined
  /** What it wrote to its standard output and error, run by run. */
  readonly outputs: string[] = []

  private constructor(port: number, proxy: TcpProxy) {
    this.#port = port
    this.proxy = proxy
  }

  static async start(): Promise<RealServer> {
    const port = await freePort()
    const server = new RealServer(port, await startTcpProxy(() => port))
    await server.run()
    return server
  }

  get origin(): string {
    return this.proxy.origin
  }

  get setUpToken(): string {
    return readFileSync(join(this.dataFolder, 'set-up-token'), 'utf8').trim()
  }

  get waitsForSetUp(): boolean {
    return existsSync(join(this.dataFolder, 'set-up-token'))
  }

  /** Starts the process on the data folder, which may have been used before. */
  async run(): Promise<void> {
    const child = spawn(process.execPath, [launcher, 'serve'], {
      cwd: this.folder,
      env: {
        ...cleanEnvironment(),
        HEARTHOLD_DATA: this.dataFolder,
        HEARTHOLD_LISTEN: `127.0.0.1:${this.#port}`,
        HEARTHOLD_PUBLIC_URL: this.origin,
        HEARTHOLD_LOG_LEVEL: 'debug',
        HEARTHOLD_ACCESS_LOG: 'log',
        NO_COLOR: '1',
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    this.#child = child
    const index = this.outputs.push('') - 1
    const keep = (text: Buffer): void => void (this.outputs[index] += text.toString())
    child.stdout.on('data', keep)
    child.stderr.on('data', keep)
    for (let waited = 0; waited < 30_000 && child.exitCode === null; waited += 50) {
      const ready = await fetch(`http://localhost:${this.#port}/healthz`).catch(() => undefined)
      if (ready?.ok) return
      await delay(50)
    }
    throw new Error(`The server did not start.\n${this.outputs[index]}`)
  }

  async end(): Promise<void> {
    const child = this.#child
    this.#child = undefined
    if (!child || child.exitCode !== null) return
    const closed = new Promise((done) => child.once('close', done))
    child.kill('SIGTERM')
    await closed
  }

  async stop(): Promise<void> {
    await this.end()
    await this.proxy.stop()
    rmSync(this.folder, { recursive: true, force: true })
  }
}
