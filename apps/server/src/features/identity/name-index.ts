import { type AccountRow, updateAccount } from './account-store.ts'
import type { Trx } from './deps.ts'
import { comparedName } from './names.ts'
import type { IdentityParts } from './parts.ts'
import { nameLabel, pepperedNow } from './peppered.ts'

/**
 * Moves the blind index of an account's name under the newest pepper (KEY-6), in the transaction of a proven sign-in.
 * No other account can hold the name there: a sign-up looks it up under every version.
 */
export const renewNameIndex = async (
  parts: IdentityParts,
  trx: Trx,
  { account, pepper_version, sealed_name }: AccountRow,
): Promise<void> => {
  const { peppers } = parts.keys.secrets
  if (pepper_version === peppers.current.version) return
  const name = await parts.openName(trx, account, sealed_name)
  const { version, hash } = pepperedNow(peppers, nameLabel, comparedName(name))
  await updateAccount(trx, account, { name_index: hash, pepper_version: version })
}
