/** A real server on a free loopback port, and people who use it from devices of their own. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createClient, type Client, type Transport } from '@hearthold/client'
import { createInvitation, updateMember } from '@hearthold/contract'
import {
  createAccount,
  type CreatedAccount,
  memoryHeads,
  type MemberContext,
  signInWithPassword,
  type SignedIn,
  totpCode,
  unlock,
  type Unlocked,
} from '@hearthold/member'
import { type App, createApp, loadConfig } from '@hearthold/server'
import { nodeTransport, type NodeTransport } from '../../apps/cli/src/transport/node-transport.ts'

const silentLog = { debug() {}, info() {}, warn() {}, error() {} }

/** A device: its network, its memory, its token. */
export type Device = {
  readonly context: MemberContext
  readonly client: Client
  setToken(token: string | undefined): void
  /** Set to change or cut what this device sends and receives. */
  network: (next: Transport['request']) => Transport['request']
}

export type Person = {
  readonly name: string
  readonly password: string
  readonly device: Device
  readonly created: CreatedAccount
  readonly recoveryKey: string
  readonly member: Unlocked
  /** The next code that the server takes. */
  code(): Promise<string>
}

export type FlowServer = {
  readonly origin: string
  /** Holds its `data` folder. */
  readonly folder: string
  /** Moves the server's and everybody's clock. */
  advance(ms: number): void
  device(): Device
  host(): Promise<Person>
  invited(host: Person, name: string): Promise<Person>
  setQuota(host: Person, account: string, quotaBytes: number | null): Promise<void>
  stop(): Promise<void>
}

/** Codes as a person with an authenticator gives them; where a step is used up, the clock moves on. */
const createCodes = (secret: string, clock: { now(): number; advance(ms: number): void }) => {
  let lastUsed: number | undefined
  return (): Promise<string> => {
    let next = totpCode(secret, clock.now(), lastUsed)
    if ('waitMs' in next) {
      clock.advance(next.waitMs)
      next = totpCode(secret, clock.now(), lastUsed)
    }
    if ('waitMs' in next) throw new Error('no code after waiting for one')
    lastUsed = next.step
    return Promise.resolve(next.code)
  }
}

const createDevice = (base: Transport, now: () => number): Device => {
  let token: string | undefined
  const transport: Transport = {
    streamsBodies: base.streamsBodies,
    request: (request) => device.network(base.request.bind(base))(request),
  }
  const client = createClient({ transport, token: () => token })
  const device: Device = {
    client,
    context: { client, heads: memoryHeads(), now },
    setToken: (given) => (token = given),
    network: (next) => next,
  }
  return device
}

type Pass = Parameters<typeof createAccount>[1]['pass']

export const startFlowServer = async (argv: readonly string[] = []): Promise<FlowServer> => {
  const folder = mkdtempSync(join(tmpdir(), 'hearthold-flow-'))
  let shift = 0
  const clock = { now: () => Date.now() + shift, advance: (ms: number) => void (shift += ms) }
  const { config, secrets } = loadConfig({
    argv: ['--listen', '127.0.0.1:0', ...argv],
    env: {},
    folder,
  })
  const app: App = await createApp(config, secrets, silentLog, { clock })
  await app.start()
  const origin = app.publicUrl()
  const transports: NodeTransport[] = []
  const device = (): Device => {
    const transport = nodeTransport({ origin })
    transports.push(transport)
    return createDevice(transport, clock.now)
  }

  const signUp = async (pass: Pass, name: string): Promise<Person> => {
    const password = `the long password of ${name}`
    const mine = device()
    let recoveryKey = ''
    let code: Person['code'] = () => Promise.reject(new Error('no authenticator yet'))
    const created = await createAccount(mine.context, {
      pass,
      name,
      way: {
        kind: 'password',
        password,
        keepTotp: ({ secret }) => {
          code = createCodes(secret, clock)
          return code()
        },
      },
      deviceLabel: `${name}'s first device`,
      deviceMethod: true,
      keepRecoveryKey: (text) => {
        recoveryKey = text
        return Promise.resolve()
      },
      transport: 'bearer',
    })
    mine.setToken(created.token)
    const member = await unlock(mine.context, created, created.unlockBy, created.device)
    return { name, password, device: mine, created, recoveryKey, member, code }
  }

  return {
    origin,
    folder,
    advance: clock.advance,
    device,
    host: () => signUp({ setUpToken: app.setUpToken()!, instanceName: 'Flow' }, 'ada'),
    invited: async (host, name) => {
      const { invitation } = await host.device.client.call(createInvitation, {
        body: { role: 'member', uses: 1, validHours: 1 },
      })
      return signUp({ invitation }, name)
    },
    setQuota: async (host, account, quotaBytes) => {
      await host.device.client.call(updateMember, { params: { account }, body: { quotaBytes } })
    },
    stop: async () => {
      for (const transport of transports) transport.close()
      await app.stop()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

/** The same person on another device, by password. */
export const signInElsewhere = async (
  server: FlowServer,
  person: Person,
): Promise<{ device: Device; signedIn: SignedIn; member: Unlocked }> => {
  const device = server.device()
  const signedIn = await signInWithPassword(device.context, {
    name: person.name,
    password: person.password,
    secondFactor: person.code,
    transport: 'bearer',
  })
  device.setToken(signedIn.token)
  const member = await unlock(device.context, signedIn, signedIn.unlockBy)
  return { device, signedIn, member }
}
