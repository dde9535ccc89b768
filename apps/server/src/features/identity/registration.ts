import { ProblemError } from '@hearthold/contract'
import { inTransaction } from '#platform/db/index.ts'
import { findAccount } from './account-store.ts'
import type { Caller, On, Trx } from './deps.ts'
import { onOpenSignUp, takeTurn } from './guesses.ts'
import { showMember } from './members.ts'
import type { IdentityParts } from './parts.ts'
import {
  countBegun,
  countWaiting,
  deleteWaiting,
  findRegistration,
  letIn,
  listOverdue,
  listWaiting,
  type RegistrationSetting,
  updateRegistration,
} from './registration-store.ts'

const waitingMs = 14 * 24 * 3600_000
const waitingLimit = 100
/** Half-done sign-ups without an invitation, from all addresses together: strangers must not fill the disk. */
const begunLimit = 1000

const closed = (): ProblemError =>
  new ProblemError('registration_closed', 'This server takes new members by invitation only.')
const full = (): ProblemError =>
  new ProblemError('registration_full', 'Too many sign-ups are waiting here. Try again later.')

const getOpenSetting = async (on: On, now: number): Promise<RegistrationSetting> => {
  const setting = await findRegistration(on)
  if (setting.registration === 'closed') throw closed()
  if (setting.registration === 'approval' && (await countWaiting(on, now)) >= waitingLimit)
    throw full()
  return setting
}

/**
 * Lets somebody without an invitation begin a sign-up.
 * @throws ProblemError `registration_closed`, `registration_full`, `rate_limited`
 */
export const beginUninvited = ({ db, clock }: IdentityParts, { address }: Caller): Promise<void> =>
  inTransaction(db, async (trx) => {
    const now = clock.now()
    await getOpenSetting(trx, now)
    await takeTurn(trx, now, onOpenSignUp(address, 'begun'))
    if ((await countBegun(trx, now)) >= begunLimit) throw full()
  })

/** How an account begins: with which quota of its own, and until when it waits for a host. */
export type Admission = { readonly quotaBytes: number | null; readonly waitingUntil: number | null }

/**
 * The same for the end of the sign-up, by the setting of that moment, in its transaction.
 * @throws ProblemError `registration_closed`, `registration_full`, `rate_limited`
 */
export const admitUninvited = async (
  trx: Trx,
  now: number,
  { address }: Caller,
): Promise<Admission> => {
  const { registration, quotaBytes } = await getOpenSetting(trx, now)
  await takeTurn(trx, now, onOpenSignUp(address, 'finished'))
  return { quotaBytes, waitingUntil: registration === 'approval' ? now + waitingMs : null }
}

/** Removes a waiting account as if it had never been: it had no session, so nothing but its log refers to it. */
const removeWaiting = async (
  { keys, logs }: IdentityParts,
  trx: Trx,
  account: string,
): Promise<boolean> => {
  const log = await deleteWaiting(trx, account)
  if (log === undefined) return false
  await keys.service.shred(trx, account)
  await logs.remove(trx, log)
  return true
}

/** Removes the accounts for which no host decided in time. */
export const sweepWaiting = async (parts: IdentityParts, trx: Trx, now: number): Promise<void> => {
  for (const account of await listOverdue(trx, now)) await removeWaiting(parts, trx, account)
}

const noRequest = (): ProblemError =>
  new ProblemError('not_found', 'There is no such sign-up that waits.')

/** Sign-up without an invitation, for hosts. */
export const registrationService = (parts: IdentityParts) => {
  const { db, clock } = parts

  const get = async () => ({
    ...(await findRegistration(db)),
    waiting: await countWaiting(db, clock.now()),
  })

  return {
    get,
    update: async (wanted: Partial<RegistrationSetting>) => {
      await updateRegistration(db, wanted)
      return get()
    },
    list: async () => {
      const rows = await listWaiting(db, clock.now())
      const requests = rows.map(
        async ({ account, log, sealed_name, created_at, waiting_until }) => ({
          ...{ account, log },
          name: await parts.openName(db, account, sealed_name),
          askedAt: created_at,
          expiresAt: waiting_until ?? 0,
        }),
      )
      return { requests: await Promise.all(requests) }
    },
    approve: async (account: string) => {
      const row = await inTransaction(db, async (trx) =>
        (await letIn(trx, account, clock.now())) ? findAccount(trx, account) : undefined,
      )
      if (!row) throw noRequest()
      return showMember(parts, row)
    },
    deny: async (account: string) => {
      if (!(await inTransaction(db, (trx) => removeWaiting(parts, trx, account)))) throw noRequest()
      return { removed: true }
    },
  }
}
