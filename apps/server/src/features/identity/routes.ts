import * as contract from '@hearthold/contract'
import { bind, type Http, type ResponseFacts } from '#platform/http/index.ts'
import type { IdentityService } from './service.ts'

/** A session's token goes into the cookie or the answer, as its transport says. */
const withCookie = <T>(
  response: ResponseFacts,
  {
    answer,
    cookie,
  }: { answer: T; cookie: { tokenB64: string; maxAgeSeconds?: number } | undefined },
): T => {
  if (cookie) response.setSessionCookie(cookie.tokenB64, cookie.maxAgeSeconds)
  return answer
}

const bindSignUp = (http: Http, { instance, signUp }: IdentityService): void => {
  bind(http, contract.getSetUp, () => instance.getSetUp())
  bind(http, contract.getInstance, () => instance.get())
  bind(http, contract.startSetUp, ({ body, request }) => signUp.startSetUp(body, request))
  bind(http, contract.finishSetUp, async ({ body, request, response }) =>
    withCookie(response, await signUp.finishSetUp(body, request)),
  )
  bind(http, contract.startSignUp, ({ body, request }) => signUp.startSignUp(body, request))
  bind(http, contract.finishSignUp, async ({ body, request, response }) =>
    withCookie(response, await signUp.finishSignUp(body, request)),
  )
}

const bindSignIn = (http: Http, { passwordSignIn, challengeSignIn }: IdentityService): void => {
  bind(http, contract.startPasswordSignIn, ({ body, request }) =>
    passwordSignIn.start(body, request),
  )
  bind(http, contract.finishPasswordSignIn, ({ body, request }) =>
    passwordSignIn.finish(body, request),
  )
  bind(http, contract.finishSecondFactor, async ({ body, request, response }) =>
    withCookie(response, await passwordSignIn.secondFactor(body, request)),
  )
  bind(http, contract.startRecoverySignIn, ({ body, request }) =>
    challengeSignIn.startRecovery(body, request),
  )
  bind(http, contract.startDeviceSignIn, ({ body, request }) =>
    challengeSignIn.startDevice(body, request),
  )
  bind(http, contract.finishChallengeSignIn, async ({ body, request, response }) =>
    withCookie(response, await challengeSignIn.finish(body, request)),
  )
}

const bindSessions = (http: Http, { sessions }: IdentityService): void => {
  bind(http, contract.getSession, ({ session, request }) => sessions.get(session, request))
  bind(http, contract.renewSession, ({ session }) => sessions.renew(session))
  bind(http, contract.bindSessionDevice, ({ session, body }) => sessions.bindDevice(session, body))
  bind(http, contract.listSessions, ({ session }) => sessions.list(session))
  bind(http, contract.endSession, async ({ session, response }) => {
    const answer = await sessions.endOne(session, session.sessionId)
    if (session.kind === 'cookie') response.clearSessionCookie()
    return answer
  })
  bind(http, contract.endOneSession, ({ session, params }) =>
    sessions.endOne(session, params.session),
  )
  bind(http, contract.endManySessions, async ({ session, query, response }) => {
    const answer = await sessions.endMany(session, query.scope)
    if (session.kind === 'cookie' && query.scope === 'all') response.clearSessionCookie()
    return answer
  })
}

const bindAccount = (
  http: Http,
  { unlock, credentials, accountEntries }: IdentityService,
): void => {
  bind(http, contract.startPasswordUnlock, ({ session, body, request }) =>
    unlock.start(session, body, request),
  )
  bind(http, contract.finishPasswordUnlock, ({ session, body, request }) =>
    unlock.finish(session, body, request),
  )
  bind(http, contract.startPasswordChange, ({ session, body }) =>
    credentials.startPasswordChange(session, body),
  )
  bind(http, contract.startTotpChange, ({ session, body, request }) =>
    credentials.startTotpChange(session, body, request),
  )
  bind(http, contract.finishTotpChange, ({ session, body, request }) =>
    credentials.finishTotpChange(session, body, request),
  )
  bind(http, contract.replaceBackupCodes, ({ session, body, request }) =>
    credentials.newBackupCodes(session, body, request),
  )
  bind(http, contract.appendAccount, ({ session, body, request }) =>
    accountEntries.append(session, body, request),
  )
}

const bindPasskeys = (http: Http, { passkeySignIn, passkeys }: IdentityService): void => {
  bind(http, contract.startPasskeySignIn, ({ request }) => passkeySignIn.start(request))
  bind(http, contract.finishPasskeySignIn, async ({ body, request, response }) =>
    withCookie(response, await passkeySignIn.finish(body, request)),
  )
  bind(http, contract.startPasskeyUnlock, ({ session, request }) =>
    passkeySignIn.startUnlock(session, request),
  )
  bind(http, contract.finishPasskeyUnlock, ({ session, body, request }) =>
    passkeySignIn.finishUnlock(session, body, request),
  )
  bind(http, contract.listPasskeys, ({ session }) => passkeys.list(session))
  bind(http, contract.startPasskeyChange, ({ session }) => passkeys.startChange(session))
  bind(http, contract.addPasskey, ({ session, body }) => passkeys.add(session, body))
  bind(http, contract.renamePasskey, ({ session, params, body }) =>
    passkeys.rename(session, params.passkey, body),
  )
  bind(http, contract.removePasskey, ({ session, params }) =>
    passkeys.remove(session, params.passkey),
  )
}

const bindHosts = (http: Http, { invitations, members, registration }: IdentityService): void => {
  bind(http, contract.createInvitation, ({ session, body }) => invitations.create(session, body))
  bind(http, contract.listInvitations, () => invitations.list())
  bind(http, contract.removeInvitation, ({ params }) => invitations.remove(params.invitation))
  bind(http, contract.listMembers, () => members.list())
  bind(http, contract.updateMember, ({ params, body }) => members.update(params.account, body))
  bind(http, contract.getRegistration, () => registration.get())
  bind(http, contract.updateRegistration, ({ body }) => registration.update(body))
  bind(http, contract.listSignUpRequests, () => registration.list())
  bind(http, contract.approveSignUp, ({ params }) => registration.approve(params.account))
  bind(http, contract.denySignUp, ({ params }) => registration.deny(params.account))
}

/** Binds every endpoint of contract/identity. */
export const bindIdentity = (http: Http, service: IdentityService): void => {
  bindSignUp(http, service)
  bindSignIn(http, service)
  bindSessions(http, service)
  bindAccount(http, service)
  bindPasskeys(http, service)
  bindHosts(http, service)
}
