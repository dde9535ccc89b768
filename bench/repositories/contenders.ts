/** The servers that are compared: ours in both forms, rclone, and rest-server where REST_SERVER names its binary. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdirSync, readFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { join, resolve } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { DemoDevice, DemoServer } from '../../tools/demo/instance.ts'
import { RclonePeer } from '../peers/rclone.ts'

const launcher = resolve(import.meta.dirname, '../../bin/hearthold')

export type ContenderName =
  | 'rest-server verb'
  | 'full server'
  | 'rclone'
  | 'rest-server'
  | 'no server'

/** A server that is running, with a place for one repository. */
export type Running = {
  /** Base address with a slash at its end, and the user in it where one is needed; a folder where there is no server. */
  readonly address: string
  /** Where its files lie on the disk. */
  readonly folder: string
  /** Undefined where there is no server. */
  readonly pid: number | undefined
  stop(): Promise<unknown>
}

export type Certificates = {
  readonly authority: string
  readonly cert: string
  readonly key: string
}

export type Contender = {
  readonly name: ContenderName
  readonly version: string
  /** When it answers an upload. */
  readonly fsync: string
  readonly hasTls: boolean
  /** With the folder of before. */
  readonly canRestart: boolean
  /** True where there is no server: only restic can use it. */
  readonly isLocal?: true
  start(folder: string, tls: Certificates | undefined): Promise<Running>
}

const freePort = (): Promise<number> =>
  new Promise((done, fail) => {
    const server = createServer().once('error', fail)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => done(typeof address === 'object' && address ? address.port : 0))
    })
  })

const accepts = (port: number): Promise<boolean> =>
  new Promise((done) => {
    const socket = connect({ host: '127.0.0.1', port }, () => done(true))
    socket.once('connect', () => socket.destroy()).once('error', () => done(false))
  })

const stopChild = async (child: ChildProcess): Promise<void> => {
  if (child.exitCode !== null || child.signalCode !== null) return
  const gone = new Promise((done) => child.once('close', done))
  child.kill('SIGTERM')
  await gone
}

/** Starts what serves a folder by itself, and waits until it listens. */
const startFolder = async (
  folder: string,
  tls: Certificates | undefined,
  command: (served: string, listen: string) => readonly string[],
): Promise<Running> => {
  const served = join(folder, 'served')
  mkdirSync(served, { recursive: true })
  const port = await freePort()
  const [program = '', ...args] = command(served, `127.0.0.1:${port}`)
  const child = spawn(program, args, { stdio: 'ignore' })
  child.once('error', () => undefined)
  for (let waited = 0; waited < 20_000 && child.exitCode === null; waited += 20) {
    if (await accepts(port))
      return {
        address: `${tls ? 'https' : 'http'}://127.0.0.1:${port}/house/`,
        folder: join(served, 'house'),
        pid: child.pid ?? 0,
        stop: () => stopChild(child),
      }
    await delay(20)
  }
  await stopChild(child)
  throw new Error(`${program} did not start`)
}

const restServerFlags = (
  served: string,
  listen: string,
  tls: Certificates | undefined,
): string[] => [
  ...['--path', served, '--listen', listen, '--no-auth'],
  ...(tls ? ['--tls', '--tls-cert', tls.cert, '--tls-key', tls.key] : []),
]

const ownVersion = (): string =>
  `${readFileSync(join(launcher, '../../package.json'), 'utf8').match(/"version": "([^"]+)"/)?.[1]}, node ${process.version}`

const verb: Contender = {
  name: 'rest-server verb',
  version: ownVersion(),
  fsync: 'file and folder before the answer',
  hasTls: true,
  canRestart: true,
  start: (folder, tls) =>
    startFolder(folder, tls, (served, listen) => [
      ...[process.execPath, launcher, 'rest-server', ...restServerFlags(served, listen, tls)],
    ]),
}

/** With a database, a credential and its scope, quota and counts: what a member uses. */
const fullServer: Contender = {
  name: 'full server',
  version: ownVersion(),
  fsync: 'file and folder before the answer',
  hasTls: false,
  canRestart: false,
  start: async (folder) => {
    const server = await DemoServer.start(folder)
    const ada = new DemoDevice(server, join(folder, 'home'), join(folder, 'drawer'))
    const password = await ada.writeSecret('password', randomBytes(18).toString('hex'))
    await ada.json(
      ...['set-up', '--token-file', server.setUpTokenFile, '--instance-name', 'Bench'],
      ...['--name', 'bench', '--password-file', password],
      ...['--recovery-key-out', ada.secret('recovery-key')],
      ...['--totp-secret-out', ada.secret('totp-secret')],
    )
    const words = ['repository', 'create', 'bench']
    const { repository } = await ada.json<{ repository: { path: string } }>(...words)
    const address = ada.secret('address')
    await ada.json(...['repository', 'credential', 'create', 'bench', '--out', address])
    return {
      address: readFileSync(address, 'utf8')
        .trim()
        .replace(/^rest:/, ''),
      folder: join(server.dataFolder, ...repository.path.split('/').slice(1, -1)),
      pid: server.pid,
      stop: () => server.stop(),
    }
  },
}

const rclone = (version: string): Contender => ({
  name: 'rclone',
  version,
  fsync: 'none',
  hasTls: true,
  canRestart: true,
  start: (folder, tls) =>
    startFolder(folder, tls, (served, listen) => [
      ...['rclone', 'serve', 'restic', served, '--addr', listen],
      ...(tls ? ['--cert', tls.cert, '--key', tls.key] : []),
    ]),
})

const restServer = (binary: string): Contender => ({
  name: 'rest-server',
  version: execFileSync(binary, ['--version'], { encoding: 'utf8' }).trim(),
  fsync: 'file and folder before the answer',
  hasTls: true,
  canRestart: true,
  start: (folder, tls) =>
    startFolder(folder, tls, (served, listen) => [binary, ...restServerFlags(served, listen, tls)]),
})

/** Restic on a folder: what of an act is its own, whichever server it talks to. No server can be much faster. */
const noServer: Contender = {
  name: 'no server',
  version: 'restic on a local folder, without HTTP or TLS',
  fsync: 'file and folder before the next',
  hasTls: true,
  canRestart: true,
  isLocal: true,
  start: async (folder) => {
    const repository = join(folder, 'house')
    return { address: repository, folder: repository, pid: undefined, stop: async () => undefined }
  },
}

/** Why a peer is missing, by its name. */
export type Missing = Readonly<Partial<Record<ContenderName, string>>>

/** Those that can be run here, ours first; and why the others cannot. */
export const findContenders = (): { contenders: Contender[]; missing: Missing } => {
  const version = RclonePeer.version()
  const binary = process.env['REST_SERVER']
  return {
    contenders: [
      verb,
      fullServer,
      ...(version === undefined ? [] : [rclone(version)]),
      ...(binary ? [restServer(binary)] : []),
      noServer,
    ],
    missing: {
      ...(version === undefined ? { rclone: 'rclone is not installed' } : {}),
      ...(binary ? {} : { 'rest-server': 'REST_SERVER names no binary: that bar stays unproven' }),
    },
  }
}

/** An authority and a certificate of it for 127.0.0.1, made by openssl. */
export const makeCertificates = (folder: string): Certificates => {
  mkdirSync(folder, { recursive: true })
  const openssl = (...args: string[]): void =>
    void execFileSync('openssl', args, { cwd: folder, stdio: 'ignore' })
  openssl(
    ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'],
    ...['-keyout', 'key.pem', '-out', 'cert.pem', '-days', '2', '-subj', '/CN=bench'],
    ...['-addext', 'subjectAltName=IP:127.0.0.1'],
  )
  const cert = join(folder, 'cert.pem')
  return { authority: cert, cert, key: join(folder, 'key.pem') }
}
