import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { AnswerOf, BodyOf, Endpoint, ParamsOf, QueryOf } from '@hearthold/contract'
import * as contract from '@hearthold/contract'
import {
  type Bytes,
  createIdentityBundle,
  createMethod,
  decodeReceipts,
  currentIdentity,
  encodeAppend,
  fromB64,
  fromHex,
  generateRecoverySecret,
  type LogAppend,
  type MethodRecord,
  type MethodType,
  methodType,
  randomBytes,
  randomId,
  recoveryLocator,
  signSignInChallenge,
  toB64,
  toHex,
} from '@hearthold/crypto'
import { client, ready } from '@serenity-kit/opaque'
import { Secret, TOTP } from 'otpauth'
import { createSessionEvents, type SessionEvents } from '#platform/access/session-events.ts'
import { type Database, migrate, openDatabase } from '#platform/db/index.ts'
import { createTestHttp, type TestHttp } from '#platform/http/test-http.ts'
import { type Keys, keysMigrations, type KeysTables, openKeys } from '#platform/keys/index.ts'
import { createLogService, logMigrations, type LogTables } from '#platform/logs/index.ts'
import { WatchedObjects } from '#platform/logs/test-log-service.ts'
import { TestMember } from '#platform/logs/test-logs.ts'
import { type Identity, identityMigrations, type IdentityTables, openIdentity } from './public.ts'

type Tables = IdentityTables & KeysTables & LogTables

/** An answer as a test looks at it: `body` is the endpoint's answer, or a problem. */
export type Answer<E> = {
  readonly status: number
  readonly body: AnswerOf<E>
  /** The problem's code; empty for an answer. */
  readonly code: string
  readonly retryAfter: number
  readonly cookie: string | undefined
  readonly sizeBytes: number
}
type Input<E> = {
  params?: ParamsOf<E>
  query?: QueryOf<E>
  body?: BodyOf<E>
  token?: string
  cookie?: string
  address?: string
}

/** For tests only: the feature over a real database, log service and HTTP layer, with a clock that stands still. */
export class TestIdentity {
  readonly folder = mkdtempSync(join(tmpdir(), 'hearthold-identity-'))
  readonly ended: string[] = []
  readonly used = new Map<string, number>()
  now = 1_800_000_000_000
  defaultQuotaBytes: number | undefined
  db!: Database<Tables>
  keys!: Keys
  identity!: Identity
  events!: SessionEvents
  http!: TestHttp

  static async open(publicUrl?: string): Promise<TestIdentity> {
    const made = new TestIdentity()
    await made.start(publicUrl)
    return made
  }

  async start(publicUrl = 'http://localhost:8765'): Promise<void> {
    const clock = { now: () => this.now }
    this.db = openDatabase<Tables>({ file: join(this.folder, 'test.db') })
    await migrate(this.db, [...keysMigrations, ...logMigrations, ...identityMigrations])
    this.keys = await openKeys({ keysDir: join(this.folder, 'keys'), db: this.db, clock })
    this.events = createSessionEvents()
    this.events.onEnded((ids) => void this.ended.push(...ids))
    const instanceSeed = this.keys.secrets.signingSeed
    const objects = new WatchedObjects()
    this.identity = await openIdentity({
      db: this.db,
      clock,
      keys: this.keys,
      logs: createLogService({ db: this.db, clock, instanceSeed, objects }),
      events: this.events,
      dataDir: this.folder,
      publicUrl: () => publicUrl,
      defaultQuotaBytes: this.defaultQuotaBytes,
      usedBytes: async () => this.used,
    })
    const { sessions, setUp } = this.identity
    // Injected requests have no socket to cut.
    const timeouts = { lingerMs: 3600_000 }
    this.http = createTestHttp({}, { publicUrl, clock, sessions, setUp, timeouts })
    this.identity.routes(this.http.http)
    await this.identity.start()
  }

  async stop(): Promise<void> {
    this.identity.stop()
    await this.http.close()
    await this.db.close()
  }

  async restart(): Promise<void> {
    await this.stop()
    await this.start()
  }

  async close(): Promise<void> {
    await this.stop()
    rmSync(this.folder, { recursive: true, force: true })
  }

  async call<E extends Endpoint>(endpoint: E, input: Input<E> = {}): Promise<Answer<E>> {
    const params = (input.params ?? {}) as Record<string, string>
    const url = endpoint.path.replace(/:(\w+)/g, (_all, name: string) => params[name] ?? '')
    const answer = await this.http.send({
      method: endpoint.method,
      url,
      query: (input.query ?? {}) as Record<string, string>,
      remoteAddress: input.address ?? '192.0.2.1',
      headers: {
        'user-agent': 'test',
        // What a browser sends from our own page.
        'sec-fetch-site': 'same-origin',
        ...(input.token === undefined ? {} : { authorization: `Bearer ${input.token}` }),
        ...(input.cookie === undefined ? {} : { cookie: input.cookie }),
      },
      ...(input.body === undefined ? {} : { payload: input.body as object }),
    })
    const body = JSON.parse(answer.payload || '{}') as AnswerOf<E> & { code?: string }
    const cookie = answer.headers['set-cookie']
    return {
      status: answer.statusCode,
      body,
      code: answer.statusCode < 400 ? '' : (body.code ?? 'none'),
      retryAfter: Number(answer.headers['retry-after'] ?? 0),
      cookie: Array.isArray(cookie) ? cookie[0] : cookie,
      sizeBytes: answer.rawPayload.length,
    }
  }

  /** What the server does every hour. */
  async sweep(): Promise<void> {
    this.identity.stop()
    await this.identity.start()
  }

  /** Lets time pass, so that the next code of an authenticator is a new one. */
  nextStep(): void {
    this.now += 30_000
  }
}

/** Weak on purpose: the server never sees how a client stretches its password. */
const keyStretching = { 'argon2id-custom': { memory: 8, iterations: 1, parallelism: 1 } }
const identifiersOf = (account: string) => ({ client: account, server: 'hearthold' })

/** The client's halves of OPAQUE. */
export const beginRegistration = async (password: string) => {
  await ready
  const begun = client.startRegistration({ password })
  return {
    request: begun.registrationRequest,
    finish: (account: string, registrationResponse: string) =>
      client.finishRegistration({
        password,
        clientRegistrationState: begun.clientRegistrationState,
        registrationResponse,
        identifiers: identifiersOf(account),
        keyStretching,
      }),
  }
}
export const beginLogin = async (password: string) => {
  await ready
  const begun = client.startLogin({ password })
  return {
    request: begun.startLoginRequest,
    finish: (account: string, loginResponse: string) =>
      client.finishLogin({
        password,
        clientLoginState: begun.clientLoginState,
        loginResponse,
        identifiers: identifiersOf(account),
        keyStretching,
      }),
  }
}

/** What an authenticator app shows. */
export const codeOf = (secret: string, now: number): string =>
  new TOTP({ secret: Secret.fromBase32(secret) }).generate({ timestamp: now })

type SignedInPerson = { token: string; session: string }

/** For tests only: somebody with a password, an authenticator and a recovery key, who signs what a client would. */
export class Person extends TestMember {
  readonly server: TestIdentity
  readonly name: string
  password = 'correct horse battery staple'
  recovery: Bytes = generateRecoverySecret()
  totpSecret = ''
  backupCodes: string[] = []
  token = ''
  session = ''

  constructor(server: TestIdentity, name: string) {
    super()
    this.server = server
    this.name = name
  }

  method(type: MethodType, secret: Bytes, id: Bytes = randomId()): Promise<MethodRecord> {
    const place = { account: this.accountBytes, type, id, generation: 1 }
    return createMethod(secret, place, {
      accountKey: randomBytes(32),
      rootPublicKey: this.rootKey,
    })
  }

  /** Enrol, state, pin, identity and profile, for the given instance key. */
  async firstAppend(instanceKey: Bytes): Promise<LogAppend> {
    const identity = currentIdentity(this.keyring)
    const bundle = await createIdentityBundle(this.keyring.rootSeed, this.accountBytes, identity)
    return {
      log: this.log.idBytes,
      genesis: this.log.genesis,
      entries: [
        await this.enrol(this.device),
        await this.state(1),
        await this.accountEntry({ entry: 'pin', instanceKey }, { index: 2 }),
        await this.accountEntry({ entry: 'identity', ...bundle }, { index: 3 }),
        await this.profile(4),
      ],
    }
  }

  /** First half of a sign-up, by set-up token or invitation. */
  async startSignUp(right: { token: string } | { invitation: string }) {
    const registration = await beginRegistration(this.password)
    const wanted = {
      name: this.name,
      account: this.account,
      registrationRequest: registration.request,
    }
    const started =
      'token' in right
        ? await this.server.call(contract.startSetUp, { body: { ...right, ...wanted } })
        : await this.server.call(contract.startSignUp, { body: { ...right, ...wanted } })
    return { started, registration }
  }

  /** What the second half sends. */
  async signUpBody({ started, registration }: Awaited<ReturnType<Person['startSignUp']>>) {
    const { signUp, registrationResponse, totpSecret, instanceKey } = started.body
    this.totpSecret = totpSecret
    const { registrationRecord, exportKey } = registration.finish(
      this.account,
      registrationResponse,
    )
    this.methods = [
      await this.method(methodType.password, fromB64(exportKey)),
      await this.method(methodType.recovery, this.recovery),
    ]
    return {
      signUp,
      registrationRecord,
      totpCode: codeOf(totpSecret, this.server.now),
      append: toB64(encodeAppend([await this.firstAppend(fromHex(instanceKey))])),
      recoveryLocator: toHex(recoveryLocator(this.recovery)),
      transport: 'bearer' as const,
    }
  }

  async setUp(): Promise<this> {
    const token = this.server.identity.setUp.token() ?? ''
    const body = await this.signUpBody(await this.startSignUp({ token }))
    const answer = await this.server.call(contract.finishSetUp, {
      body: { token, instanceName: 'Our house', ...body },
    })
    return this.take(answer)
  }

  async signUp(invitation: string): Promise<this> {
    const body = await this.signUpBody(await this.startSignUp({ invitation }))
    return this.take(
      await this.server.call(contract.finishSignUp, { body: { invitation, ...body } }),
    )
  }

  private take(
    answer: Pick<Answer<typeof contract.finishSignUp>, 'status' | 'code' | 'body'>,
  ): this {
    if (answer.status !== 200) throw new Error(`sign-up answered ${answer.code}`)
    this.token = answer.body.token ?? ''
    this.session = answer.body.session
    this.backupCodes = answer.body.backupCodes
    this.log.head = { seq: 5, chain: headOf(answer.body.receipts) }
    return this
  }

  code(): string {
    return codeOf(this.totpSecret, this.server.now)
  }

  /** First factor; the answer of `finish`, whose `pending` waits for the second. */
  async provePassword(password = this.password, address?: string) {
    const from = address === undefined ? {} : { address }
    const login = await beginLogin(password)
    const started = await this.server.call(contract.startPasswordSignIn, {
      body: { name: this.name, startLoginRequest: login.request },
      ...from,
    })
    if (started.status !== 200) return { started, finished: undefined }
    const { account, loginResponse, signIn } = started.body
    const finished = login.finish(account, loginResponse)
    // A wrong password has no last message: send one of the right form, as an attacker would.
    const finishLoginRequest = finished?.finishLoginRequest ?? toB64(randomBytes(64))
    const body = { signIn, finishLoginRequest }
    return {
      started,
      finished: await this.server.call(contract.finishPasswordSignIn, { body, ...from }),
    }
  }

  async signIn(options: { code?: string; transport?: 'bearer' | 'cookie'; stay?: boolean } = {}) {
    const { finished } = await this.provePassword()
    return this.server.call(contract.finishSecondFactor, {
      body: {
        pending: finished?.body.pending ?? '',
        code: options.code ?? this.code(),
        transport: options.transport ?? 'bearer',
        ...(options.stay === undefined ? {} : { staySignedIn: options.stay }),
      },
    })
  }

  /** A new session by password and the next code. */
  async newSession(): Promise<SignedInPerson> {
    this.server.nextStep()
    const { body, code } = await this.signIn()
    if (code !== '') throw new Error(`sign-in answered ${code}`)
    return { token: body.token ?? '', session: body.session }
  }

  async answerChallenge(
    begun: { signIn: string; challenge: string },
    method: { type: MethodType; id: string; secret: Bytes },
  ) {
    const place = { account: this.accountBytes, type: method.type, id: fromHex(method.id) }
    const signature = await signSignInChallenge(method.secret, place, fromHex(begun.challenge))
    return this.server.call(contract.finishChallengeSignIn, {
      body: { signIn: begun.signIn, signature: toHex(signature), transport: 'bearer' },
    })
  }

  async recover() {
    const locator = toHex(recoveryLocator(this.recovery))
    const { body } = await this.server.call(contract.startRecoverySignIn, { body: { locator } })
    const method = { type: methodType.recovery, id: body.method, secret: this.recovery }
    return this.answerChallenge(body, method)
  }

  /** Appends to the account log as a client does, and moves on where it was accepted. */
  async appendEntries(
    entries: LogAppend['entries'],
    more: Omit<BodyOf<typeof contract.appendAccount>, 'append'> = {},
    token = this.token,
  ) {
    const own = new Map(this.device.own)
    const append = toB64(encodeAppend([this.append(entries)]))
    const answer = await this.server.call(contract.appendAccount, {
      body: { append, ...more },
      token,
    })
    if (answer.status === 200)
      this.log.head = {
        seq: this.log.head.seq + entries.length,
        chain: headOf(answer.body.receipts),
      }
    else for (const [log, head] of own) this.device.own.set(log, head)
    return answer
  }

  /** Appends a state with these methods, as entry `index` of its append. */
  async appendMethods(
    methods: MethodRecord[],
    more: Omit<BodyOf<typeof contract.appendAccount>, 'append'> = {},
    token = this.token,
  ) {
    const before = this.methods
    const own = new Map(this.device.own)
    this.methods = methods
    const entry = await this.state(0)
    const answer = await this.appendEntries([entry], more, token)
    if (answer.status !== 200) {
      this.methods = before
      for (const [log, head] of own) this.device.own.set(log, head)
      if (!own.has(this.log.id)) this.device.own.delete(this.log.id)
    }
    return answer
  }

  methodOf(type: MethodType): MethodRecord {
    const found = this.methods.find((method) => method.type === type)
    if (!found) throw new Error('no such method')
    return found
  }
}

/** Chain of the newest head in an answer. */
const headOf = (receipts: string): Bytes => decodeReceipts(fromB64(receipts))[0]!.chain

/** A host who has set the instance up. */
export const setUpHost = (server: TestIdentity): Promise<Person> =>
  new Person(server, 'Ada').setUp()

/** An invitation by a host. */
export const invite = async (
  host: Person,
  wanted: Partial<BodyOf<typeof contract.createInvitation>> = {},
): Promise<string> => {
  const { body } = await host.server.call(contract.createInvitation, {
    body: { role: 'member', uses: 1, validHours: 24, ...wanted },
    token: host.token,
  })
  return body.invitation
}

/** A member who has signed up by the host's invitation. */
export const addMember = async (host: Person, name: string): Promise<Person> =>
  new Person(host.server, name).signUp(await invite(host))
