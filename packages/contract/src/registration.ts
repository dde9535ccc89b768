import { Type } from 'typebox'
import { endpoint } from './endpoint.ts'
import { Member } from './members.ts'
import { Exact, Id, SignInName, Size, Time } from './schemas.ts'

/** Who may sign up without an invitation: nobody, whom a host approves, or anybody. */
export const RegistrationMode = Type.Union([
  Type.Literal('closed'),
  Type.Literal('approval'),
  Type.Literal('open'),
])

const Registration = Exact({
  registration: RegistrationMode,
  /** The quota of accounts made without an invitation; null for what the configuration gives everybody. */
  quotaBytes: Type.Union([Size, Type.Null()]),
  /** Sign-ups that wait for a host. */
  waiting: Type.Integer(),
})
export const getRegistration = endpoint({
  name: 'getRegistration',
  method: 'GET',
  path: '/api/registration',
  access: 'host',
  summary: 'Who may sign up without an invitation, and how many wait for approval.',
  answer: Registration,
})
export const updateRegistration = endpoint({
  name: 'updateRegistration',
  method: 'PATCH',
  path: '/api/registration',
  access: 'host',
  summary: 'Changes that. Sign-ups that wait already go on waiting.',
  body: Exact({
    registration: Type.Optional(RegistrationMode),
    quotaBytes: Type.Optional(Type.Union([Size, Type.Null()])),
  }),
  answer: Registration,
})
export const listSignUpRequests = endpoint({
  name: 'listSignUpRequests',
  method: 'GET',
  path: '/api/sign-up-requests',
  access: 'host',
  summary: 'Accounts that wait for approval, oldest first.',
  answer: Exact({
    requests: Type.Array(
      Exact({ account: Id, log: Id, name: SignInName, askedAt: Time, expiresAt: Time }),
    ),
  }),
})
export const approveSignUp = endpoint({
  name: 'approveSignUp',
  method: 'POST',
  path: '/api/sign-up-requests/:account/approve',
  access: 'host',
  summary: 'Lets a waiting account sign in.',
  params: Exact({ account: Id }),
  answer: Member,
})
export const denySignUp = endpoint({
  name: 'denySignUp',
  method: 'DELETE',
  path: '/api/sign-up-requests/:account',
  access: 'host',
  summary: 'Removes a waiting account with its log and keys; its name is free again.',
  params: Exact({ account: Id }),
  answer: Exact({ removed: Type.Boolean() }),
})

/** Registration without an invitation, for hosts. */
export const registrationEndpoints = [
  getRegistration,
  updateRegistration,
  listSignUpRequests,
  approveSignUp,
  denySignUp,
] as const
