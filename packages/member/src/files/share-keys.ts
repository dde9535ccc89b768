/** The keys of a share's epochs: random, each sealed in the log under the member's files key. */
import {
  type Bytes,
  fromHex,
  IntegrityError,
  openLogKey,
  randomBytes,
  sealLogKey,
} from '@hearthold/crypto'
import type { EpochFacts } from '@hearthold/model'
import { keyOfVersion, newestKey, type Unlocked } from '../account/unlock.ts'

export type ShareKeys = {
  /** The log key of an epoch, opened once. */
  open(epoch: EpochFacts): Promise<Bytes>
}

export const createShareKeys = (member: Unlocked, log: string): ShareKeys => {
  const opened = new Map<number, Bytes>()
  return {
    async open({ epoch, domainKeyVersion, sealedLogKey }) {
      const known = opened.get(epoch)
      if (known) return known
      const domainKey = await keyOfVersion(member, 'files', domainKeyVersion)
      if (!domainKey) {
        throw new IntegrityError(
          'sealed_bytes',
          "A share's key is sealed under a key that the account has not.",
        )
      }
      const key = await openLogKey(domainKey, fromHex(log), epoch, sealedLogKey)
      opened.set(epoch, key)
      return key
    },
  }
}

/** A new epoch's facts, under the newest files key or the given one. */
export const makeEpoch = async (
  member: Unlocked,
  log: string,
  epoch: number,
  under = newestKey(member, 'files'),
): Promise<EpochFacts> => ({
  epoch,
  domainKeyVersion: under.version,
  sealedLogKey: await sealLogKey(under.key, fromHex(log), epoch, randomBytes(32)),
})
