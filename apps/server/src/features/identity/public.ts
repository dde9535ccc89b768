import type { SessionLookup } from '#platform/access/session.ts'
import type { Http } from '#platform/http/index.ts'
import type { IdentityDeps, On } from './deps.ts'
import { openSetUp, type SetUpState } from './instance.ts'
import { pinSuffix } from './invitations.ts'
import { getQuotaBytes } from './members.ts'
import { createParts } from './parts.ts'
import { bindIdentity } from './routes.ts'
import { identityService } from './service.ts'
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
  /** Whether the instance waits to be set up, and the token for the address that `serve` prints. */
  readonly setUp: Pick<SetUpState, 'needed' | 'token'>
  /** `<public url>/set-up#<token>`; undefined once set up. */
  setUpUrl(): string | undefined
  /** Bytes that an account may keep; undefined without a limit. `on` may be a transaction. */
  quotaBytes(on: unknown, account: string): Promise<number | undefined>
  /** Binds the endpoints of the contract. */
  bind(http: Http): void
  /** Removes what has expired; also done hourly until `close`. */
  sweep(): Promise<void>
  close(): void
}

/** Opens the feature after the migrations and `openKeys`; removes what expired while the server was away. */
export const openIdentity = async (deps: IdentityDeps): Promise<Identity> => {
  const parts = await createParts(deps)
  const setUp = await openSetUp(deps.db, deps.dataDir)
  const service = identityService(parts, setUp)
  await sweep(parts)
  // A sweep that fails, on a full disk say, is made up for by the next.
  const timer = setInterval(() => void sweep(parts).catch(() => undefined), sweepEveryMs)
  timer.unref()
  return {
    sessions: sessionLookup(parts),
    setUp,
    setUpUrl: () => {
      const token = setUp.token()
      return token && `${deps.publicUrl}/set-up#${token}${pinSuffix(deps.serverPin)}`
    },
    quotaBytes: (on, account) => getQuotaBytes(on as On, account, deps.defaultQuotaBytes),
    bind: (http) => bindIdentity(http, service),
    sweep: () => sweep(parts),
    close: () => clearInterval(timer),
  }
}
