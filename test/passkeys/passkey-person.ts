/** Somebody with a passkey and a recovery key and no password, who sends what a page would. */
import type { BodyOf } from '@hearthold/contract'
import * as contract from '@hearthold/contract'
import {
  type Bytes,
  encodeAppend,
  fromB64,
  fromHex,
  type MethodRecord,
  methodType,
  passkeyId,
  passkeyPrfSalt,
  randomBytes,
  recoveryLocator,
  toB64,
  toHex,
} from '@hearthold/crypto'
import type { TestIdentity } from '../../apps/server/src/features/identity/test-identity.ts'
import { Person } from '../../apps/server/src/features/identity/test-person.ts'
import { SoftAuthenticator, type SoftBehaviour } from './soft-authenticator.ts'

type Right = { token: string } | { invitation?: string }
type Created = Awaited<ReturnType<SoftAuthenticator['create']>>
type Answered = ReturnType<SoftAuthenticator['answer']>

export const testOrigin = 'http://localhost:8765'
const extensions = { prf: { eval: { first: toB64(passkeyPrfSalt()) } } }

/** What of a new passkey is sent. */
export const registrationOf = ({ id, clientDataJSON, attestationObject, transports }: Created) => ({
  credential: id,
  clientDataJSON,
  attestationObject,
  transports,
})

/** What of an answer is sent. */
export const assertionOf = (answered: Answered): contract.PasskeyAssertion => {
  const { id, clientDataJSON, authenticatorData, signature, userHandle } = answered
  return { credential: id, clientDataJSON, authenticatorData, signature, userHandle }
}

export const passkeyIdOf = ({ id }: { id: string }): string => toHex(passkeyId(fromB64(id)))

const prfOf = ({ prf }: { prf: ArrayBuffer | undefined }): Bytes => {
  if (!prf) throw new Error('no PRF output')
  return new Uint8Array(prf)
}

export class PasskeyPerson extends Person {
  readonly authenticator: SoftAuthenticator

  constructor(server: TestIdentity, name: string, behaviour: Partial<SoftBehaviour> = {}) {
    super(server, name)
    this.authenticator = new SoftAuthenticator({ origin: testOrigin, ...behaviour })
  }

  /** The method that a passkey with this secret has. */
  passkeyMethod(created: Created): Promise<MethodRecord> {
    return this.method(methodType.passkey, prfOf(created), passkeyId(fromB64(created.id)))
  }

  startByPasskey(right: Right) {
    const { server, name, account } = this
    const wanted = { name, account, way: { kind: 'passkey' as const } }
    return 'token' in right
      ? server.call(contract.startSetUp, { body: { ...right, ...wanted } })
      : server.call(contract.startSignUp, { body: { ...right, ...wanted } })
  }

  /** What the second half sends. */
  async byPasskeyBody(started: Awaited<ReturnType<PasskeyPerson['startByPasskey']>>) {
    const { signUp, way, instanceKey } = started.body
    if (way.kind !== 'passkey') throw new Error('the server asks for a password')
    const created = await this.authenticator.create({ ...way.options, extensions })
    this.methods = [
      await this.passkeyMethod(created),
      await this.method(methodType.recovery, this.recovery),
    ]
    return {
      signUp,
      way: { kind: 'passkey' as const, registration: registrationOf(created) },
      append: toB64(encodeAppend([await this.firstAppend(fromHex(instanceKey))])),
      recoveryLocator: toHex(recoveryLocator(this.recovery)),
      transport: 'bearer' as const,
    }
  }

  async setUpByPasskey(): Promise<this> {
    const token = this.server.identity.setUp.token() ?? ''
    const body = await this.byPasskeyBody(await this.startByPasskey({ token }))
    const instanceName = 'Our house'
    return this.take(
      await this.server.call(contract.finishSetUp, { body: { token, instanceName, ...body } }),
    )
  }

  async signUpByPasskey(invitation: string): Promise<this> {
    const body = await this.byPasskeyBody(await this.startByPasskey({ invitation }))
    return this.take(
      await this.server.call(contract.finishSignUp, { body: { invitation, ...body } }),
    )
  }

  /** The challenge, and this person's answer to it. */
  async answerSignIn() {
    const { body } = await this.server.call(contract.startPasskeySignIn)
    return { signIn: body.signIn, answered: await this.authenticator.get(body.options) }
  }

  finishSignIn(
    signIn: string,
    assertion: contract.PasskeyAssertion,
    more: { address?: string; transport?: 'cookie' } = {},
  ) {
    const { transport = 'bearer', ...from } = more
    const body: BodyOf<typeof contract.finishPasskeySignIn> = { signIn, assertion, transport }
    return this.server.call(contract.finishPasskeySignIn, { body, ...from })
  }

  async signInByPasskey() {
    const { signIn, answered } = await this.answerSignIn()
    return this.finishSignIn(signIn, assertionOf(answered))
  }

  /** A fresh proof in a session. */
  async prove(token = this.token) {
    const { body } = await this.server.call(contract.startPasskeyUnlock, { token })
    const assertion = assertionOf(await this.authenticator.get(body.options))
    return this.server.call(contract.finishPasskeyUnlock, {
      body: { signIn: body.signIn, assertion },
      token,
    })
  }

  /** A new passkey, made and not yet sent. */
  async makePasskey(authenticator = this.authenticator) {
    const { body, code } = await this.server.call(contract.startPasskeyChange, {
      token: this.token,
    })
    if (code !== '') throw new Error(`the change was answered ${code}`)
    // As on another device, which has none of the passkeys that are there.
    const created = await authenticator.create({
      ...body.options,
      excludeCredentials: [],
      extensions,
    })
    return { change: body.change, created, registration: registrationOf(created) }
  }

  /** A password and its authenticator, for an account that has none. */
  async addFirstPassword(password: string): Promise<void> {
    const { server, token } = this
    const { method, change } = await this.beginPasswordChange(password)
    const begun = await server.call(contract.startTotpChange, { body: {}, token })
    this.totpSecret = begun.body.totpSecret
    const verified = { change: begun.body.change, totpCode: this.code() }
    await server.call(contract.finishTotpChange, { body: verified, token })
    const both = await this.appendMethods([...this.methods, method], { password: change })
    if (both.code !== '') throw new Error(`the password was answered ${both.code}`)
    this.password = password
  }

  /** Adds a passkey that only signs in. */
  async addSignInOnly(label?: string) {
    const { change, registration, created } = await this.makePasskey()
    const body: BodyOf<typeof contract.addPasskey> = {
      change,
      registration,
      ...(label === undefined ? {} : { label }),
    }
    const answer = await this.server.call(contract.addPasskey, { body, token: this.token })
    return { answer, created }
  }
}

export const randomLabel = (): string => toB64(randomBytes(60))
