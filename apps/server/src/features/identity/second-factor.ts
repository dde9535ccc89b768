import { findTotp, useTotpStep } from './account-store.ts'
import { useBackupCode } from './backup-codes.ts'
import type { Trx } from './deps.ts'
import { type IdentityParts, totpPlace } from './parts.ts'
import { isTotpCode, matchTotp } from './totp.ts'

/** What a code was; undefined for a wrong one, a used one, and where there is no second factor. */
export type SecondFactor = 'totp' | 'backup-code'

/** Checks a code and uses it up in this transaction. A backup code stands in for the app and never unlocks keys. */
export const useSecondFactor = async (
  { keys, clock }: Pick<IdentityParts, 'keys' | 'clock'>,
  trx: Trx,
  account: string,
  code: string,
): Promise<SecondFactor | undefined> => {
  const typed = code.replaceAll(' ', '')
  if (!isTotpCode(typed))
    return (await useBackupCode(trx, keys.secrets.peppers, account, typed))
      ? 'backup-code'
      : undefined
  const totp = await findTotp(trx, account)
  if (!totp) return undefined
  const secret = await keys.service.open(trx, totpPlace(account), totp.sealed_secret)
  const step = matchTotp(secret, typed, clock.now())
  return step !== undefined && (await useTotpStep(trx, account, step)) ? 'totp' : undefined
}
