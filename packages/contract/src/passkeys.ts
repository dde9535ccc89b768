/** Passkeys: usernameless sign-in, fresh proofs, and the account's list of them. */
import { Type } from 'typebox'
import { endpoint } from './endpoint.ts'
import { SignedInFields, Transport } from './identity-shapes.ts'
import {
  PasskeyAssertion,
  PasskeyCreationOptions,
  PasskeyLabel,
  PasskeyRegistration,
  PasskeyRequestOptions,
} from './passkey-shapes.ts'
import { Exact, Id, Time } from './schemas.ts'

export const startPasskeySignIn = endpoint({
  name: 'startPasskeySignIn',
  method: 'POST',
  path: '/api/sign-in/passkey/start',
  access: 'public',
  summary: 'Asks a challenge that any passkey of this server may answer; no name is given.',
  answer: Exact({ signIn: Id, options: PasskeyRequestOptions }),
  problems: ['passkeys_unavailable', 'locked_out'],
})
export const finishPasskeySignIn = endpoint({
  name: 'finishPasskeySignIn',
  method: 'POST',
  path: '/api/sign-in/passkey/finish',
  access: 'public',
  summary: 'Answers the challenge; the passkey verified its user, so no second factor is asked.',
  body: Exact({
    signIn: Id,
    assertion: PasskeyAssertion,
    transport: Transport,
    staySignedIn: Type.Optional(Type.Boolean()),
  }),
  answer: Exact({
    ...SignedInFields,
    /** False for a passkey that only signs in: another method unlocks. */
    canUnlock: Type.Boolean(),
  }),
  problems: [
    'passkeys_unavailable',
    'sign_in_failed',
    'sign_in_expired',
    'locked_out',
    'account_suspended',
    'approval_pending',
  ],
})

/** For a signed-in session that must still unlock, or owes a fresh proof. */
export const startPasskeyUnlock = endpoint({
  name: 'startPasskeyUnlock',
  method: 'POST',
  path: '/api/account/unlock/passkey/start',
  access: 'member',
  summary: "A challenge for this account's own passkeys that unlock; counted like a sign-in.",
  answer: Exact({ signIn: Id, options: PasskeyRequestOptions }),
  problems: ['passkeys_unavailable', 'locked_out', 'method_required'],
})
export const finishPasskeyUnlock = endpoint({
  name: 'finishPasskeyUnlock',
  method: 'POST',
  path: '/api/account/unlock/passkey/finish',
  access: 'member',
  summary:
    'Answers that challenge: a fresh proof (10 min) where the passkey unlocks; one that only signs in is none.',
  body: Exact({ signIn: Id, assertion: PasskeyAssertion }),
  answer: Exact({ fresh: Type.Boolean(), canUnlock: Type.Boolean() }),
  problems: ['passkeys_unavailable', 'sign_in_failed', 'sign_in_expired', 'locked_out'],
})

export const listPasskeys = endpoint({
  name: 'listPasskeys',
  method: 'GET',
  path: '/api/account/passkeys',
  access: 'member',
  summary: "The account's passkeys.",
  answer: Exact({
    passkeys: Type.Array(
      Exact({
        /** SHA-256 of the credential id, first 16 bytes; also the id of its method in the signed state. */
        passkey: Id,
        label: Type.Union([PasskeyLabel, Type.Null()]),
        canUnlock: Type.Boolean(),
        /** Whether its authenticator said that it is kept on several devices. */
        synced: Type.Boolean(),
        createdAt: Time,
        lastUsedAt: Type.Union([Time, Type.Null()]),
      }),
    ),
  }),
})
/** The registration then goes with `appendAccount`, or, for a passkey that only signs in, with `addPasskey`. */
export const startPasskeyChange = endpoint({
  name: 'startPasskeyChange',
  method: 'POST',
  path: '/api/account/passkeys/start',
  access: 'member',
  summary: 'Options for a new passkey; asks for a fresh proof.',
  answer: Exact({ change: Id, options: PasskeyCreationOptions }),
  problems: ['passkeys_unavailable', 'passkey_refused', 'step_up_needed'],
})
export const addPasskey = endpoint({
  name: 'addPasskey',
  method: 'POST',
  path: '/api/account/passkeys',
  access: 'member',
  summary: 'Adds a passkey that gives no PRF result: it signs in and never unlocks.',
  body: Exact({
    change: Id,
    registration: PasskeyRegistration,
    label: Type.Optional(PasskeyLabel),
  }),
  answer: Exact({ passkey: Id, sessionsEnded: Type.Integer() }),
  problems: [
    'passkeys_unavailable',
    'passkey_invalid',
    'passkey_refused',
    'sign_in_expired',
    'step_up_needed',
  ],
})
export const renamePasskey = endpoint({
  name: 'renamePasskey',
  method: 'PUT',
  path: '/api/account/passkeys/:passkey/label',
  access: 'member',
  summary: 'A new sealed label.',
  params: Exact({ passkey: Id }),
  body: Exact({ label: PasskeyLabel }),
  answer: Exact({ passkey: Id }),
})
export const removePasskey = endpoint({
  name: 'removePasskey',
  method: 'DELETE',
  path: '/api/account/passkeys/:passkey',
  access: 'member',
  summary:
    'Removes a passkey that only signs in; one that unlocks goes with its method, by appendAccount.',
  params: Exact({ passkey: Id }),
  answer: Exact({ sessionsEnded: Type.Integer() }),
  problems: ['step_up_needed', 'method_required'],
})

export const passkeyEndpoints = [
  startPasskeySignIn,
  finishPasskeySignIn,
  startPasskeyUnlock,
  finishPasskeyUnlock,
  listPasskeys,
  startPasskeyChange,
  addPasskey,
  renamePasskey,
  removePasskey,
] as const
