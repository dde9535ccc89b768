import { Type } from 'typebox'
import { endpoint } from './endpoint.ts'
import {
  Base64Url,
  Exact,
  Hex32,
  Hex64,
  Id,
  Role,
  SecondFactorCode,
  SignInName,
  Size,
  Time,
  Token,
} from './schemas.ts'

const OpaqueRequest = Base64Url(32)
const OpaqueAnswer = Base64Url(64)
const OpaqueRecord = Base64Url(192)
/** An encoded append (packages/crypto, append.ts): genesis headers and entries over one or more logs. */
const Append = Base64Url(96 * 1024)

/** What a session is, as its owner sees it. */
export const Session = Exact({
  id: Id,
  current: Type.Boolean(),
  createdAt: Time,
  lastUsedAt: Time,
  expiresAt: Time,
  staySignedIn: Type.Boolean(),
  method: Type.Union([
    Type.Literal('sign-up'),
    Type.Literal('password'),
    Type.Literal('recovery'),
    Type.Literal('device'),
    Type.Literal('passkey'),
  ]),
  device: Type.Union([Id, Type.Null()]),
  /** Last address, as the server saw it. */
  address: Type.String(),
  client: Type.String(),
})

/** `bearer` answers a token (CLI, API); `cookie` sets the session cookie and answers no token (web app). */
const Transport = Type.Union([Type.Literal('bearer'), Type.Literal('cookie')])

const SignedIn = Exact({
  next: Type.Literal('signed-in'),
  account: Id,
  log: Id,
  session: Id,
  expiresAt: Time,
  token: Type.Optional(Token),
  /** Set where a backup code was used and few remain. */
  backupCodesLeft: Type.Optional(Type.Integer()),
})
const SecondFactorNext = Exact({ next: Type.Literal('second-factor'), pending: Id })

export const getSetUp = endpoint({
  name: 'getSetUp',
  method: 'GET',
  path: '/api/set-up',
  access: 'public',
  summary: 'Whether this instance still waits to be set up.',
  answer: Exact({ needed: Type.Boolean(), version: Type.String() }),
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
  }),
})

const SignUpStart = {
  name: SignInName,
  /** Chosen by the client: 16 random bytes. */
  account: Id,
  registrationRequest: OpaqueRequest,
}
const SignUpStarted = Exact({
  signUp: Id,
  registrationResponse: OpaqueAnswer,
  ksf: Type.Literal(1),
  /** Base32 secret of the authenticator app; it counts only once `finish` has verified a code. */
  totpSecret: Type.String(),
  totpUri: Type.String(),
  instanceKey: Hex32,
  role: Role,
  expiresAt: Time,
})
const SignUpFinish = {
  signUp: Id,
  registrationRecord: OpaqueRecord,
  totpCode: Type.String({ pattern: '^[0-9]{6}$' }),
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
  backupCodes: Type.Array(Type.String()),
  /** The encoded receipts for the append. */
  receipts: Base64Url(4096),
})
const signUpProblems = [
  'name_taken',
  'sign_up_expired',
  'sign_up_invalid',
  'second_factor_wrong',
  'entry_invalid',
  'signature_invalid',
  'entry_refused',
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
  summary: 'Begins a sign-up by invitation.',
  body: Exact({ invitation: Token, ...SignUpStart }),
  answer: SignUpStarted,
  problems: ['invitation_invalid', ...signUpProblems],
})
export const finishSignUp = endpoint({
  name: 'finishSignUp',
  method: 'POST',
  path: '/api/sign-up/finish',
  access: 'public',
  summary: 'Commits the account and uses the invitation, in one transaction.',
  body: Exact({ invitation: Token, ...SignUpFinish }),
  answer: SignUpFinished,
  bodyLimitBytes: 160 * 1024,
  problems: ['invitation_invalid', ...signUpProblems],
})

export const startPasswordSignIn = endpoint({
  name: 'startPasswordSignIn',
  method: 'POST',
  path: '/api/sign-in/password/start',
  access: 'public',
  summary: 'First OPAQUE message; unknown names get an answer of the same shape.',
  body: Exact({ name: SignInName, startLoginRequest: Base64Url(96) }),
  answer: Exact({ signIn: Id, account: Id, loginResponse: Base64Url(320), ksf: Type.Literal(1) }),
  problems: ['locked_out', 'sign_in_failed'],
})
export const finishPasswordSignIn = endpoint({
  name: 'finishPasswordSignIn',
  method: 'POST',
  path: '/api/sign-in/password/finish',
  access: 'public',
  summary: 'Last OPAQUE message; the second factor is asked only after it was right.',
  body: Exact({ signIn: Id, finishLoginRequest: Base64Url(64) }),
  answer: SecondFactorNext,
  problems: ['sign_in_failed', 'sign_in_expired', 'locked_out'],
})
export const finishSecondFactor = endpoint({
  name: 'finishSecondFactor',
  method: 'POST',
  path: '/api/sign-in/second-factor',
  access: 'public',
  summary: 'A code of the authenticator app or a backup code; each works once.',
  body: Exact({
    pending: Id,
    code: SecondFactorCode,
    transport: Transport,
    staySignedIn: Type.Optional(Type.Boolean()),
  }),
  answer: SignedIn,
  problems: ['second_factor_wrong', 'sign_in_expired', 'locked_out', 'account_suspended'],
})
export const startRecoverySignIn = endpoint({
  name: 'startRecoverySignIn',
  method: 'POST',
  path: '/api/sign-in/recovery/start',
  access: 'public',
  summary: 'Asks a challenge for a recovery locator; unknown locators get one too.',
  body: Exact({ locator: Hex32 }),
  answer: Exact({ signIn: Id, account: Id, method: Id, challenge: Hex32 }),
  problems: ['locked_out'],
})
export const startDeviceSignIn = endpoint({
  name: 'startDeviceSignIn',
  method: 'POST',
  path: '/api/sign-in/device/start',
  access: 'public',
  summary: 'Asks a challenge for a device method.',
  body: Exact({ account: Id, method: Id }),
  answer: Exact({ signIn: Id, challenge: Hex32 }),
  problems: ['locked_out'],
})
export const finishChallengeSignIn = endpoint({
  name: 'finishChallengeSignIn',
  method: 'POST',
  path: '/api/sign-in/challenge/finish',
  access: 'public',
  summary: 'Answers a recovery or device challenge with a signature.',
  body: Exact({
    signIn: Id,
    signature: Hex64,
    transport: Transport,
    staySignedIn: Type.Optional(Type.Boolean()),
  }),
  answer: SignedIn,
  problems: ['sign_in_failed', 'sign_in_expired', 'locked_out', 'account_suspended'],
})

export const getSession = endpoint({
  name: 'getSession',
  method: 'GET',
  path: '/api/session',
  access: 'member',
  summary: 'Who is signed in here.',
  answer: Exact({
    account: Id,
    log: Id,
    name: SignInName,
    role: Role,
    session: Session,
    backupCodesLeft: Type.Integer(),
    hasPassword: Type.Boolean(),
  }),
})
export const renewSession = endpoint({
  name: 'renewSession',
  method: 'POST',
  path: '/api/session/renew',
  access: 'member',
  summary: 'Extends a bearer session by 24 h.',
  answer: Exact({ expiresAt: Time }),
})
/** The device proves its key: signature over lp("hearthold/v1/session-device", session id, device id). */
export const bindSessionDevice = endpoint({
  name: 'bindSessionDevice',
  method: 'PUT',
  path: '/api/session/device',
  access: 'member',
  summary: 'Ties this session to an enrolled device, so that revoking the device ends it.',
  body: Exact({ device: Id, signature: Hex64 }),
  answer: Exact({ device: Id }),
  problems: ['device_unknown', 'signature_invalid'],
})
export const endSession = endpoint({
  name: 'endSession',
  method: 'DELETE',
  path: '/api/session',
  access: 'member',
  summary: 'Signs out.',
  answer: Exact({ ended: Type.Integer() }),
})
export const listSessions = endpoint({
  name: 'listSessions',
  method: 'GET',
  path: '/api/sessions',
  access: 'member',
  summary: "One's own sessions.",
  answer: Exact({ sessions: Type.Array(Session) }),
})
export const endOneSession = endpoint({
  name: 'endOneSession',
  method: 'DELETE',
  path: '/api/sessions/:session',
  access: 'member',
  summary: 'Ends one session.',
  params: Exact({ session: Id }),
  answer: Exact({ ended: Type.Integer() }),
})
export const endManySessions = endpoint({
  name: 'endManySessions',
  method: 'DELETE',
  path: '/api/sessions',
  access: 'member',
  summary: 'Ends all other, or all, sessions.',
  query: Exact({ scope: Type.Union([Type.Literal('others'), Type.Literal('all')]) }),
  answer: Exact({ ended: Type.Integer() }),
})

/** For a signed-in session that must still unlock: OPAQUE without a second factor, for this account only. */
export const startPasswordUnlock = endpoint({
  name: 'startPasswordUnlock',
  method: 'POST',
  path: '/api/account/unlock/password/start',
  access: 'member',
  summary: 'OPAQUE for unlocking on a device that is signed in; counted like a sign-in.',
  body: Exact({ startLoginRequest: Base64Url(96) }),
  answer: Exact({ signIn: Id, loginResponse: Base64Url(320), ksf: Type.Literal(1) }),
  problems: ['locked_out', 'method_required'],
})
export const finishPasswordUnlock = endpoint({
  name: 'finishPasswordUnlock',
  method: 'POST',
  path: '/api/account/unlock/password/finish',
  access: 'member',
  summary:
    'Tells the server that the password was right: clears the count, and counts as a fresh proof (10 min).',
  body: Exact({ signIn: Id, finishLoginRequest: Base64Url(64) }),
  answer: Exact({ fresh: Type.Boolean() }),
  problems: ['sign_in_failed', 'sign_in_expired', 'locked_out'],
})
export const startPasswordChange = endpoint({
  name: 'startPasswordChange',
  method: 'POST',
  path: '/api/account/password/start',
  access: 'member',
  summary:
    'OPAQUE registration for a new password; takes effect with the state entry that carries its method.',
  body: Exact({ registrationRequest: OpaqueRequest }),
  answer: Exact({ change: Id, registrationResponse: OpaqueAnswer, ksf: Type.Literal(1) }),
  problems: ['step_up_needed'],
})
export const startTotpChange = endpoint({
  name: 'startTotpChange',
  method: 'POST',
  path: '/api/account/totp/start',
  access: 'member',
  summary: 'A new authenticator secret; the old one stays until the new one is verified.',
  answer: Exact({ change: Id, totpSecret: Type.String(), totpUri: Type.String() }),
  problems: ['step_up_needed'],
})
export const finishTotpChange = endpoint({
  name: 'finishTotpChange',
  method: 'POST',
  path: '/api/account/totp/finish',
  access: 'member',
  summary: 'Verifies a code of the new authenticator and replaces the old.',
  body: Exact({ change: Id, totpCode: Type.String({ pattern: '^[0-9]{6}$' }) }),
  answer: Exact({ replaced: Type.Boolean() }),
  problems: ['second_factor_wrong', 'sign_in_expired', 'locked_out', 'step_up_needed'],
})
export const replaceBackupCodes = endpoint({
  name: 'replaceBackupCodes',
  method: 'POST',
  path: '/api/account/backup-codes',
  access: 'member',
  summary: 'Ten new backup codes; the old ones stop working.',
  answer: Exact({ backupCodes: Type.Array(Type.String()) }),
  problems: ['step_up_needed', 'method_required'],
})
/**
 * All changes of methods, devices and keys. The append may span the account log and the logs it governs (fences);
 * credentials that the server keeps beside the log change in the same transaction.
 */
export const appendAccount = endpoint({
  name: 'appendAccount',
  method: 'POST',
  path: '/api/account/entries',
  access: 'member',
  summary:
    "Appends to one's account log, with the server-side credentials that belong to the change.",
  body: Exact({
    append: Base64Url(1024 * 1024),
    password: Type.Optional(Exact({ change: Id, registrationRecord: OpaqueRecord })),
    recoveryLocator: Type.Optional(Hex32),
    /** Removing the password asks for this. */
    secondFactor: Type.Optional(SecondFactorCode),
  }),
  bodyLimitBytes: 2 * 1024 * 1024,
  answer: Exact({ receipts: Base64Url(256 * 1024), sessionsEnded: Type.Integer() }),
  problems: [
    'step_up_needed',
    'second_factor_wrong',
    'sign_in_expired',
    'method_required',
    'entry_invalid',
    'signature_invalid',
    'head_moved',
    'own_chain_broken',
    'base_stale',
    'basis_unknown',
    'epoch_stale',
    'device_unknown',
    'entry_refused',
    'log_read_only',
    'over_quota',
    'disk_full',
    'locked_out',
    'object_missing',
    'log_exists',
  ],
})

export const createInvitation = endpoint({
  name: 'createInvitation',
  method: 'POST',
  path: '/api/invitations',
  access: 'host',
  summary: 'A link that lets people sign up.',
  body: Exact({
    role: Role,
    uses: Type.Integer({ minimum: 1, maximum: 1000 }),
    validHours: Type.Integer({ minimum: 1, maximum: 24 * 365 }),
  }),
  answer: Exact({ id: Id, invitation: Token, url: Type.String(), expiresAt: Time }),
})
export const listInvitations = endpoint({
  name: 'listInvitations',
  method: 'GET',
  path: '/api/invitations',
  access: 'host',
  summary: 'Open invitations, without their secrets.',
  answer: Exact({
    invitations: Type.Array(
      Exact({ id: Id, role: Role, usesLeft: Type.Integer(), createdAt: Time, expiresAt: Time }),
    ),
  }),
})
export const removeInvitation = endpoint({
  name: 'removeInvitation',
  method: 'DELETE',
  path: '/api/invitations/:invitation',
  access: 'host',
  summary: 'Voids an invitation.',
  params: Exact({ invitation: Id }),
  answer: Exact({ removed: Type.Boolean() }),
})
const Member = Exact({
  account: Id,
  log: Id,
  name: SignInName,
  role: Role,
  suspended: Type.Boolean(),
  createdAt: Time,
  usedBytes: Size,
  quotaBytes: Type.Union([Size, Type.Null()]),
})
export const listMembers = endpoint({
  name: 'listMembers',
  method: 'GET',
  path: '/api/members',
  access: 'host',
  summary: 'The accounts of this instance.',
  answer: Exact({ members: Type.Array(Member) }),
})
export const updateMember = endpoint({
  name: 'updateMember',
  method: 'PATCH',
  path: '/api/members/:account',
  access: 'host',
  summary: 'Quota and suspension. Suspending ends all sessions.',
  params: Exact({ account: Id }),
  body: Exact({
    quotaBytes: Type.Optional(Type.Union([Size, Type.Null()])),
    suspended: Type.Optional(Type.Boolean()),
  }),
  answer: Member,
})

export const identityEndpoints = [
  getSetUp,
  getInstance,
  startSetUp,
  finishSetUp,
  startSignUp,
  finishSignUp,
  startPasswordSignIn,
  finishPasswordSignIn,
  finishSecondFactor,
  startRecoverySignIn,
  startDeviceSignIn,
  finishChallengeSignIn,
  getSession,
  renewSession,
  bindSessionDevice,
  endSession,
  listSessions,
  endOneSession,
  endManySessions,
  startPasswordUnlock,
  finishPasswordUnlock,
  startPasswordChange,
  startTotpChange,
  finishTotpChange,
  replaceBackupCodes,
  appendAccount,
  createInvitation,
  listInvitations,
  removeInvitation,
  listMembers,
  updateMember,
] as const
