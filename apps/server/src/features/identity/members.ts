import { ProblemError } from '@hearthold/contract'
import { inTransaction, runText } from '#platform/db/index.ts'
import {
  type AccountRow,
  countActiveHosts,
  findAccount,
  listAccounts,
  updateAccount,
} from './account-store.ts'
import type { On } from './deps.ts'
import type { IdentityParts } from './parts.ts'
import { removeSessions } from './session-store.ts'
import { voidSignIns } from './step-store.ts'

/** The quota in force for a row: its own, else the default; undefined for none. */
const quotaOf = (
  row: Pick<AccountRow, 'quota_bytes'>,
  defaultQuotaBytes: number | undefined,
): number | undefined => row.quota_bytes ?? defaultQuotaBytes

/** Asked with every append, see findLiveSession. */
const quotaText = 'select quota_bytes from accounts where account = ?'

/**
 * How many bytes an account may keep; undefined without a limit.
 * @throws ProblemError `not_found` for an account that is not there
 */
export const getQuotaBytes = async (
  on: On,
  account: string,
  defaultQuotaBytes: number | undefined,
): Promise<number | undefined> => {
  const [row] = await runText<Pick<AccountRow, 'quota_bytes'>>(on, quotaText, [account])
  if (!row) throw new ProblemError('not_found', 'There is no such member.')
  return quotaOf(row, defaultQuotaBytes)
}

const shown = async (parts: IdentityParts, row: AccountRow, usedBytes: number) => ({
  account: row.account,
  log: row.log,
  name: await parts.openName(parts.db, row.account, row.sealed_name),
  role: row.role,
  suspended: row.suspended === 1,
  createdAt: row.created_at,
  usedBytes,
  quotaBytes: quotaOf(row, parts.defaultQuotaBytes) ?? null,
})

/** One account, as hosts see it. */
export const showMember = async (parts: IdentityParts, row: AccountRow) => {
  const used = await parts.usedBytes([row.account])
  return shown(parts, row, used.get(row.account) ?? 0)
}

/** The accounts of this instance, for hosts. */
export const membersService = (parts: IdentityParts) => {
  const { db, events } = parts

  return {
    list: async () => {
      const rows = await listAccounts(db)
      const used = await parts.usedBytes(rows.map(({ account }) => account))
      const members = rows.map((row) => shown(parts, row, used.get(row.account) ?? 0))
      return { members: await Promise.all(members) }
    },

    update: async (
      account: string,
      wanted: { quotaBytes?: number | null; suspended?: boolean },
    ) => {
      const ended = await inTransaction(db, async (trx) => {
        const row = await findAccount(trx, account)
        if (!row || row.waiting_until !== null)
          throw new ProblemError('not_found', 'There is no such member.')
        const suspends = wanted.suspended === true && row.suspended === 0
        if (suspends && row.role === 'host' && (await countActiveHosts(trx)) < 2)
          throw new ProblemError('forbidden', 'The last host cannot be suspended.')
        const values = {
          ...(wanted.quotaBytes === undefined ? {} : { quota_bytes: wanted.quotaBytes }),
          ...(wanted.suspended === undefined ? {} : { suspended: wanted.suspended ? 1 : 0 }),
        }
        if (Object.keys(values).length > 0) await updateAccount(trx, account, values)
        if (wanted.suspended !== true) return []
        await voidSignIns(trx, account)
        return removeSessions(trx, { account })
      })
      events.ended(ended)
      if (wanted.suspended !== undefined) await parts.onMembersChanged?.()
      const row = await findAccount(db, account)
      if (!row) throw new ProblemError('not_found', 'There is no such member.')
      return showMember(parts, row)
    },
  }
}
