import { ProblemError } from '@hearthold/contract'
import {
  fromHex,
  randomBytes,
  randomId,
  sha256,
  toB64,
  toHex,
  utf8,
  verifySessionDevice,
} from '@hearthold/crypto'
import { activeDevices } from '@hearthold/model'
import type { SessionContext, SessionLookup } from '#platform/access/session.ts'
import { onCommit } from '#platform/db/index.ts'
import { findAccount, findPassword } from './account-store.ts'
import { countBackupCodes } from './backup-codes.ts'
import type { Caller, Trx } from './deps.ts'
import type { IdentityParts } from './parts.ts'
import { hasPasskey } from './passkey-store.ts'
import {
  type Ending,
  findLiveSession,
  findSession,
  insertSession,
  listLiveSessions,
  type LiveSession,
  removeSessions,
  type SessionRow,
  trimSessions,
  updateSession,
} from './session-store.ts'
import type { SessionMethodText } from './tables.ts'

const hourMs = 3600_000
/** ID-11: bearer tokens 24 h; cookies 2 h, or 30 days with "stay signed in". Each use begins the time anew. */
const lifetimeMs = (kind: SessionRow['kind'], stay: boolean): number => {
  if (kind === 'bearer') return 24 * hourMs
  return stay ? 30 * 24 * hourMs : 2 * hourMs
}
/** Use is written down at most once a minute, so that reading costs no write. */
const touchMs = 60_000
const sessionsPerAccount = 100
/** How long a proof of a method counts as fresh for changing methods. */
export const freshProofMs = 10 * 60_000

/**
 * A `strong` proof replaces a lost authenticator besides (ID-4). `nothing`: the session counts, and changes no method before
 * it has proven another.
 */
export type ProofText = 'nothing' | 'fresh' | 'strong'

export type SessionWanted = {
  readonly account: string
  readonly method: SessionMethodText
  readonly transport: 'bearer' | 'cookie'
  readonly stay: boolean
  readonly device?: string
  /** What the sign-in proved for changes of methods: `fresh` where it is left out. */
  readonly proves?: ProofText
  readonly caller: Caller
}
export type NewSession = {
  readonly id: string
  readonly tokenB64: string
  readonly expiresAt: number
  readonly transport: 'bearer' | 'cookie'
  readonly stay: boolean
}

/** SHA-256 of the token as it travels. */
const tokenHash = (tokenB64: string): Uint8Array => sha256(utf8(tokenB64))

/** Begins a session: 32 random bytes, of which only the hash is kept. */
export const createSession = async (
  parts: Pick<IdentityParts, 'clock' | 'events'>,
  trx: Trx,
  wanted: SessionWanted,
): Promise<NewSession> => {
  const now = parts.clock.now()
  const tokenB64 = toB64(randomBytes(32))
  const { transport, proves = 'fresh' } = wanted
  const stay = transport === 'cookie' && wanted.stay
  const row: SessionRow = {
    id: toHex(randomId()),
    token_hash: tokenHash(tokenB64),
    kind: transport,
    account: wanted.account,
    method: wanted.method,
    device: wanted.device ?? null,
    stay: stay ? 1 : 0,
    created_at: now,
    last_used_at: now,
    expires_at: now + lifetimeMs(transport, stay),
    proof_at: proves === 'nothing' ? 0 : now,
    strong_proof_at: proves === 'strong' ? now : null,
    address: wanted.caller.address,
    client: wanted.caller.client,
  }
  await insertSession(trx, row)
  const trimmed = await trimSessions(trx, wanted.account, sessionsPerAccount)
  if (trimmed.length > 0) onCommit(trx, () => parts.events.ended(trimmed))
  return { id: row.id, tokenB64, expiresAt: row.expires_at, transport, stay }
}

/** The cookie of a session that stays is kept by the browser for as long as it may: the server decides when it ends. */
const cookieKeptSeconds = 400 * 24 * 3600

/** How the token reaches its client: in the answer, or in the cookie and nowhere else. */
export const handOver = (
  session: NewSession,
): { token?: string; cookie?: { tokenB64: string; maxAgeSeconds?: number } } => {
  const { tokenB64 } = session
  if (session.transport === 'bearer') return { token: tokenB64 }
  return { cookie: session.stay ? { tokenB64, maxAgeSeconds: cookieKeptSeconds } : { tokenB64 } }
}

const shown = (row: SessionRow, current: string) => ({
  id: row.id,
  current: row.id === current,
  createdAt: row.created_at,
  lastUsedAt: row.last_used_at,
  expiresAt: row.expires_at,
  staySignedIn: row.stay === 1,
  method: row.method,
  device: row.device,
  address: row.address,
  client: row.client,
})

const gone = (): ProblemError => new ProblemError('unauthenticated', 'This session has ended.')

/** Writes down that a session was used. On a full or busy disk it is not, and who reads may read all the same. */
const noteUse = async (...update: Parameters<typeof updateSession>): Promise<void> => {
  try {
    await updateSession(...update)
  } catch (error) {
    if (!(error instanceof ProblemError)) throw error
  }
}

/** Who a token belongs to. Asked anew for every request: ending a session takes effect at once. */
export const sessionLookup = ({
  db,
  clock,
}: Pick<IdentityParts, 'db' | 'clock'>): SessionLookup => {
  const touch = (row: LiveSession, now: number): Promise<void> =>
    noteUse(db, row.id, {
      last_used_at: now,
      expires_at: now + lifetimeMs(row.kind, row.stay === 1),
    })
  return {
    find: async ({ kind, tokenB64 }) => {
      const now = clock.now()
      const row = await findLiveSession(db, tokenHash(tokenB64), kind, now)
      if (!row) return undefined
      if (Math.abs(now - row.last_used_at) >= touchMs) await touch(row, now)
      return {
        sessionId: row.id,
        account: row.account,
        log: row.log,
        role: row.role,
        device: row.device ?? undefined,
        kind: row.kind,
        signedInAt: row.created_at,
      }
    },
  }
}

/** Ends sessions and tells whoever keeps something open on them. */
export const endSessions = async (
  { db, events }: Pick<IdentityParts, 'db' | 'events'>,
  ending: Ending,
): Promise<number> => {
  const ids = await removeSessions(db, ending)
  events.ended(ids)
  return ids.length
}

const isFresh = (at: number, now: number): boolean => now - at < freshProofMs && now >= at

/** True if this session proved a method of its account in the last ten minutes. */
export const hasFreshProof = (row: SessionRow, now: number): boolean => isFresh(row.proof_at, now)

/** True if what it proved in the last ten minutes was a recovery key, or a passkey of the signed state. */
export const hasStrongProof = (row: SessionRow, now: number): boolean =>
  row.strong_proof_at !== null && isFresh(row.strong_proof_at, now)

/** Answers the session's row. @throws ProblemError `step_up_needed` */
export const checkFreshProof = (row: SessionRow | undefined, now: number): SessionRow => {
  if (!row) throw gone()
  if (!hasFreshProof(row, now))
    throw new ProblemError('step_up_needed', 'Prove one of your sign-in methods again first.')
  return row
}

const rowOf = async ({ db }: IdentityParts, session: SessionContext): Promise<SessionRow> => {
  const row = await findSession(db, session.sessionId)
  if (!row) throw gone()
  return row
}

const describe = async (parts: IdentityParts, session: SessionContext, caller: Caller) => {
  const { db } = parts
  const row = await rowOf(parts, session)
  const account = await findAccount(db, session.account)
  if (!account) throw gone()
  if (row.address !== caller.address) await noteUse(db, row.id, { address: caller.address })
  return {
    account: account.account,
    log: account.log,
    name: await parts.openName(db, account.account, account.sealed_name),
    role: account.role,
    session: shown({ ...row, address: caller.address }, row.id),
    backupCodesLeft: await countBackupCodes(db, account.account),
    hasPassword: (await findPassword(db, account.account)) !== undefined,
    hasPasskey: await hasPasskey(db, account.account),
  }
}

const renew = async (parts: IdentityParts, session: SessionContext) => {
  const row = await rowOf(parts, session)
  const now = parts.clock.now()
  const expiresAt = now + lifetimeMs(row.kind, row.stay === 1)
  await updateSession(parts.db, row.id, { expires_at: expiresAt, last_used_at: now })
  return { expiresAt }
}

const deviceUnknown = (): ProblemError =>
  new ProblemError('device_unknown', 'This device is not enrolled.')

/** The device signs for exactly this session, so that a proof of one is no use to another. */
const bindDevice = async (
  parts: IdentityParts,
  session: SessionContext,
  { device, signature }: { device: string; signature: string },
) => {
  const findDevice = async () => {
    const view = await parts.logs.accountView(session.log)
    return view && activeDevices(view).find(({ id }) => id === device)
  }
  const known = await findDevice()
  if (!known) throw deviceUnknown()
  const valid = await verifySessionDevice(
    known.publicKey,
    fromHex(signature),
    fromHex(session.sessionId),
    fromHex(device),
  )
  if (!valid)
    throw new ProblemError('signature_invalid', 'The device did not sign for this session.')
  await updateSession(parts.db, session.sessionId, { device })
  // It may have been retired meanwhile, when this session was not yet among those that end with it.
  if (!(await findDevice())) {
    await endSessions(parts, { account: session.account, only: session.sessionId })
    throw deviceUnknown()
  }
  return { device }
}

const list = async ({ db, clock }: IdentityParts, session: SessionContext) => {
  const rows = await listLiveSessions(db, session.account, clock.now())
  return { sessions: rows.map((row) => shown(row, session.sessionId)) }
}

/** Another member's session is answered as an unknown one is. */
const endOne = async (parts: IdentityParts, session: SessionContext, id: string) => {
  const ended = await endSessions(parts, { account: session.account, only: id })
  if (ended === 0) throw new ProblemError('not_found', 'There is no such session.')
  return { ended }
}

/** What members do with their sessions. */
export const sessionsService = (parts: IdentityParts) => ({
  get: (session: SessionContext, caller: Caller) => describe(parts, session, caller),
  renew: (session: SessionContext) => renew(parts, session),
  bindDevice: (session: SessionContext, proof: { device: string; signature: string }) =>
    bindDevice(parts, session, proof),
  list: (session: SessionContext) => list(parts, session),
  endOne: (session: SessionContext, id: string) => endOne(parts, session, id),
  endMany: async ({ account, sessionId }: SessionContext, scope: 'others' | 'all') => ({
    ended: await endSessions(parts, {
      account,
      ...(scope === 'others' ? { except: sessionId } : {}),
    }),
  }),
})
