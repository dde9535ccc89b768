import { ProblemError } from '@hearthold/contract'
import { randomId, toHex } from '@hearthold/crypto'
import { inTransaction } from '#platform/db/index.ts'
import { findAccount, findAccountByName } from './account-store.ts'
import type { Caller } from './deps.ts'
import { onAddress, takeGuess } from './guesses.ts'
import { comparedName, newDisplayName } from './names.ts'
import { type IdentityParts, totpPlace } from './parts.ts'
import { nameLabel, pepperedEver, pepperedNow } from './peppered.ts'
import { insertSignUp, type SignUpRow } from './sign-up-store.ts'
import type { RoleText } from './tables.ts'
import { newTotpSecret, totpTexts } from './totp.ts'

export type SignUpStart = { name: string; account: string; registrationRequest: string }
/** What somebody may become, and by which invitation; null for the set-up. */
export type SignUpRight = { readonly role: RoleText; readonly invitation: string | null }

const signUpMs = 30 * 60_000

export const nameTaken = (): ProblemError => new ProblemError('name_taken', 'This name is taken.')

/** Only who may sign up learns that a name is taken, and not for many names in a row. */
const checkName = async (
  { db, clock, keys }: IdentityParts,
  name: string,
  caller: Caller,
): Promise<void> => {
  const indexes = pepperedEver(keys.secrets.peppers, nameLabel, comparedName(name))
  if (!(await findAccountByName(db, indexes))) return
  await inTransaction(db, (trx) => takeGuess(trx, clock.now(), onAddress(caller.address)))
  throw nameTaken()
}

/**
 * The first half of a sign-up: answers OPAQUE's registration and makes the authenticator's secret. Both wait in one
 * row for the second half; nothing of an account exists yet.
 */
export const startSignUp = async (
  parts: IdentityParts,
  wanted: SignUpStart,
  right: SignUpRight,
  caller: Caller,
) => {
  const { db, clock, keys, opaque } = parts
  const name = newDisplayName(wanted.name)
  await checkName(parts, name, caller)
  const { account } = wanted
  if (await findAccount(db, account))
    throw new ProblemError('sign_up_invalid', 'An account id is made of 16 new random bytes.')
  const { setupVersion, registrationResponse } = opaque.register(
    account,
    wanted.registrationRequest,
  )
  const index = pepperedNow(keys.secrets.peppers, nameLabel, comparedName(name))
  const secret = newTotpSecret()
  const row: SignUpRow = {
    id: toHex(randomId()),
    invitation: right.invitation,
    account,
    name_index: index.hash,
    pepper_version: index.version,
    sealed_name: await parts.sealName(db, account, name),
    sealed_totp: await keys.service.seal(db, totpPlace(account), secret),
    setup_version: setupVersion,
    role: right.role,
    tries: 0,
    expires_at: clock.now() + signUpMs,
  }
  await inTransaction(db, (trx) => insertSignUp(trx, row))
  return {
    signUp: row.id,
    registrationResponse,
    ksf: 1 as const,
    ...totpTexts(secret, name),
    instanceKey: toHex(keys.secrets.signingKey),
    role: right.role,
    expiresAt: row.expires_at,
  }
}
