import { Type } from 'typebox'
import { endpoint } from './endpoint.ts'
import { OpaqueRequest, OpaqueAnswer, OpaqueRecord, Append, Transport } from './identity-shapes.ts'
import { PasskeyCreationOptions, PasskeyLabel, PasskeyRegistration } from './passkey-shapes.ts'
import { RegistrationMode } from './registration.ts'
import { Base64Url, Exact, Hex32, Id, Role, SignInName, Time, Token } from './schemas.ts'

export const getSetUp = endpoint({
  name: 'getSetUp',
  method: 'GET',
  path: '/api/set-up',
  access: 'public',
  summary: 'Whether this instance still waits to be set up.',
  answer: Exact({
    needed: Type.Boolean(),
    version: Type.String(),
    /** False where the public URL has no name, or is not secure: browsers offer no passkeys there. */
    passkeys: Type.Boolean(),
  }),
})

export const getInstance = endpoint({
  name: 'getInstance',
  method: 'GET',
  path: '/api/instance',
  access: 'public',
  summary: 'The name of the instance and the public key that signs its receipts.',
  answer: Exact({
    name: Type.String(),
    instanceKey: Hex32,
    publicUrl: Type.String(),
    version: Type.String(),
    /** As in `getSetUp`. */
    passkeys: Type.Boolean(),
    /** Who may sign up without an invitation. */
    registration: RegistrationMode,
  }),
})

const SignUpStart = {
  name: SignInName,
  /** Chosen by the client: 16 random bytes. */
  account: Id,
  /** A password with an authenticator app, or a passkey: what signs in besides the recovery key. */
  way: Type.Union([
    Exact({ kind: Type.Literal('password'), registrationRequest: OpaqueRequest }),
    Exact({ kind: Type.Literal('passkey') }),
  ]),
}
const SignUpStarted = Exact({
  signUp: Id,
  way: Type.Union([
    Exact({
      kind: Type.Literal('password'),
      registrationResponse: OpaqueAnswer,
      ksf: Type.Literal(1),
      /** Base32 secret of the authenticator app; it counts only once `finish` has verified a code. */
      totpSecret: Type.String(),
      totpUri: Type.String(),
    }),
    Exact({ kind: Type.Literal('passkey'), options: PasskeyCreationOptions }),
  ]),
  instanceKey: Hex32,
  role: Role,
  expiresAt: Time,
})
const SignUpFinish = {
  signUp: Id,
  /** Of the kind that the sign-up began with. */
  way: Type.Union([
    Exact({
      kind: Type.Literal('password'),
      registrationRecord: OpaqueRecord,
      totpCode: Type.String({ pattern: '^[0-9]{6}$' }),
    }),
    Exact({
      kind: Type.Literal('passkey'),
      registration: PasskeyRegistration,
      label: Type.Optional(PasskeyLabel),
    }),
  ]),
  /** The genesis and the first entries of the account log: enrol, pin, state, identity, profile. */
  append: Append,
  recoveryLocator: Hex32,
  transport: Transport,
  staySignedIn: Type.Optional(Type.Boolean()),
}
const SignUpFinished = Exact({
  account: Id,
  log: Id,
  session: Id,
  expiresAt: Time,
  token: Type.Optional(Token),
  /** Of the password; none for a passkey. */
  backupCodes: Type.Array(Type.String()),
  /** The encoded receipts for the append. */
  receipts: Base64Url(4096),
})
/** The account is made, and waits until a host lets it in; after `waitsUntil` it is removed. */
const SignUpWaiting = Exact({
  account: Id,
  log: Id,
  waitsUntil: Time,
  backupCodes: Type.Array(Type.String()),
  receipts: Base64Url(4096),
})
const newcomerProblems = ['invitation_invalid', 'registration_closed', 'registration_full'] as const
const signUpProblems = [
  'name_taken',
  'sign_up_expired',
  'sign_up_invalid',
  'second_factor_wrong',
  'passkeys_unavailable',
  'passkey_invalid',
  'passkey_refused',
  'entry_invalid',
  'signature_invalid',
  'entry_refused',
  'head_moved',
  'own_chain_broken',
  'device_unknown',
  'log_exists',
  'locked_out',
  'disk_full',
] as const

export const startSetUp = endpoint({
  name: 'startSetUp',
  method: 'POST',
  path: '/api/set-up/start',
  access: 'set-up',
  summary: "Begins the first host's sign-up with the one-time set-up token.",
  body: Exact({ token: Token, ...SignUpStart }),
  answer: SignUpStarted,
  problems: ['set_up_done', 'set_up_token_wrong', ...signUpProblems],
})
export const finishSetUp = endpoint({
  name: 'finishSetUp',
  method: 'POST',
  path: '/api/set-up/finish',
  access: 'set-up',
  summary: 'Commits instance, first host and account log in one transaction; consumes the token.',
  body: Exact({
    token: Token,
    instanceName: Type.String({ minLength: 1, maxLength: 80 }),
    ...SignUpFinish,
  }),
  answer: SignUpFinished,
  bodyLimitBytes: 160 * 1024,
  problems: ['set_up_done', 'set_up_token_wrong', ...signUpProblems],
})
export const startSignUp = endpoint({
  name: 'startSignUp',
  method: 'POST',
  path: '/api/sign-up/start',
  access: 'public',
  summary: 'Begins a sign-up, by invitation or, where registration is not closed, without.',
  body: Exact({ invitation: Type.Optional(Token), ...SignUpStart }),
  answer: SignUpStarted,
  problems: [...newcomerProblems, ...signUpProblems],
})
export const finishSignUp = endpoint({
  name: 'finishSignUp',
  method: 'POST',
  path: '/api/sign-up/finish',
  access: 'public',
  summary:
    'Commits the account and uses the invitation, in one transaction. No session where a host must approve first.',
  body: Exact({ invitation: Type.Optional(Token), ...SignUpFinish }),
  answer: Type.Union([SignUpFinished, SignUpWaiting]),
  bodyLimitBytes: 160 * 1024,
  problems: [...newcomerProblems, ...signUpProblems],
})

/** Set-up and sign-up. */
export const signUpEndpoints = [
  getSetUp,
  getInstance,
  startSetUp,
  finishSetUp,
  startSignUp,
  finishSignUp,
] as const
