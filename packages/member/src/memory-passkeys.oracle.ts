/** The passkeys of a server in memory, for tests beside the sources: challenges and ids are checked, no signatures. */
import {
  type BodyOf,
  type finishPasskeySignIn,
  type finishPasskeyUnlock,
  type PasskeyAssertion,
  type PasskeyCreationOptions,
  type PasskeyRegistration,
  ProblemError,
  type renamePasskey,
} from '@hearthold/contract'
import {
  fromB64,
  fromHex,
  type MethodRecord,
  methodType,
  passkeyId,
  passkeyUserHandle,
  randomBytes,
  toB64,
  toHex,
} from '@hearthold/crypto'
import type { Handler, Input } from './memory-objects.oracle.ts'

export type MemoryPasskey = {
  passkey: string
  account: string
  credential: string
  label: string | null
}
type Added = { registration: PasskeyRegistration; label?: string }

/** What passkeys need of the server around them. */
type Around = {
  step(values: Record<string, string>): string
  take(step: string): Record<string, string>
  begin(account: string): object
  methods(account: string): readonly MethodRecord[]
}

const rpId = 'localhost'
export const memoryOrigin = 'http://localhost:8765'

const clientDataOf = (encoded: string): { type: string; challenge: string; origin: string } =>
  JSON.parse(new TextDecoder().decode(fromB64(encoded)))

export class MemoryPasskeys {
  readonly known: MemoryPasskey[] = []
  /** Everything that was sent as a registration or an assertion. */
  readonly sent: object[] = []
  readonly #around: Around
  /** Those that were ever methods. */
  readonly #unlocked = new Set<string>()

  constructor(around: Around) {
    this.#around = around
  }

  newChallenge(): string {
    return toB64(randomBytes(32))
  }

  creationOptions(account: string, name: string, challenge: string): PasskeyCreationOptions {
    return {
      rp: { id: rpId, name: 'test' },
      user: { id: toB64(passkeyUserHandle(fromHex(account))), name, displayName: name },
      challenge,
      pubKeyCredParams: [{ type: 'public-key', alg: -7 }],
      timeout: 60_000,
      attestation: 'none',
      authenticatorSelection: {
        residentKey: 'required',
        requireResidentKey: true,
        userVerification: 'required',
      },
      excludeCredentials: this.#descriptors(account),
    }
  }

  requestOptions(challenge: string, account?: string) {
    const allowCredentials = account === undefined ? [] : this.#descriptors(account)
    return { challenge, timeout: 60_000, rpId, allowCredentials, userVerification: 'required' }
  }

  register(account: string, challenge: string, { registration, label }: Added): string {
    this.sent.push(registration)
    const data = clientDataOf(registration.clientDataJSON)
    if (data.type !== 'webauthn.create' || data.challenge !== challenge) {
      throw new ProblemError('passkey_invalid')
    }
    const { credential } = registration
    const passkey = toHex(passkeyId(fromB64(credential)))
    this.known.push({ passkey, account, credential, label: label ?? null })
    return passkey
  }

  /** The passkey that answered. */
  verify(challenge: string, assertion: PasskeyAssertion): MemoryPasskey {
    this.sent.push(assertion)
    const data = clientDataOf(assertion.clientDataJSON)
    const found = this.known.find(({ credential }) => credential === assertion.credential)
    const right = data.type === 'webauthn.get' && data.challenge === challenge
    if (!found || !right) throw new ProblemError('sign_in_failed')
    return found
  }

  /** A registration that `startPasskeyChange` began. */
  add(account: string, added: Added & { change: string }): string {
    const { challenge } = this.#around.take(added.change) as { challenge: string }
    return this.register(account, challenge, added)
  }

  #unlocks(account: string, passkey: string): boolean {
    return this.#around
      .methods(account)
      .some(({ type, id }) => type === methodType.passkey && toHex(id) === passkey)
  }

  /** Those that unlocked go with their methods. */
  dropRemoved(account: string): void {
    for (const { passkey } of this.#of(account))
      if (this.#unlocked.has(passkey) && !this.#unlocks(account, passkey)) this.remove(passkey)
    for (const { id, type } of this.#around.methods(account))
      if (type === methodType.passkey) this.#unlocked.add(toHex(id))
  }

  remove(passkey: string): void {
    const at = this.known.findIndex((one) => one.passkey === passkey)
    if (at < 0) throw new ProblemError('not_found')
    this.known.splice(at, 1)
  }

  #of(account: string): MemoryPasskey[] {
    return this.known.filter((one) => one.account === account)
  }

  #descriptors(account: string): { id: string; type: 'public-key' }[] {
    return this.#of(account).map(({ credential }) => ({
      id: credential,
      type: 'public-key' as const,
    }))
  }

  readonly handlers: Record<string, Handler> = {
    startPasskeySignIn: () => {
      const challenge = this.newChallenge()
      return { signIn: this.#around.step({ challenge }), options: this.requestOptions(challenge) }
    },
    finishPasskeySignIn: ({ body }: { body: BodyOf<typeof finishPasskeySignIn> }) => {
      const { challenge } = this.#around.take(body.signIn) as { challenge: string }
      const { account, passkey } = this.verify(challenge, body.assertion)
      return { ...this.#around.begin(account), canUnlock: this.#unlocks(account, passkey) }
    },
    startPasskeyUnlock: ({ session }) => {
      const challenge = this.newChallenge()
      const options = this.requestOptions(challenge, session!.account.account)
      return { signIn: this.#around.step({ challenge }), options }
    },
    finishPasskeyUnlock: ({ body, session }: Input) => {
      const { signIn, assertion } = body as BodyOf<typeof finishPasskeyUnlock>
      const { challenge } = this.#around.take(signIn) as { challenge: string }
      const { passkey } = this.verify(challenge, assertion)
      const canUnlock = this.#unlocks(session!.account.account, passkey)
      return { fresh: canUnlock, canUnlock }
    },
    listPasskeys: ({ session }) => ({
      passkeys: this.#of(session!.account.account).map(({ passkey, account, label }) => ({
        ...{ passkey, label, canUnlock: this.#unlocks(account, passkey) },
        ...{ synced: false, createdAt: 1, lastUsedAt: null },
      })),
    }),
    startPasskeyChange: ({ session }) => {
      const { account, name } = session!.account
      const challenge = this.newChallenge()
      const options = this.creationOptions(account, name, challenge)
      return { change: this.#around.step({ challenge }), options }
    },
    addPasskey: ({ body, session }: Input) => ({
      passkey: this.add(session!.account.account, body),
      sessionsEnded: 0,
    }),
    renamePasskey: ({ params, body }) => {
      const found = this.known.find(({ passkey }) => passkey === params['passkey'])
      if (!found) throw new ProblemError('not_found')
      found.label = (body as BodyOf<typeof renamePasskey>).label
      return { passkey: found.passkey }
    },
    removePasskey: ({ params }) => {
      this.remove(params['passkey']!)
      return { sessionsEnded: 0 }
    },
  }
}
