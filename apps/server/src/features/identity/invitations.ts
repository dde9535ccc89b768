import { ProblemError } from '@hearthold/contract'
import { randomBytes, randomId, toB64, toHex } from '@hearthold/crypto'
import type { SessionContext } from '#platform/access/session.ts'
import { inTransaction } from '#platform/db/index.ts'
import type { Caller } from './deps.ts'
import { checkGuesses, onAddress, takeGuess } from './guesses.ts'
import {
  findOpenInvitation,
  insertInvitation,
  type InvitationRow,
  listOpenInvitations,
  removeInvitation,
} from './invitation-store.ts'
import type { IdentityParts } from './parts.ts'
import { pepperedEver, pepperedNow } from './peppered.ts'
import type { RoleText } from './tables.ts'

const label = 'hearthold/v1/invitation'
const hourMs = 3600_000
const openInvitationsLimit = 1000

/**
 * The open invitation of a token. A wrong one counts as a guess of its address.
 * @throws ProblemError `invitation_invalid`, the same for unknown, used up, expired and voided; `locked_out`
 */
export const getOpenInvitation = async (
  { db, clock, keys }: IdentityParts,
  token: string,
  caller: Caller,
): Promise<InvitationRow> => {
  const now = clock.now()
  const counted = onAddress(caller.address)
  await checkGuesses(db, now, counted)
  const hashes = pepperedEver(keys.secrets.peppers, label, token)
  const found = await findOpenInvitation(db, hashes, now)
  if (found) return found
  await inTransaction(db, (trx) => takeGuess(trx, now, counted))
  throw invitationInvalid()
}

export const invitationInvalid = (): ProblemError =>
  new ProblemError('invitation_invalid', 'This invitation is used up, expired or not one of ours.')

/** Invitations, for hosts. */
export const invitationsService = (parts: IdentityParts) => {
  const { db, clock, keys } = parts
  return {
    create: async (
      session: SessionContext,
      wanted: { role: RoleText; uses: number; validHours: number },
    ) => {
      const now = clock.now()
      if ((await listOpenInvitations(db, now)).length >= openInvitationsLimit)
        throw new ProblemError('forbidden', 'There are too many open invitations. Void some first.')
      const invitation = toB64(randomBytes(32))
      const { version, hash } = pepperedNow(keys.secrets.peppers, label, invitation)
      const row: InvitationRow = {
        id: toHex(randomId()),
        token_hash: hash,
        pepper_version: version,
        role: wanted.role,
        uses_left: wanted.uses,
        created_by: session.account,
        created_at: now,
        expires_at: now + wanted.validHours * hourMs,
      }
      await insertInvitation(db, row)
      const pin = parts.serverPin === undefined ? '' : `.${parts.serverPin}`
      // Behind the # it is in no server's log.
      const url = `${parts.publicUrl()}/sign-up#${invitation}${pin}`
      return { id: row.id, invitation, url, expiresAt: row.expires_at }
    },

    list: async () => ({
      invitations: (await listOpenInvitations(db, clock.now())).map((row) => ({
        id: row.id,
        role: row.role,
        usesLeft: row.uses_left,
        createdAt: row.created_at,
        expiresAt: row.expires_at,
      })),
    }),

    remove: async (id: string) => {
      if (!(await removeInvitation(db, id)))
        throw new ProblemError('not_found', 'There is no such invitation.')
      return { removed: true }
    },
  }
}
