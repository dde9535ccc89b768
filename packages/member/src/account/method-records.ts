import {
  type Bytes,
  createMethod,
  methodType,
  type MethodRecord,
  type MethodType,
  signingPublicKey,
  wrapAccountKey,
} from '@hearthold/crypto'
import type { StateKeys } from './account-entries.ts'

const noAuthKey: Bytes = new Uint8Array(32)
const answersChallenges = (type: MethodType): boolean =>
  type === methodType.recovery || type === methodType.device

/** The record of a new method under the given keys. Challenge keys only where the method proves itself by one. */
export const newMethod = async (
  keys: StateKeys,
  method: { type: MethodType; id: Bytes; secret: Bytes },
): Promise<MethodRecord> => {
  const { type, id } = method
  const place = { account: keys.account, type, id, generation: keys.generation }
  const record = await createMethod(method.secret, place, {
    accountKey: keys.accountKey,
    rootPublicKey: signingPublicKey(keys.keyring.rootSeed),
  })
  return answersChallenges(type) ? record : { ...record, authPublicKey: noAuthKey }
}

/** The same methods for a new account key: needs their public keys alone, from a state that was verified. */
export const rewrap = (
  keys: StateKeys,
  methods: readonly MethodRecord[],
): Promise<MethodRecord[]> =>
  Promise.all(
    methods.map(async (method) => ({
      ...method,
      wrap: await wrapAccountKey(method.publicKey, keys.accountKey, {
        account: keys.account,
        type: method.type,
        id: method.id,
        generation: keys.generation,
      }),
    })),
  )
