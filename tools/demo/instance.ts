import { type ChildProcess, spawn } from 'node:child_process'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { dirname, join, resolve } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

const root = resolve(dirname(fileURLToPath(import.meta.url)), '../..')
const launcher = join(root, 'bin', 'hearthold')

/** The result of one run of the command line. */
export type Run = { readonly code: number; readonly stdout: string; readonly stderr: string }

/** Nothing of the caller's own settings may leak into the demo. */
const cleanEnvironment = (): NodeJS.ProcessEnv =>
  Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('HEARTHOLD_')))

const start = (args: readonly string[], env: NodeJS.ProcessEnv): ChildProcess =>
  spawn(process.execPath, [launcher, ...args], {
    env: { ...cleanEnvironment(), ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })

const collect = async (child: ChildProcess): Promise<Run> => {
  let stdout = ''
  let stderr = ''
  child.stdout?.on('data', (text: Buffer) => (stdout += text.toString()))
  child.stderr?.on('data', (text: Buffer) => (stderr += text.toString()))
  const code = await new Promise<number>((done) => child.once('close', (exit) => done(exit ?? 1)))
  return { code, stdout, stderr }
}

/** A free TCP port on loopback. */
const freePort = (): Promise<number> =>
  new Promise((done, fail) => {
    const server = createServer().once('error', fail)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => done(typeof address === 'object' && address ? address.port : 0))
    })
  })

const urlOf = (port: number): string => `http://localhost:${port}`

/** A server of its own in a temporary folder, run as its users run it. */
export class DemoServer {
  readonly url: string
  readonly port: number
  readonly dataFolder: string
  readonly #child: ChildProcess
  readonly #output: Promise<Run>

  private constructor(port: number, url: string, dataFolder: string, child: ChildProcess) {
    this.url = url
    this.port = port
    this.dataFolder = dataFolder
    this.#child = child
    this.#output = collect(child)
  }

  /**
   * Starts the server and waits until it answers. `publicUrl` gets the port and returns where people reach it, where that
   * is elsewhere. Throws with its output when it does not answer within 30 s.
   */
  static async start(
    folder: string,
    publicUrl: (port: number) => Promise<string> | string = urlOf,
  ): Promise<DemoServer> {
    const port = await freePort()
    const url = await publicUrl(port)
    const dataFolder = join(folder, 'server')
    const child = start(['serve'], {
      HEARTHOLD_DATA: dataFolder,
      HEARTHOLD_LISTEN: `127.0.0.1:${port}`,
      HEARTHOLD_PUBLIC_URL: url,
    })
    const server = new DemoServer(port, url, dataFolder, child)
    for (let waited = 0; waited < 30_000; waited += 50) {
      if (child.exitCode !== null) break
      const ready = await fetch(`${urlOf(port)}/healthz`).catch(() => undefined)
      if (ready?.ok) return server
      await delay(50)
    }
    const { stdout, stderr } = await server.stop()
    throw new Error(`The server did not start.\n${stdout}${stderr}`)
  }

  get pid(): number {
    return this.#child.pid ?? 0
  }

  get setUpTokenFile(): string {
    return join(this.dataFolder, 'set-up-token')
  }

  /** Ends it. Answers what it printed in all its time. */
  async stop(): Promise<Run> {
    if (this.#child.exitCode === null) this.#child.kill('SIGTERM')
    return this.#output
  }
}

/** One device: a HEARTHOLD_HOME, and the secrets of the person who holds it in files beside it. */
export class DemoDevice {
  readonly home: string
  readonly secrets: string
  readonly #server: DemoServer

  constructor(server: DemoServer, home: string, secrets: string) {
    this.#server = server
    this.home = home
    this.secrets = secrets
  }

  secret(name: string): string {
    return join(this.secrets, name)
  }

  async writeSecret(name: string, value: string): Promise<string> {
    await mkdir(this.secrets, { recursive: true, mode: 0o700 })
    await writeFile(this.secret(name), value, { mode: 0o600 })
    return this.secret(name)
  }

  readSecret(name: string): Promise<string> {
    return readFile(this.secret(name), 'utf8')
  }

  /** Runs one command of the command line on this device. */
  run(...args: string[]): Promise<Run> {
    const env = { HEARTHOLD_HOME: this.home, HEARTHOLD_SERVER: this.#server.url, NO_COLOR: '1' }
    return collect(start(args, env))
  }

  /** The same, with `--json` and a result that must be there. Throws with what the command said. */
  async json<T>(...args: string[]): Promise<T> {
    const { code, stdout, stderr } = await this.run(...args, '--json')
    if (code !== 0) throw new Error(`hearthold ${args[0]} ended with ${code}.\n${stderr}${stdout}`)
    return JSON.parse(stdout) as T
  }
}
