/** Appending to the account log: strict, and where a reader is removed together with a fence in every share. */
import { appendAccount, type BodyOf } from '@hearthold/contract'
import {
  encodeAppend,
  fromB64,
  type LogAppend,
  noPlace,
  type Receipt,
  type SignedEntry,
  toB64,
} from '@hearthold/crypto'
import { accountRules, type ShareFacts } from '@hearthold/model'
import type { Share } from '../files/share.ts'
import { signForShare } from '../files/share.ts'
import {
  appendAttempts,
  checkOnHistory,
  mayHaveArrived,
  needsRebase,
  receiptsFor,
} from '../logs/appending.ts'
import { type DeviceKey, type EntryDraft, signDrafts } from '../logs/log-entries.ts'
import { nowOf } from '../member-context.ts'
import type { AccountDraft } from './account-entries.ts'
import { authorOf, refresh, type Unlocked } from './unlock.ts'

/** Credentials that the server keeps beside the log and changes together with it. */
export type Credentials = Omit<BodyOf<typeof appendAccount>, 'append'>

/** One atomic append: entries of the account log, and at most one entry in each of some shares. */
export type AccountAppend = {
  readonly drafts: readonly AccountDraft[]
  readonly fences?: readonly { readonly share: Share; readonly draft: EntryDraft<ShareFacts> }[]
  readonly credentials?: Credentials
}

type Signed = {
  readonly append: AccountAppend
  readonly entries: readonly SignedEntry[]
  readonly fences: readonly (readonly SignedEntry[])[]
}

const signAll = async (
  member: Unlocked,
  device: DeviceKey,
  append: AccountAppend,
): Promise<Signed> => {
  const { replica } = member.account
  const entries = await signDrafts(
    {
      log: replica.logBytes,
      rules: accountRules.version,
      strict: accountRules.strict,
      position: replica.position,
      author: authorOf(member),
      device,
      basis: noPlace,
      clock: nowOf(member.context),
    },
    append.drafts,
  )
  const fences = await Promise.all(
    (append.fences ?? []).map(({ share, draft }) => signForShare(share, [draft])),
  )
  return { append, entries, fences }
}

const logsOf = (member: Unlocked, { append, entries, fences }: Signed): LogAppend[] => [
  { log: member.account.replica.logBytes, genesis: undefined, entries },
  ...(append.fences ?? []).map(({ share }, i) => ({
    log: share.replica.logBytes,
    genesis: undefined,
    entries: fences[i]!,
  })),
]

const take = async (
  member: Unlocked,
  signed: Signed,
  receipts: readonly Receipt[],
): Promise<void> => {
  const { replica } = member.account
  const [mine, ...others] = receipts
  const facts = signed.append.drafts.map((draft) => draft.facts)
  if (!(await replica.acceptAppended(signed.entries, facts, mine!, 0))) {
    await replica.sync()
    checkOnHistory(mine!, replica)
  }
  for (const [i, receipt] of others.entries()) {
    const { share, draft } = signed.append.fences![i]!
    const gov = replica.position.seq
    if (await share.replica.acceptAppended(signed.fences[i]!, [draft.facts], receipt, gov)) continue
    await share.replica.sync()
    checkOnHistory(receipt, share.replica)
  }
}

/**
 * Appends to the account log as `device`. `build` is called again, after account, keys and shares were brought up
 * to date, whenever another device was faster. Resolves to the append that went through (an earlier one, where only
 * its answer was lost) and the number of other sessions that the server ended. Throws ProblemError (step_up_needed,
 * second_factor_wrong, method_required ...) and never tries a proof twice.
 */
export const appendToAccount = async (
  member: Unlocked,
  device: DeviceKey,
  build: () => Promise<AccountAppend>,
): Promise<{ applied: AccountAppend; sessionsEnded: number }> => {
  const { replica } = member.account
  const sent: Signed[] = []
  for (;;) {
    const signed = await signAll(member, device, await build())
    sent.push(signed)
    try {
      return { applied: signed.append, sessionsEnded: await sendAll(member, signed) }
    } catch (error) {
      const again = needsRebase(error) || mayHaveArrived(error)
      if (!again || sent.length >= appendAttempts) throw error
      await replica.sync()
      for (const { share } of signed.append.fences ?? []) await share.replica.sync()
      const arrived = sent.find(({ entries }) => replica.endsWith(device.id, entries.at(-1)!))
      if (arrived) return { applied: arrived.append, sessionsEnded: 0 }
      await refresh(member)
    }
  }
}

const sendAll = async (member: Unlocked, signed: Signed): Promise<number> => {
  const logs = logsOf(member, signed)
  const answer = await member.context.client.call(appendAccount, {
    body: { append: toB64(encodeAppend(logs)), ...signed.append.credentials },
  })
  const receipts = receiptsFor(
    fromB64(answer.receipts),
    logs.map(({ log }) => log),
  )
  await take(member, signed, receipts)
  return answer.sessionsEnded
}
