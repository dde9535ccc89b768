import { Type } from 'typebox'
import { endpoint } from './endpoint.ts'
import { Exact, Id, Role, SignInName, Size, Time, Token } from './schemas.ts'

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
/** An account, as hosts see it. */
export const Member = Exact({
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

/** Invitations and members, for hosts. */
export const memberEndpoints = [
  createInvitation,
  listInvitations,
  removeInvitation,
  listMembers,
  updateMember,
] as const
