/** A signed-up person at the bench's page. */
import { totpCode } from '@hearthold/member'
import { buildBenchPage } from './build-page.ts'
import { BenchServer } from './instance.ts'
import type { BenchPage } from './page.ts'
import { PlainChromium } from './plain-chromium.ts'

export const password = 'correct horse battery 9'

/** In the page; only functions that run there may use it. */
declare const bench: BenchPage

export type AtPage = { readonly server: BenchServer; readonly browser: PlainChromium }

/** Starts server and browser, does the work, and leaves nothing behind. */
export const atPage = async (work: (at: AtPage) => Promise<void>): Promise<void> => {
  const server = new BenchServer()
  await server.start(await buildBenchPage())
  const browser = await PlainChromium.start(server.profile('browser'))
  try {
    await openPage({ server, browser })
    await work({ server, browser })
  } finally {
    await browser.stop()
    await server.dispose()
  }
}

/** Loads the page anew: its worker has forgotten everything. The app's service worker sees its requests, as in the app. */
export const openPage = async ({ server, browser }: AtPage): Promise<void> => {
  await browser.visit(`${server.origin}/`)
  await browser.until(() => 'bench' in globalThis)
  if (await browser.run(() => navigator.serviceWorker.controller !== null)) return
  await browser.run(async () => {
    await navigator.serviceWorker.register('/service-worker.js', { updateViaCache: 'none' })
    await navigator.serviceWorker.ready
  })
  await browser.visit(`${server.origin}/`)
  await browser.until(() => 'bench' in globalThis && navigator.serviceWorker.controller !== null)
}

/** An account with a password; returns the authenticator's secret. `stay`: it then unlocks by itself. */
export const signUpByPassword = async (
  { server, browser }: AtPage,
  stay = true,
): Promise<string> => {
  type Asking = { asked?: { secret: string; answer: (code: string) => void }; made?: string }
  await browser.run(
    (token, secret, stays) => {
      const here = globalThis as unknown as Asking & {
        nextCode: (secret: string) => Promise<string>
      }
      here.nextCode = (shown) => new Promise((answer) => (here.asked = { secret: shown, answer }))
      bench.signUpByPassword(token, secret, stays).then(
        () => (here.made = 'yes'),
        (error: unknown) => (here.made = String(error)),
      )
    },
    server.setUpToken ?? '',
    password,
    stay,
  )
  await browser.until(() => (globalThis as Asking).asked !== undefined)
  const secret = await browser.run(() => (globalThis as Asking).asked!.secret)
  const next = totpCode(secret, Date.now())
  if (!('code' in next)) throw new Error('A first code needs no waiting.')
  await browser.run((code) => (globalThis as Asking).asked!.answer(code), next.code)
  await browser.until(() => (globalThis as Asking).made !== undefined)
  const made = await browser.run(() => (globalThis as Asking).made)
  if (made !== 'yes') throw new Error(`No account was made: ${made}`)
  return secret
}
