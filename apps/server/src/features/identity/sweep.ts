import { inTransaction } from '#platform/db/index.ts'
import { sweepGuesses } from './guesses.ts'
import { sweepInvitations } from './invitation-store.ts'
import type { IdentityParts } from './parts.ts'
import { sweepWaiting } from './registration.ts'
import { sweepSessions } from './session-store.ts'
import { sweepSignUps } from './sign-up-store.ts'
import { sweepSteps } from './step-store.ts'

/** Removes all that has expired; keys made for sign-ups that never finished are shredded with them. */
export const sweep = async (parts: IdentityParts): Promise<void> => {
  const { db, clock, keys, events } = parts
  const ended = await inTransaction(db, async (trx) => {
    const now = clock.now()
    await sweepGuesses(trx, now)
    await sweepSteps(trx, now)
    await sweepInvitations(trx, now)
    await sweepWaiting(parts, trx, now)
    for (const account of await sweepSignUps(trx, now)) await keys.service.shred(trx, account)
    return sweepSessions(trx, now)
  })
  events.ended(ended)
}
