/** Servers that restic is tried against, and folders to back up. */
import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { Repository, RepositoryScope } from '@hearthold/contract'
import type { DemoDevice } from '../../tools/demo/instance.ts'
import { Restic, resticMissing, resticVersion } from '../../tools/demo/restic.ts'
import { type House, setUpHost, startHouse } from '../cli/house.ts'

const launcher = join(import.meta.dirname, '../../bin/hearthold')

/** Small packs: many uploads of little data. */
const smallPacks = { RESTIC_PACK_SIZE: '4' }

/** A new folder below the system's temporary one. */
export const newFolder = (): string => {
  if (resticVersion() === undefined) throw new Error(resticMissing)
  return mkdtempSync(join(tmpdir(), 'hearthold-restic-'))
}

export const freePort = (): Promise<number> =>
  new Promise((done, fail) => {
    const server = createServer().once('error', fail)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => done(typeof address === 'object' && address ? address.port : 0))
    })
  })

const accepts = (port: number): Promise<boolean> =>
  new Promise((done) => {
    const socket = connect({ host: '127.0.0.1', port })
    socket.once('connect', () => done(true)).once('error', () => done(false))
    socket.once('connect', () => socket.destroy())
  })

/** Files of many kinds, `sizeMib` of them that nothing can shorten. */
export const writeSource = (folder: string, sizeMib: number): string => {
  mkdirSync(join(folder, 'letters', 'empty'), { recursive: true })
  for (let at = 0; at < sizeMib; at++)
    writeFileSync(join(folder, `film ${at}.bin`), randomBytes(2 ** 20))
  for (let at = 0; at < 60; at++)
    writeFileSync(join(folder, 'letters', `letter ${at} ü.txt`), `Dear ${at}, `.repeat(at * 7))
  symlinkSync('film 0.bin', join(folder, 'the film'))
  return folder
}

/** A full server with a host, and repositories by its command line. */
export class FullServer {
  readonly house: House
  readonly owner: DemoDevice
  #made = 0

  private constructor(house: House, owner: DemoDevice) {
    this.house = house
    this.owner = owner
  }

  static async start(): Promise<FullServer> {
    const house = await startHouse()
    return new FullServer(house, await setUpHost(house, 'ada'))
  }

  async create(name: string, ...flags: string[]): Promise<Repository> {
    const words = ['repository', 'create', name, ...flags]
    return (await this.owner.json<{ repository: Repository }>(...words)).repository
  }

  /** A new credential: its name, and a file with the address. */
  async credential(
    repository: string,
    scope: RepositoryScope,
  ): Promise<{ credential: string; file: string }> {
    const file = join(this.house.folder, `address-${this.#made++}`)
    const words = ['repository', 'credential', 'create', repository, '--scope', scope]
    const { credential } = await this.owner.json<{ credential: { credential: string } }>(
      ...[...words, '--out', file, '--password-file', this.owner.secret('password')],
    )
    return { credential: credential.credential, file }
  }

  /** Restic with a credential of its own; `like` has the password of the same repository. */
  async restic(repository: string, scope: RepositoryScope, like?: Restic): Promise<Restic> {
    const { file } = await this.credential(repository, scope)
    return new Restic({
      folder: `${file}-restic`,
      repository: { file },
      passwordFile: like?.passwordFile,
      env: smallPacks,
    })
  }

  /** Where the objects of a repository lie. */
  place({ path }: Repository): string {
    return join(this.house.server.dataFolder, ...path.split('/').slice(1, -1))
  }

  stop(): Promise<void> {
    return this.house.stop()
  }
}

/** Restic for an address, with small packs. */
export const resticFor = (
  folder: string,
  repository: string,
  more: { readonly cacert?: string; readonly like?: Restic } = {},
): Restic =>
  new Restic({
    folder,
    repository,
    cacert: more.cacert,
    passwordFile: more.like?.passwordFile,
    env: smallPacks,
  })

/** A server that serves repositories out of a folder: ours or another's. */
export class FolderServer {
  readonly port: number
  readonly #child: ChildProcess
  output = ''

  private constructor(port: number, child: ChildProcess) {
    this.port = port
    this.#child = child
    for (const stream of [child.stdout, child.stderr])
      stream?.on('data', (text: Buffer) => (this.output += text.toString()))
  }

  /** `hearthold rest-server` with these flags, once it answers. */
  static start(folder: string, ...flags: string[]): Promise<FolderServer> {
    return FolderServer.#begin((port) => [
      process.execPath,
      ...[launcher, 'rest-server', '--path', folder, '--listen', `127.0.0.1:${port}`],
      ...flags,
    ])
  }

  /** `rclone serve restic` over a folder. */
  static rclone(folder: string): Promise<FolderServer> {
    return FolderServer.#begin((port) => [
      ...['rclone', 'serve', 'restic', folder, '--addr', `127.0.0.1:${port}`],
    ])
  }

  static async #begin(command: (port: number) => readonly string[]): Promise<FolderServer> {
    const port = await freePort()
    const [program = '', ...args] = command(port)
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] })
    // Without a process there was no such program.
    const missing = child.pid === undefined
    child.once('error', () => undefined)
    const server = new FolderServer(port, child)
    for (let waited = 0; waited < 20_000 && child.exitCode === null && child.pid; waited += 30) {
      if (await accepts(port)) return server
      await delay(30)
    }
    await server.stop()
    const remedy = missing ? `${program} is missing: apt-get install -y ${program}` : server.output
    throw new Error(`${program} ${args[1] ?? ''} did not start. ${remedy}`)
  }

  /** The address of a repository there, for restic. */
  address(path: string, user = ''): string {
    return `rest:http://${user}127.0.0.1:${this.port}/${path}`
  }

  get pid(): number {
    return this.#child.pid ?? 0
  }

  async stop(): Promise<void> {
    const { exitCode, signalCode, pid } = this.#child
    if (exitCode !== null || signalCode !== null || pid === undefined) return
    const gone = new Promise((done) => this.#child.once('close', done))
    this.#child.kill('SIGTERM')
    await gone
  }
}

export const removeFolder = (folder: string): void =>
  rmSync(folder, { recursive: true, force: true })
