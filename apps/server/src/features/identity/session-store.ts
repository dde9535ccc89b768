import type { Selectable } from 'kysely'
import { placesFor, runText } from '#platform/db/index.ts'
import type { On, Trx } from './deps.ts'
import type { IdentityTables, RoleText } from './tables.ts'

export type SessionRow = Selectable<IdentityTables['sessions']>

/** A session that counts now, with what its account adds. */
export type LiveSession = Pick<
  SessionRow,
  'id' | 'kind' | 'account' | 'device' | 'stay' | 'created_at' | 'last_used_at'
> & { readonly log: string; readonly role: RoleText }

/** Every request asks it: composing it anew would cost more than running it. */
const liveSessionText = `select sessions.id, sessions.kind, sessions.account, sessions.device, sessions.stay,
    sessions.created_at, sessions.last_used_at, accounts.log, accounts.role
  from sessions inner join accounts on accounts.account = sessions.account
  where sessions.token_hash = ? and sessions.kind = ? and sessions.expires_at > ?
    and accounts.suspended = 0 and accounts.waiting_until is null`

/** One query per request: expired sessions, suspended and waiting accounts are not found. */
export const findLiveSession = async (
  on: On,
  tokenHash: Uint8Array,
  kind: SessionRow['kind'],
  now: number,
): Promise<LiveSession | undefined> => {
  const rows = await runText<LiveSession>(on, liveSessionText, [tokenHash, kind, now])
  return rows[0]
}

export const findSession = (on: On, id: string): Promise<SessionRow | undefined> =>
  on.selectFrom('sessions').selectAll().where('id', '=', id).executeTakeFirst()

export const listLiveSessions = (on: On, account: string, now: number): Promise<SessionRow[]> =>
  on
    .selectFrom('sessions')
    .selectAll()
    .where('account', '=', account)
    .where('expires_at', '>', now)
    .orderBy('last_used_at', 'desc')
    .orderBy('id')
    .execute()

const columns = [
  'id',
  'token_hash',
  'kind',
  'account',
  'method',
  'device',
  'stay',
  'created_at',
  'last_used_at',
  'expires_at',
  'proof_at',
  'strong_proof_at',
  'address',
  'client',
] as const satisfies readonly (keyof SessionRow)[]
const insertText = `insert into sessions (${columns.join(', ')}) values (${placesFor(columns)})`

export const insertSession = async (trx: Trx, row: SessionRow): Promise<void> => {
  await runText(
    trx,
    insertText,
    columns.map((column) => row[column]),
  )
}

export const updateSession = async (
  on: On,
  id: string,
  values: Partial<
    Pick<
      SessionRow,
      'last_used_at' | 'expires_at' | 'proof_at' | 'strong_proof_at' | 'device' | 'address'
    >
  >,
): Promise<void> => {
  await on.updateTable('sessions').set(values).where('id', '=', id).execute()
}

/** Which sessions of an account end. `devices`: only those tied to one of them. */
export type Ending = {
  readonly account: string
  readonly only?: string
  readonly except?: string
  readonly devices?: readonly string[]
}

/** Ends sessions and answers their ids, for the events after the commit. */
export const removeSessions = async (on: On, ending: Ending): Promise<string[]> => {
  let query = on.deleteFrom('sessions').where('account', '=', ending.account)
  if (ending.only !== undefined) query = query.where('id', '=', ending.only)
  if (ending.except !== undefined) query = query.where('id', '!=', ending.except)
  if (ending.devices !== undefined) query = query.where('device', 'in', ending.devices)
  const rows = await query.returning('id').execute()
  return rows.map(({ id }) => id)
}

/** Ends the longest unused sessions beyond `keep`; answers their ids. */
export const trimSessions = async (trx: Trx, account: string, keep: number): Promise<string[]> => {
  const text = 'select count(*) as count from sessions where account = ?'
  const [counted] = await runText<{ count: number }>(trx, text, [account])
  if (!counted || counted.count <= keep) return []
  const rows = await trx
    .deleteFrom('sessions')
    .where('id', 'in', (eb) =>
      eb
        .selectFrom('sessions')
        .select('id')
        .where('account', '=', account)
        .orderBy('last_used_at', 'desc')
        .limit(1000)
        .offset(keep),
    )
    .returning('id')
    .execute()
  return rows.map(({ id }) => id)
}

/** Removes expired sessions; answers their ids, since a socket may still be open on one. */
export const sweepSessions = async (trx: Trx, now: number): Promise<string[]> => {
  const rows = await trx
    .deleteFrom('sessions')
    .where('expires_at', '<=', now)
    .returning('id')
    .execute()
  return rows.map(({ id }) => id)
}
