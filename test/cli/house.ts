/**
 * A server and its first host, driven by the real command line, for the tests of this folder. Devices run it in this
 * process, with a terminal of its own for each command: starting the program is most of what a command costs.
 * `begin` starts the program itself, for what is about processes, as the tests of custody do for a whole session.
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { catalogue } from '../../apps/cli/src/commands/catalogue.ts'
import { runCommandLine } from '../../apps/cli/src/main.ts'
import { fakeTerminal } from '../../apps/cli/test/fake-terminal.ts'
import { DemoDevice, DemoServer, type Run } from '../../tools/demo/instance.ts'

class HouseDevice extends DemoDevice {
  readonly #url: string

  constructor(server: DemoServer, home: string, secrets: string) {
    super(server, home, secrets)
    this.#url = server.url
  }

  /** Runs one command of the command line on this device, in this process. */
  override async run(...args: string[]): Promise<Run> {
    const env = { HEARTHOLD_HOME: this.home, HEARTHOLD_SERVER: this.#url, NO_COLOR: '1' }
    const terminal = fakeTerminal(env)
    terminal.stdin.end()
    const code = await runCommandLine(catalogue, args, { ...terminal, now: () => Date.now() })
    return { code, stdout: terminal.out(), stderr: terminal.err() }
  }
}

export type House = {
  readonly folder: string
  readonly server: DemoServer
  /** A device of nobody yet; its secrets lie in a folder of the same name. */
  device(name: string): Promise<DemoDevice>
  stop(): Promise<void>
}

export const startHouse = async (): Promise<House> => {
  const folder = await mkdtemp(join(tmpdir(), 'hearthold-cli-'))
  const server = await DemoServer.start(folder)
  return {
    folder,
    server,
    device: async (name) => {
      const device = new HouseDevice(server, join(folder, `${name}-home`), join(folder, name))
      await device.writeSecret('password', randomBytes(18).toString('base64url'))
      return device
    },
    stop: async () => {
      await server.stop()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

/** The options of a new account on a device: all secrets into its own folder. */
export const newAccountFlags = (device: DemoDevice, name: string): string[] => [
  ...['--name', name, '--password-file', device.secret('password')],
  ...['--recovery-key-out', device.secret('recovery-key')],
  ...['--totp-secret-out', device.secret('totp-secret')],
]

/** Sets the house up with a host of this name. */
export const setUpHost = async (house: House, name: string): Promise<DemoDevice> => {
  const device = await house.device(name)
  await device.json(
    ...['set-up', '--token-file', house.server.setUpTokenFile, '--instance-name', 'Test house'],
    ...newAccountFlags(device, name),
  )
  return device
}

/** Lets a host invite somebody, who signs up. */
export const signUpGuest = async (
  house: House,
  host: DemoDevice,
  name: string,
): Promise<DemoDevice> => {
  const invitation = join(house.folder, `invitation-${name}`)
  await host.json('invite', '--out', invitation)
  const device = await house.device(name)
  await device.json('sign-up', '--invite-file', invitation, ...newAccountFlags(device, name))
  return device
}

/** A new, empty device for somebody who has secrets in the folder of another. */
export const newDeviceOf = (house: House, owner: DemoDevice, name: string): DemoDevice =>
  new HouseDevice(house.server, join(house.folder, `${name}-home`), owner.secrets)

/** Flags of a sign-in with all secrets from files. */
export const signInFlags = (device: DemoDevice, name: string): string[] => [
  ...['--name', name, '--password-file', device.secret('password')],
  ...['--totp-secret-file', device.secret('totp-secret')],
]

export type Failure = { readonly code: string; readonly message: string; readonly advice?: string }

/** Runs with --json what must fail; the exit code and the error as scripts get it. */
export const fails = async (
  device: DemoDevice,
  ...args: string[]
): Promise<{ exit: number; error: Failure; run: Run }> => {
  const run = await device.run(...args, '--json')
  if (run.code === 0) throw new Error(`hearthold ${args[0]} did not fail.`)
  const { error } = JSON.parse(run.stdout) as { error: Failure }
  return { exit: run.code, error, run }
}

/** The one file of that name anywhere below a device's home. */
export const findInHome = (device: DemoDevice, name: string): string => {
  const found = readdirSync(device.home, { recursive: true, encoding: 'utf8' })
  const path = found.find((one) => one.endsWith(`/${name}`))
  if (path === undefined) throw new Error(`There is no ${name} in the home.`)
  return join(device.home, path)
}

export const readInHome = (device: DemoDevice, name: string): string =>
  readFileSync(findInHome(device, name), 'utf8').trim()

const launcher = join(import.meta.dirname, '../../bin/hearthold')

/** Starts a command on a device without waiting for it, so that it can be interrupted; as another user where `uid` says so. */
export const begin = (
  device: Pick<DemoDevice, 'home'>,
  args: readonly string[],
  options: { readonly server: string; readonly uid?: number },
): { child: ChildProcess; ended: Promise<Run & { signal: NodeJS.Signals | null }> } => {
  const { uid } = options
  const child = spawn(process.execPath, [launcher, ...args], {
    env: {
      PATH: process.env['PATH'],
      HEARTHOLD_HOME: device.home,
      HEARTHOLD_SERVER: options.server,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
    ...(uid === undefined ? {} : { uid, gid: uid }),
  })
  let stdout = ''
  let stderr = ''
  child.stdout?.on('data', (text: Buffer) => (stdout += text.toString()))
  child.stderr?.on('data', (text: Buffer) => (stderr += text.toString()))
  const ended = new Promise<Run & { signal: NodeJS.Signals | null }>((done) => {
    child.once('close', (code, signal) => done({ code: code ?? -1, stdout, stderr, signal }))
  })
  return { child, ended }
}
