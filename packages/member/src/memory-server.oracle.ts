/** A server in memory behind a Transport: enough of the endpoints for one instance, several members, no limits. */
import type { Transport, TransportRequest, TransportResponse } from '@hearthold/client'
import {
  allEndpoints,
  type appendAccount,
  type BodyOf,
  type Endpoint,
  type finishSignUp,
  ProblemError,
  type startSignUp,
} from '@hearthold/contract'
import {
  fromB64,
  fromHex,
  generateSigningSeed,
  methodType,
  randomBytes,
  toB64,
  toHex,
  verifySessionDevice,
  verifySignInChallenge,
} from '@hearthold/crypto'
import type { AccountView } from '@hearthold/model'
import { ready, server } from '@serenity-kit/opaque'
import { MemoryKept } from './memory-kept.oracle.ts'
import { MemoryLogs } from './memory-logs.oracle.ts'
import { type Handler, type Input, MemoryObjects } from './memory-objects.oracle.ts'
import { MemoryPasskeys } from './memory-passkeys.oracle.ts'
import { collect, respond } from './memory-wire.oracle.ts'

export type Account = {
  account: string
  log: string
  name: string
  /** Null without a password. */
  record: string | null
  totp: string
  locator: string
}
export type Session = { token: string; session: string; account: Account }
const id = (): string => toHex(randomBytes(16))
const identifiers = (account: string) => ({ client: account, server: 'hearthold' })

export class MemoryServer {
  readonly logs = new MemoryLogs(generateSigningSeed())
  readonly objects = new MemoryObjects(this.logs.objects)
  readonly kept = new MemoryKept(this.logs.objects)
  readonly passkeys = new MemoryPasskeys({
    step: (values) => this.#step(values),
    take: (step) => this.#take(step),
    begin: (account) => this.#session(this.accounts.find((one) => one.account === account)!),
    methods: (account) =>
      this.#view(this.accounts.find((one) => one.account === account)!).state!.methods,
  })
  readonly accounts: Account[] = []
  readonly sessions: Session[] = []
  readonly calls: string[] = []
  /** Called before each request; may throw what the network would. */
  before: (name: string) => void | Promise<void> = () => undefined
  /** Called with each answer's bytes; may give others, as a hostile server would. */
  change: (name: string, answer: unknown) => unknown = (_, answer) => answer
  readonly #setup = ready.then(() => server.createSetup())
  readonly #steps = new Map<string, Record<string, string>>()

  transport(): Transport {
    return { streamsBodies: true, request: (request) => this.#request(request) }
  }

  async #request(request: TransportRequest): Promise<TransportResponse> {
    const [path, search = ''] = request.url.split('?') as [string, string?]
    const { endpoint, params } = this.#route(request.method, path)
    this.calls.push(endpoint.name)
    await this.before(endpoint.name)
    try {
      const raw = await collect(request.body)
      const body =
        endpoint.body === 'bytes'
          ? raw
          : raw.length
            ? JSON.parse(new TextDecoder().decode(raw))
            : undefined
      const token = request.headers['authorization']?.slice(7)
      const session = this.sessions.find((one) => one.token === token)
      if (endpoint.access === 'member' && !session) throw new ProblemError('unauthenticated')
      const handler = this.handlers[endpoint.name]
      if (!handler) throw new ProblemError('not_found')
      const query = Object.fromEntries(new URLSearchParams(search))
      const range = request.headers['range']
      const input = { params, query, body: body as never, session, range }
      const answer = this.change(endpoint.name, await handler(input))
      if (endpoint === allEndpoints.find(({ name }) => name === 'getObject')) {
        return this.#ranged(answer as Uint8Array, range)
      }
      return respond(200, answer)
    } catch (error) {
      if (!(error instanceof ProblemError)) throw error
      const { status, code } = error
      return respond(status, { type: 'about:blank', title: code, status, code })
    }
  }

  #ranged(bytes: Uint8Array, range: string | undefined): TransportResponse {
    if (!range) return respond(200, bytes)
    const [, from, to] = /^bytes=(\d+)-(\d*)$/.exec(range)!
    const end = to ? Number(to) + 1 : bytes.length
    const part = bytes.subarray(Number(from), end)
    return respond(206, part, { 'content-range': `bytes ${from}-${end - 1}/${bytes.length}` })
  }

  #route(method: string, path: string): { endpoint: Endpoint; params: Record<string, string> } {
    for (const endpoint of allEndpoints) {
      const names = [...endpoint.path.matchAll(/:(\w+)/g)].map((match) => match[1]!)
      const match = new RegExp(`^${endpoint.path.replace(/:\w+/g, '([^/]+)')}$`).exec(path)
      if (endpoint.method !== method || !match) continue
      return {
        endpoint,
        params: Object.fromEntries(names.map((name, i) => [name, match[i + 1]!])),
      }
    }
    throw new ProblemError('not_found')
  }

  #view(account: Account): AccountView {
    return this.logs.logs.get(account.log)!.view as AccountView
  }

  #session(account: Account) {
    const made = { token: toB64(randomBytes(32)), session: id(), account }
    this.sessions.push(made)
    const { account: accountId, log } = account
    return {
      next: 'signed-in',
      account: accountId,
      log,
      session: made.session,
      expiresAt: Date.now() + 1e7,
      token: made.token,
    }
  }

  #step(values: Record<string, string>): string {
    const step = id()
    this.#steps.set(step, values)
    return step
  }

  #take(step: string): Record<string, string> {
    const found = this.#steps.get(step)
    if (!found) throw new ProblemError('sign_in_expired')
    this.#steps.delete(step)
    return found
  }

  async #registration(account: string, registrationRequest: string) {
    const { registrationResponse } = server.createRegistrationResponse({
      serverSetup: await this.#setup,
      userIdentifier: account,
      registrationRequest,
    })
    return { registrationResponse, ksf: 1 }
  }

  async #startLogin(account: Account | undefined, startLoginRequest: string) {
    const userIdentifier = account?.account ?? id()
    const { serverLoginState, loginResponse } = server.startLogin({
      serverSetup: await this.#setup,
      userIdentifier,
      registrationRecord: account?.record ?? null,
      startLoginRequest,
      identifiers: identifiers(userIdentifier),
    })
    const signIn = this.#step({ state: serverLoginState, account: userIdentifier })
    return { signIn, account: userIdentifier, loginResponse, ksf: 1 }
  }

  #finishLogin({
    signIn,
    finishLoginRequest,
  }: {
    signIn: string
    finishLoginRequest: string
  }): Account {
    const step = this.#take(signIn)
    try {
      server.finishLogin({ serverLoginState: step['state']!, finishLoginRequest })
    } catch {
      throw new ProblemError('sign_in_failed')
    }
    return this.accounts.find(({ account }) => account === step['account'])!
  }

  async #signUp(body: BodyOf<typeof startSignUp>) {
    const { account, name, way } = body
    const challenge = this.passkeys.newChallenge()
    return {
      signUp: this.#step({ account, name, challenge }),
      way:
        way.kind === 'passkey'
          ? { kind: 'passkey', options: this.passkeys.creationOptions(account, name, challenge) }
          : {
              kind: 'password',
              ...(await this.#registration(account, way.registrationRequest)),
              totpSecret: 'JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP',
              totpUri: 'otpauth://totp/x',
            },
      instanceKey: toHex(this.logs.instanceKey),
      role: 'member',
      expiresAt: Date.now() + 1e6,
    }
  }

  async #finishSignUp(body: BodyOf<typeof finishSignUp>) {
    const step = this.#take(body.signUp)
    const append = fromB64(body.append)
    const receipts = await this.logs.append(append)
    const log = toHex(append.subarray(6, 22))
    const { account, name, challenge } = step as Record<'account' | 'name' | 'challenge', string>
    const { way } = body
    if (way.kind === 'passkey') this.passkeys.register(account, challenge, way)
    const made = {
      account,
      log,
      name,
      record: way.kind === 'password' ? way.registrationRecord : null,
      totp: '',
      locator: body.recoveryLocator,
    }
    this.accounts.push(made)
    this.passkeys.dropRemoved(account)
    const { next: _, ...session } = this.#session(made)
    return {
      ...session,
      backupCodes: way.kind === 'password' ? ['AAAAA-AAAAA'] : [],
      receipts: toB64(receipts),
    }
  }

  #challenge(account: Account, method: string) {
    const challenge = toHex(randomBytes(32))
    return {
      signIn: this.#step({ account: account.account, method, challenge }),
      account: account.account,
      method,
      challenge,
    }
  }

  async #finishChallenge(body: { signIn: string; signature: string }) {
    const step = this.#take(body.signIn)
    const account = this.accounts.find((one) => one.account === step['account'])!
    const method = this.#view(account).state!.methods.find(
      (one) => toHex(one.id) === step['method'],
    )
    const place = { account: fromHex(account.account), id: fromHex(step['method']!) }
    const right =
      method &&
      (await verifySignInChallenge(
        method.authPublicKey,
        fromHex(body.signature),
        place,
        fromHex(step['challenge']!),
      ))
    if (!right) throw new ProblemError('sign_in_failed')
    return this.#session(account)
  }

  readonly handlers: Record<string, Handler> = {
    getInstance: () => ({
      name: 'test',
      instanceKey: toHex(this.logs.instanceKey),
      publicUrl: 'http://x',
      version: '0',
      passkeys: true,
      registration: 'closed',
    }),
    startSetUp: ({ body }) => this.#signUp(body),
    startSignUp: ({ body }) => this.#signUp(body),
    finishSetUp: ({ body }) => this.#finishSignUp(body),
    finishSignUp: ({ body }) => this.#finishSignUp(body),
    startPasswordSignIn: ({ body }: { body: { name: string; startLoginRequest: string } }) =>
      this.#startLogin(
        this.accounts.find(({ name }) => name === body.name),
        body.startLoginRequest,
      ),
    finishPasswordSignIn: ({ body }) => {
      const { account } = this.#finishLogin(body)
      return { next: 'second-factor', pending: this.#step({ account }) }
    },
    finishSecondFactor: ({ body }: { body: { pending: string } }) => {
      const { account } = this.#take(body.pending)
      return this.#session(this.accounts.find((one) => one.account === account)!)
    },
    startRecoverySignIn: ({ body }: { body: { locator: string } }) => {
      const account = this.accounts.find(({ locator }) => locator === body.locator)
      if (!account) throw new ProblemError('sign_in_failed')
      const method = this.#view(account).state!.methods.find(
        ({ type }) => type === methodType.recovery,
      )!
      return this.#challenge(account, toHex(method.id))
    },
    startDeviceSignIn: ({ body }: { body: { account: string; method: string } }) => {
      const { signIn, challenge } = this.#challenge(
        this.accounts.find(({ account }) => account === body.account)!,
        body.method,
      )
      return { signIn, challenge }
    },
    finishChallengeSignIn: ({ body }) => this.#finishChallenge(body),
    getSession: ({ session }) => ({
      account: session!.account.account,
      log: session!.account.log,
      name: session!.account.name,
      role: 'member',
      session: {
        id: session!.session,
        current: true,
        createdAt: 0,
        lastUsedAt: 0,
        expiresAt: 1,
        staySignedIn: false,
        method: 'password',
        device: null,
        address: '',
        client: '',
      },
      backupCodesLeft: 10,
      hasPassword: session!.account.record !== null,
      hasPasskey: this.passkeys.known.some(({ account }) => account === session!.account.account),
    }),
    bindSessionDevice: async ({ body, session }: Input) => {
      const { device, signature } = body as { device: string; signature: string }
      const known = this.#view(session!.account).devices.get(device)!
      const right = await verifySessionDevice(
        known.publicKey,
        fromHex(signature),
        fromHex(session!.session),
        fromHex(device),
      )
      if (!right) throw new ProblemError('signature_invalid')
      return { device }
    },
    startPasswordUnlock: async ({ body, session }: Input) => {
      const { signIn, loginResponse, ksf } = await this.#startLogin(
        session!.account,
        (body as { startLoginRequest: string }).startLoginRequest,
      )
      return { signIn, loginResponse, ksf }
    },
    finishPasswordUnlock: ({ body }) => {
      this.#finishLogin(body)
      return { fresh: true }
    },
    startPasswordChange: async ({ body, session }: Input) => {
      const { account } = session!.account
      const { registrationRequest } = body as { registrationRequest: string }
      return {
        change: this.#step({ account }),
        ...(await this.#registration(account, registrationRequest)),
      }
    },
    startTotpChange: () => ({
      change: this.#step({}),
      totpSecret: 'JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP',
      totpUri: 'otpauth://totp/x',
    }),
    finishTotpChange: ({ body }: { body: { change: string } }) => {
      this.#take(body.change)
      return { replaced: false }
    },
    replaceBackupCodes: () => ({ backupCodes: ['BBBBB-BBBBB'] }),
    appendAccount: async ({ body, session }: Input) => {
      const sent = body as BodyOf<typeof appendAccount>
      const { append, password, passkey, recoveryLocator } = sent
      const { account } = session!
      if (passkey) this.passkeys.add(account.account, passkey)
      const receipts = await this.logs.append(fromB64(append))
      if (password) account.record = password.registrationRecord
      if (recoveryLocator) account.locator = recoveryLocator
      this.passkeys.dropRemoved(account.account)
      return { receipts: toB64(receipts), sessionsEnded: 0 }
    },
    appendLogs: ({ body }) => this.logs.append(body),
    readLog: ({ params, query: { after, limit = 500 } }) =>
      this.logs.page(params['log']!, Number(after), Number(limit)),
    listLogs: ({ session }) => ({ logs: this.logs.list(session!.account.log) }),
    ...this.objects.handlers,
    ...this.kept.handlers,
    ...this.passkeys.handlers,
  }
}
