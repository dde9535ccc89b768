import { figuresOf, report } from '../peers/statistics.ts'
import type { Settings } from '../browser.ts'
import { type AtPage, atPage, openPage, password, signUpByPassword } from './at-page.ts'
import type { BenchPage } from './page.ts'

/** In the page; only functions that run there may use it. */
declare const bench: BenchPage

const unlocked = async (
  at: AtPage,
  way: 'passkey' | 'password',
  rounds: number,
): Promise<number[]> => {
  const found: number[] = []
  for (let round = 0; round <= rounds; round++) {
    await openPage(at)
    const ms = await at.browser.run((by, secret) => bench.unlockBy(by, secret), way, password)
    // In the first round the browser compiles what it keeps for later ones.
    if (round > 0) found.push(ms)
  }
  return found
}

const tell = (way: string, ms: readonly number[], includes: string): void =>
  report({ area: 'browser', what: `unlock by ${way}`, includes, ms: figuresOf(ms), barMs: 1000 })

/** From a locked page whose worker runs to keys that are open: asking the server, and opening the account log. */
export const unlocking = async ({ rounds }: Settings): Promise<void> => {
  await atPage(async (at) => {
    await at.browser.addPasskeys()
    await at.browser.run((token) => bench.signUpByPasskey(token), at.server.setUpToken ?? '')
    const includes = 'a virtual passkey that answers at once, the server, the account log'
    tell('passkey', await unlocked(at, 'passkey', rounds), includes)
  })
  await atPage(async (at) => {
    await signUpByPassword(at, false)
    const includes = 'OPAQUE with Argon2id (told apart by `verify`), the server, the account log'
    tell('password', await unlocked(at, 'password', rounds), includes)
  })
}
