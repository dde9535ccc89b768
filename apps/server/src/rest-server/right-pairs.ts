import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import type { Clock } from '#platform/clock.ts'

/** How long a right pair is believed without a comparison, from its last use on. */
const believedMs = 60_000

/** The last right password of each user, as a hash under a key that this process alone has and never writes. */
export type RightPairs = {
  /** Stands for a user and a password. */
  verifierOf(user: string, password: Uint8Array): Buffer
  /** It was right for this stored hash, also if that is long ago. */
  wasRight(user: string, verifier: Buffer, hash: string): boolean
  /** It was right within a minute. */
  isBelieved(user: string, verifier: Buffer, hash: string): boolean
  believe(user: string, verifier: Buffer, hash: string): true
}

type Right = { readonly verifier: Buffer; readonly hash: string; readonly until: number }

export const rightPairs = (clock: Clock): RightPairs => {
  const key = randomBytes(32)
  const rights = new Map<string, Right>()
  // A line of the file that has changed takes its pair with it.
  const find = (user: string, verifier: Buffer, hash: string): Right | undefined => {
    const right = rights.get(user)
    return right?.hash === hash && timingSafeEqual(right.verifier, verifier) ? right : undefined
  }
  return {
    verifierOf: (user, password) =>
      createHmac('sha256', key).update(`${user}\0`).update(password).digest(),
    wasRight: (user, verifier, hash) => find(user, verifier, hash) !== undefined,
    isBelieved: (user, verifier, hash) => {
      const until = find(user, verifier, hash)?.until ?? -Infinity
      // A clock that was set back makes nothing believed for longer.
      return clock.now() < until && until - clock.now() <= believedMs
    },
    believe: (user, verifier, hash) => {
      rights.set(user, { verifier, hash, until: clock.now() + believedMs })
      return true
    },
  }
}
