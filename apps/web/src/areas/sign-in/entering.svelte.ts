/** Signing in or unlocking: one attempt at a time, and what it came to. */
import { codeOf, retryAfterOf } from '../../session/error-code.ts'
import { type Ceremonies, passkeyCeremonies } from '../../session/passkey.ts'
import { type Words, wordsOf } from '../../session/problem-words.ts'
import { account, takeStatus } from '../../session/session.svelte.ts'
import { text } from '../../text/en/identity.ts'
import type { AccountStatus } from '../../workers/account/api.ts'
import type { RemoteAccount } from '../../workers/account/connect.ts'

export type Way = 'passkey' | 'password' | 'recovery'

const words = text.signIn

/** What a refused way means: sign-in and unlocking say it in their own words. */
export type Refusals = {
  readonly password: Words
  readonly recovery: Words
  readonly passkey: Words
}

const plain = (title: string, todo?: string): Words => ({
  title,
  todo,
  safe: undefined,
  code: undefined,
})

export const signInRefusals: Refusals = {
  password: plain(words.failedTitle, words.failed),
  recovery: plain(words.failedTitle, text.byRecovery.failed),
  passkey: plain(words.passkeyUnknown),
}
export const unlockRefusals: Refusals = {
  password: plain(text.unlock.wrong),
  recovery: plain(words.failedTitle, text.byRecovery.failed),
  passkey: plain(words.passkeyUnknown),
}

export class Entering {
  /** What runs now. */
  busy = $state<Way>()
  problem = $state.raw<Words>()
  /** Seconds for which the password way is closed. */
  lockedSeconds = $state<number>()
  readonly #refusals: Refusals

  constructor(refusals: Refusals) {
    this.#refusals = refusals
  }

  /** Runs one attempt; true where it went through. */
  async attempt(
    way: Way,
    run: (worker: RemoteAccount, ceremonies: Ceremonies) => Promise<AccountStatus>,
  ): Promise<boolean> {
    if (this.busy !== undefined) return false
    this.busy = way
    this.problem = undefined
    const ceremonies = passkeyCeremonies()
    try {
      takeStatus(await run(await account(), ceremonies))
      return true
    } catch (error) {
      this.#refuse(way, error, ceremonies)
      return false
    } finally {
      this.busy = undefined
    }
  }

  #refuse(way: Way, error: unknown, ceremonies: Ceremonies): void {
    const code = codeOf(error)
    const failure = way === 'passkey' ? ceremonies.failure() : undefined
    if (code === 'locked_out' && way !== 'passkey') {
      this.lockedSeconds = retryAfterOf(error) ?? 900
    } else if (failure === 'cancelled') this.problem = plain(words.cancelled)
    else if (failure === 'failed') this.problem = plain(words.passkeyFailed)
    else if (code === 'sign_in_failed') this.problem = this.#refusals[way]
    else if ((error as { name?: unknown } | null)?.name !== 'AbortError') {
      this.problem = wordsOf(error)
    }
  }
}
