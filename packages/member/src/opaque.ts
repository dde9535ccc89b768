/**
 * The client's side of OPAQUE (cryptography.md 1). Identifiers and key stretching are fixed here and never
 * taken from the server: a wrong setting would only look like a wrong password, a weaker one would be an attack.
 * Stretching runs synchronously for about 0.3 s: browsers call this in a worker.
 */
import { IntegrityError, fromB64, type Bytes } from '@hearthold/crypto'
import { client, ready } from '@serenity-kit/opaque'
import { normalizePassword } from './password.ts'

/** Version 1 of the stretching: Argon2id, 64 MiB, 3 passes, 1 lane. */
const stretching = {
  1: { 'argon2id-custom': { memory: 65_536, iterations: 3, parallelism: 1 } },
} as const

/** Bytes of OPAQUE's export key: the secret of the password method. */
const exportKeyBytes = 64
const serverIdentifier = 'hearthold'

const stretchingOf = (ksf: number) => {
  if (ksf !== 1) {
    throw new IntegrityError(
      'malformed',
      'The server asks for another password stretching than ours.',
    )
  }
  return stretching[1]
}

const identifiersOf = (account: string) => ({ client: account, server: serverIdentifier })

const secretOf = (exportKey: string): Bytes => {
  const secret = fromB64(exportKey)
  if (secret.length !== exportKeyBytes) {
    throw new IntegrityError('malformed', 'The export key has a wrong length.')
  }
  return secret
}

const refuseBytes = (cause: unknown): never => {
  throw new IntegrityError('malformed', 'The server answered no valid OPAQUE message.', { cause })
}

export type PasswordRegistration = {
  /** First message to the server, base64url. */
  readonly request: string
  /**
   * Last message and the method's secret (64 bytes). `account` is the account id in hex, `ksf` what the server
   * named: anything but 1 is IntegrityError('malformed'), and so is a response that is not OPAQUE's.
   */
  finish(answer: { account: string; response: string; ksf: number }): {
    readonly record: string
    readonly secret: Bytes
  }
}

/** Begins to register a password. The caller has checked `passwordProblem`. */
export const registerPassword = async (password: string): Promise<PasswordRegistration> => {
  await ready
  const text = normalizePassword(password)
  const { clientRegistrationState, registrationRequest } = client.startRegistration({
    password: text,
  })
  return {
    request: registrationRequest,
    finish({ account, response, ksf }) {
      const keyStretching = stretchingOf(ksf)
      try {
        const { registrationRecord, exportKey } = client.finishRegistration({
          password: text,
          clientRegistrationState,
          registrationResponse: response,
          identifiers: identifiersOf(account),
          keyStretching,
        })
        return { record: registrationRecord, secret: secretOf(exportKey) }
      } catch (error) {
        return refuseBytes(error)
      }
    },
  }
}

export type PasswordLogin = {
  /** First message to the server, base64url. */
  readonly request: string
  /** Last message and the method's secret; undefined for a wrong password (or an unknown name: they look alike). */
  finish(answer: {
    account: string
    response: string
    ksf: number
  }): { readonly request: string; readonly secret: Bytes } | undefined
}

/** Begins to prove a password. */
export const provePassword = async (password: string): Promise<PasswordLogin> => {
  await ready
  const text = normalizePassword(password)
  const { clientLoginState, startLoginRequest } = client.startLogin({ password: text })
  return {
    request: startLoginRequest,
    finish({ account, response, ksf }) {
      const keyStretching = stretchingOf(ksf)
      try {
        const finished = client.finishLogin({
          password: text,
          clientLoginState,
          loginResponse: response,
          identifiers: identifiersOf(account),
          keyStretching,
        })
        return (
          finished && { request: finished.finishLoginRequest, secret: secretOf(finished.exportKey) }
        )
      } catch (error) {
        return refuseBytes(error)
      }
    },
  }
}
