import type { SessionContext, SessionLookup } from '#platform/access/session.ts'
import type { Http } from '#platform/http/index.ts'
import { listInactive } from './account-store.ts'
import { checkProof } from './credentials.ts'
import type { Caller, IdentityDeps, On } from './deps.ts'
import { openSetUp, type SetUpState } from './instance.ts'
import { getQuotaBytes } from './members.ts'
import { createParts } from './parts.ts'
import { bindIdentity } from './routes.ts'
import { checkSecondFactor } from './second-factor.ts'
import { identityService } from './service.ts'
import { findSession } from './session-store.ts'
import { sessionLookup } from './sessions.ts'
import { sweep } from './sweep.ts'

export type { IdentityDeps } from './deps.ts'
export { identityMigrations } from './migrations/index.ts'
export type { IdentityTables } from './tables.ts'

const sweepEveryMs = 3600_000

/** The identity feature, as the rest of the server knows it. */
export type Identity = {
  /** Who a token belongs to; asked for every request. */
  readonly sessions: SessionLookup
  /** Whether a session still counts; asking is no use of it. */
  sessionLives(sessionId: string): Promise<boolean>
  /** Whether the instance waits to be set up, and the token for the address that `serve` prints. */
  readonly setUp: Pick<SetUpState, 'needed' | 'token'>
  /** Bytes that an account may keep; undefined without a limit. `on` may be a transaction. Throws `not_found`. */
  quotaBytes(on: unknown, account: string): Promise<number | undefined>
  /** Passes if this session proved a sign-in method lately. @throws ProblemError `step_up_needed` */
  checkFreshProof(session: SessionContext): Promise<void>
  /** The same and, where the account has an authenticator, a code of it. See checkSecondFactor for what it throws. */
  checkSecondFactor(
    session: SessionContext,
    code: string | undefined,
    caller: Caller,
  ): Promise<void>
  /** Those of these accounts that may not act. */
  inactive(accounts: readonly string[]): Promise<ReadonlySet<string>>
  /** Binds the endpoints of the contract. */
  routes(http: Http): void
  /** Removes what has expired, now and every hour until `stop`. */
  start(): Promise<void>
  stop(): void
}

/** Opens the feature, after the migrations and `openKeys`. Writes `set-up-token` where it waits to be set up. */
export const openIdentity = async (deps: IdentityDeps): Promise<Identity> => {
  const parts = await createParts(deps)
  const setUp = await openSetUp(deps.db, deps.dataDir, deps.serverPin)
  const service = identityService(parts, setUp)
  let timer: NodeJS.Timeout | undefined
  // A sweep that fails, on a full disk say, is made up for by the next.
  const sweepQuietly = (): Promise<void> => sweep(parts).catch(() => undefined)
  return {
    sessions: sessionLookup(parts),
    sessionLives: async (id) => {
      const session = await findSession(deps.db, id)
      return session !== undefined && session.expires_at > deps.clock.now()
    },
    setUp,
    quotaBytes: (on, account) => getQuotaBytes(on as On, account, deps.defaultQuotaBytes),
    checkFreshProof: (session) => checkProof(parts, session),
    checkSecondFactor: (session, code, caller) => checkSecondFactor(parts, session, code, caller),
    inactive: (accounts) => listInactive(deps.db, accounts),
    routes: (http) => bindIdentity(http, service),
    start: async () => {
      await sweepQuietly()
      timer = setInterval(() => void sweepQuietly(), sweepEveryMs)
      timer.unref()
    },
    stop: () => clearInterval(timer),
  }
}
