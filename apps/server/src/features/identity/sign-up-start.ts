import {
  type AnswerOf,
  type BodyOf,
  ProblemError,
  type startSignUp as startSignUpEndpoint,
} from '@hearthold/contract'
import { randomId, toHex } from '@hearthold/crypto'
import { inTransaction } from '#platform/db/index.ts'
import { findAccount, findAccountByName } from './account-store.ts'
import type { Caller } from './deps.ts'
import { onAddress, takeGuess } from './guesses.ts'
import { comparedName, newDisplayName } from './names.ts'
import { type IdentityParts, totpPlace } from './parts.ts'
import { getPasskeySite } from './passkey-site.ts'
import { creationOptions, newPasskeyChallenge } from './passkey-verify.ts'
import { nameLabel, pepperedEver, pepperedNow } from './peppered.ts'
import { insertSignUp, type SignUpRow } from './sign-up-store.ts'
import type { RoleText } from './tables.ts'
import { newTotpSecret, totpTexts } from './totp.ts'

export type SignUpStart = Pick<BodyOf<typeof startSignUpEndpoint>, 'name' | 'account' | 'way'>
/** What somebody may become, and by which invitation; null for the set-up, `withoutInvitation` for none. */
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

type Begun = {
  /** What the server must remember of it. */
  readonly kept: Pick<SignUpRow, 'sealed_totp' | 'setup_version' | 'challenge'>
  readonly way: AnswerOf<typeof startSignUpEndpoint>['way']
}

const beginWay = async (
  parts: IdentityParts,
  { account, way }: SignUpStart,
  name: string,
): Promise<Begun> => {
  if (way.kind === 'passkey') {
    const challenge = newPasskeyChallenge()
    const options = creationOptions(getPasskeySite(parts), challenge, { account, name, known: [] })
    return {
      kept: { sealed_totp: null, setup_version: null, challenge },
      way: { kind: 'passkey', options },
    }
  }
  const { db, keys, opaque } = parts
  const { setupVersion, registrationResponse } = opaque.register(account, way.registrationRequest)
  const secret = newTotpSecret()
  const sealed_totp = await keys.service.seal(db, totpPlace(account), secret)
  return {
    kept: { sealed_totp, setup_version: setupVersion, challenge: null },
    way: { kind: 'password', registrationResponse, ksf: 1, ...totpTexts(secret, name) },
  }
}

/**
 * The first half of a sign-up: answers OPAQUE's registration and makes the authenticator's secret, or asks for a
 * passkey. What belongs to it waits in one row for the second half; nothing of an account exists yet.
 */
export const startSignUp = async (
  parts: IdentityParts,
  wanted: SignUpStart,
  right: SignUpRight,
  caller: Caller,
) => {
  const { db, clock, keys } = parts
  const name = newDisplayName(wanted.name)
  await checkName(parts, name, caller)
  const { account } = wanted
  if (await findAccount(db, account))
    throw new ProblemError('sign_up_invalid', 'An account id is made of 16 new random bytes.')
  const index = pepperedNow(keys.secrets.peppers, nameLabel, comparedName(name))
  const begun = await beginWay(parts, wanted, name)
  const row: SignUpRow = {
    id: toHex(randomId()),
    invitation: right.invitation,
    account,
    name_index: index.hash,
    pepper_version: index.version,
    sealed_name: await parts.sealName(db, account, name),
    ...begun.kept,
    role: right.role,
    tries: 0,
    expires_at: clock.now() + signUpMs,
  }
  await inTransaction(db, (trx) => insertSignUp(trx, row))
  return {
    signUp: row.id,
    way: begun.way,
    instanceKey: toHex(keys.secrets.signingKey),
    role: right.role,
    expiresAt: row.expires_at,
  }
}
