import { Type } from 'typebox'
import { endpoint } from './endpoint.ts'
import {
  OpaqueRequest,
  OpaqueAnswer,
  OpaqueRecord,
  Session,
  Transport,
  SignedIn,
  SecondFactorNext,
} from './identity-shapes.ts'
import {
  Base64Url,
  Exact,
  Hex32,
  Hex64,
  Id,
  Role,
  SecondFactorCode,
  SignInName,
  Time,
} from './schemas.ts'
import { memberEndpoints } from './members.ts'
import { PasskeyLabel, PasskeyRegistration } from './passkey-shapes.ts'
import { passkeyEndpoints } from './passkeys.ts'
import { registrationEndpoints } from './registration.ts'
import { signUpEndpoints } from './sign-up.ts'

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
  problems: [
    'second_factor_wrong',
    'sign_in_expired',
    'locked_out',
    'account_suspended',
    'approval_pending',
  ],
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
  problems: [
    'sign_in_failed',
    'sign_in_expired',
    'locked_out',
    'account_suspended',
    'approval_pending',
  ],
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
    /** Whether any passkey can give a fresh proof; `listPasskeys` says which unlock. */
    hasPasskey: Type.Boolean(),
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
/**
 * Replacing the second factor asks for more than the password: a code of the authenticator or a backup code. Needless
 * where there is no authenticator yet, or where the session's fresh proof was a recovery key or a passkey.
 */
const SecondFactorProof = Exact({ secondFactor: Type.Optional(SecondFactorCode) })
const secondFactorProblems = [
  'step_up_needed',
  'second_factor_needed',
  'second_factor_wrong',
  'locked_out',
] as const
export const startTotpChange = endpoint({
  name: 'startTotpChange',
  method: 'POST',
  path: '/api/account/totp/start',
  access: 'member',
  summary: 'A new authenticator secret; the old one stays until the new one is verified.',
  body: SecondFactorProof,
  answer: Exact({ change: Id, totpSecret: Type.String(), totpUri: Type.String() }),
  problems: secondFactorProblems,
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
  body: SecondFactorProof,
  answer: Exact({ backupCodes: Type.Array(Type.String()) }),
  problems: ['method_required', ...secondFactorProblems],
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
    /** The passkey whose method is added by these entries; `change` is from `startPasskeyChange`. */
    passkey: Type.Optional(
      Exact({ change: Id, registration: PasskeyRegistration, label: Type.Optional(PasskeyLabel) }),
    ),
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
    'passkeys_unavailable',
    'passkey_invalid',
    'passkey_refused',
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

export const identityEndpoints = [
  ...signUpEndpoints,
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
  ...passkeyEndpoints,
  ...memberEndpoints,
  ...registrationEndpoints,
] as const
