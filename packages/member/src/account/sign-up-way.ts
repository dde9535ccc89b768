/** What an account is made with besides its recovery key: a password and an authenticator app, or a passkey. */
import {
  type AnswerOf,
  type BodyOf,
  type finishSignUp,
  ProblemError,
  type startSignUp,
} from '@hearthold/contract'
import {
  fromHex,
  IntegrityError,
  type Keyring,
  methodType,
  randomId,
  sealPasskeyLabel,
  toB64,
} from '@hearthold/crypto'
import { registerPassword } from '../opaque.ts'
import { passwordProblem } from '../password.ts'
import { makePasskey, type PasskeyAuthenticator, PasskeyPrfError } from './passkey-ceremony.ts'
import { checkedLabel } from './passkeys.ts'
import type { MethodSecret } from './unlock.ts'

export type PasswordWay = {
  readonly kind: 'password'
  readonly password: string
  /** Gets the authenticator secret, keeps it, and resolves to its current code of six digits. */
  readonly keepTotp: (totp: { secret: string; uri: string }) => Promise<string>
  /** Asked for another code where the server refused the one before; without it the sign-up ends there. */
  readonly onWrongCode?: () => Promise<string>
}
export type PasskeyWay = {
  readonly kind: 'passkey'
  readonly authenticator: PasskeyAuthenticator
  /** What the member is shown for it later; sealed. */
  readonly label?: string
}
export type SignUpWay = PasswordWay | PasskeyWay

type StartWay = BodyOf<typeof startSignUp>['way']
type StartedWay = AnswerOf<typeof startSignUp>['way']
export type FinishWay = BodyOf<typeof finishSignUp>['way']

/** A way on its way through a sign-up. */
export type WayUnderWay = {
  readonly asked: StartWay
  /** Takes the server's answer; the method's secret is known from then on. */
  readonly meet: (account: string, started: StartedWay) => Promise<WayMet>
}
export type WayMet = {
  readonly method: Required<MethodSecret>
  /** After the recovery key is kept: what the last call proves. */
  readonly prove: (keyring: Keyring) => Promise<FinishWay>
  /** Another proof where the server found the code wrong. */
  readonly proveAgain?: () => Promise<FinishWay>
}

const otherWay = () =>
  new IntegrityError('malformed', 'The server answered for another way to sign up.')

const codeOf = (code: string): string => {
  if (/^[0-9]{6}$/.test(code)) return code
  throw new ProblemError('second_factor_wrong', 'A code of the authenticator app has six digits.')
}

const beginPassword = async ({
  password,
  keepTotp,
  onWrongCode,
}: PasswordWay): Promise<WayUnderWay> => {
  const problem = passwordProblem(password)
  if (problem !== undefined) throw new RangeError(problem)
  const registration = await registerPassword(password)
  return {
    asked: { kind: 'password', registrationRequest: registration.request },
    meet: async (account, started) => {
      if (started.kind !== 'password') throw otherWay()
      const { registrationResponse: response, ksf, totpSecret: secret, totpUri: uri } = started
      const made = registration.finish({ account, response, ksf })
      const proofOf = (code: string): FinishWay => ({
        kind: 'password',
        registrationRecord: made.record,
        totpCode: codeOf(code),
      })
      return {
        method: { type: methodType.password, id: randomId(), secret: made.secret },
        prove: async () => proofOf(await keepTotp({ secret, uri })),
        ...(onWrongCode ? { proveAgain: async () => proofOf(await onWrongCode()) } : {}),
      }
    },
  }
}

const beginPasskey = ({ authenticator, label }: PasskeyWay): WayUnderWay => {
  const text = label === undefined ? undefined : checkedLabel(label)
  return {
    asked: { kind: 'passkey' },
    meet: async (account, started) => {
      if (started.kind !== 'passkey') throw otherWay()
      const { id, registration, unlockBy } = await makePasskey(authenticator, started.options)
      if (!unlockBy) throw new PasskeyPrfError('absent')
      const place = { account: fromHex(account), passkey: id }
      return {
        method: unlockBy,
        prove: async (keyring) => ({
          kind: 'passkey',
          registration,
          ...(text === undefined
            ? {}
            : { label: toB64(await sealPasskeyLabel(keyring, place, text)) }),
        }),
      }
    },
  }
}

/** Throws RangeError for a bad password or label, before anything is sent. */
export const beginWay = async (way: SignUpWay): Promise<WayUnderWay> =>
  way.kind === 'password' ? beginPassword(way) : beginPasskey(way)
