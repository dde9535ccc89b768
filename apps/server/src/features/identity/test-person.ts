import type { BodyOf } from '@hearthold/contract'
import * as contract from '@hearthold/contract'
import {
  type Bytes,
  createIdentityBundle,
  createMethod,
  currentIdentity,
  decodeReceipts,
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
import { TestMember } from '#platform/logs/test-logs.ts'
import type { Answer, TestIdentity } from './test-identity.ts'

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

  /** First half of a sign-up, by set-up token, invitation, or nothing. */
  async startSignUp(right: { token: string } | { invitation?: string }) {
    const registration = await beginRegistration(this.password)
    const wanted = {
      name: this.name,
      account: this.account,
      way: { kind: 'password' as const, registrationRequest: registration.request },
    }
    const started =
      'token' in right
        ? await this.server.call(contract.startSetUp, { body: { ...right, ...wanted } })
        : await this.server.call(contract.startSignUp, { body: { ...right, ...wanted } })
    return { started, registration }
  }

  /** What the second half sends. */
  async signUpBody({ started, registration }: Awaited<ReturnType<Person['startSignUp']>>) {
    const { signUp, way, instanceKey } = started.body
    if (way.kind !== 'password') throw new Error('the server asks for a passkey')
    const { registrationResponse, totpSecret } = way
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
      way: {
        kind: 'password' as const,
        registrationRecord,
        totpCode: codeOf(totpSecret, this.server.now),
      },
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

  /** Without an invitation; throws the problem's code. Waits for a host where registration asks for approval. */
  async signUpUninvited(): Promise<this> {
    const begun = await this.startSignUp({})
    if (begun.started.status !== 200) throw new Error(begun.started.code)
    const body = await this.signUpBody(begun)
    const answer = await this.server.call(contract.finishSignUp, { body })
    if (answer.status !== 200) throw new Error(answer.code)
    return this.take(answer)
  }

  protected take(
    answer: Pick<Answer<typeof contract.finishSignUp>, 'status' | 'code' | 'body'>,
  ): this {
    if (answer.status !== 200) throw new Error(`sign-up answered ${answer.code}`)
    const { body } = answer
    if ('session' in body) {
      this.token = body.token ?? ''
      this.session = body.session
    }
    this.backupCodes = body.backupCodes
    this.log.head = { seq: 5, chain: headOf(body.receipts) }
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

  /** Begins a password change and makes the method that goes with it. */
  async beginPasswordChange(password: string, token = this.token) {
    const registration = await beginRegistration(password)
    const started = await this.server.call(contract.startPasswordChange, {
      body: { registrationRequest: registration.request },
      token,
    })
    if (started.code !== '') throw new Error(`the change was answered ${started.code}`)
    const { registrationRecord, exportKey } = registration.finish(
      this.account,
      started.body.registrationResponse,
    )
    const method = await this.method(methodType.password, fromB64(exportKey))
    return { method, change: { change: started.body.change, registrationRecord } }
  }

  /** Proves the password in a session. */
  async unlock(password = this.password, token = this.token) {
    const login = await beginLogin(password)
    const started = await this.server.call(contract.startPasswordUnlock, {
      body: { startLoginRequest: login.request },
      token,
    })
    if (started.code !== '') return started
    const finished = login.finish(this.account, started.body.loginResponse)
    return this.server.call(contract.finishPasswordUnlock, {
      body: {
        signIn: started.body.signIn,
        finishLoginRequest: finished?.finishLoginRequest ?? toB64(randomBytes(64)),
      },
      token,
    })
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
