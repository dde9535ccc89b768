/** What people do on the identity pages, in their words: by labels and roles, as a screen reader finds them. */
import { totpCode } from '@hearthold/member'
import type { Locator, Page } from 'playwright-core'
import { expect } from 'vitest'
import type { View, WebServer } from './harness.ts'

/** Nothing may be wrong with what is shown: no finding of axe, nothing wider than the window, nothing on the console. */
export const look = async (
  view: View,
  name: string,
  rules: 'all' | 'colours' = 'all',
): Promise<void> => {
  expect(await view.axe(rules), `${name}: axe`).toEqual([])
  expect(await view.overflow(), `${name}: wider than the window`).toEqual([])
  expect(await view.complaints(), `${name}: console, policy, requests`).toEqual([])
  await view.shot(name)
}

export const press = (page: Page, name: string | RegExp): Promise<void> =>
  page.getByRole('button', { name, exact: typeof name === 'string' }).click()

/** Waits until the page says so; a message is there twice, once for screen readers. */
export const said = (page: Page | Locator, words: string | RegExp): Promise<void> =>
  page.getByText(words).first().waitFor()

/** Chooses one of several ways: the whole card is the label. */
export const choose = (page: Page, label: string): Promise<void> =>
  page.getByText(label, { exact: true }).click()

/** Waits for a part of the page; where it does not come, the error says what the page shows instead. */
const comes = async (page: Page, part: Locator, name: string): Promise<void> => {
  try {
    await part.waitFor()
  } catch (error) {
    const shown = await page.locator('body').innerText()
    throw new Error(`${name} did not come; the page says: ${shown}`, { cause: error })
  }
}

/** Waits until the page has this heading. */
export const heading = (page: Page, name: string | RegExp): Promise<void> =>
  comes(page, page.getByRole('heading', { name, level: 1 }), `The heading ${String(name)}`)

/** Waits for what bears a test id. */
export const reached = (page: Page, testId: string): Promise<void> =>
  comes(page, page.getByTestId(testId), testId)

/** Goes to a path of the app as a link in it does: without a reload, which would lock it again. */
export const visit = async (page: Page, path: string): Promise<void> => {
  await page.evaluate((to) => {
    history.pushState(null, '', to)
    dispatchEvent(new PopStateEvent('popstate'))
  }, path)
}

/** Codes of an authenticator as its owner reads them off; the server's clock moves on where a step was used. */
export class Authenticator {
  readonly #server: WebServer
  #secret = ''
  #lastStep: number | undefined

  constructor(server: WebServer) {
    this.#server = server
  }

  /** Reads the secret that the page shows. */
  async scan(page: Page): Promise<void> {
    const text = await page.getByTestId('totp-secret').textContent()
    this.#secret = (text ?? '').replaceAll(/\s/g, '')
    this.#lastStep = undefined
  }

  code(): string {
    for (;;) {
      const next = totpCode(this.#secret, this.#server.now(), this.#lastStep)
      if ('code' in next) {
        this.#lastStep = next.step
        return next.code
      }
      this.#server.advance(next.waitMs)
    }
  }
}

const ordinals = ['first', 'second', 'third', 'fourth', 'fifth', 'sixth', 'seventh', 'eighth']

/** Reads the recovery key off the page, and types back the two groups that are asked; looked at where `name` is given. */
export const keepRecoveryKey = async (view: View, name?: string): Promise<string> => {
  const { page } = view
  const shown = page.getByTestId('recovery-key')
  await shown.waitFor()
  if (name !== undefined) await look(view, `${name}-recovery-key`)
  const groups = await shown.locator('li > span[aria-hidden]').allTextContents()
  expect(groups).toHaveLength(9)
  await press(page, 'I have kept it')
  const fields = page.getByRole('textbox', { name: /^The \w+ group$/ })
  await fields.first().waitFor()
  if (name !== undefined) await look(view, `${name}-recovery-check`)
  for (const field of await fields.all()) {
    const label = await field.evaluate(
      (input) => (input as HTMLInputElement).labels?.[0]?.textContent,
    )
    const place = ordinals.findIndex((word) => label?.includes(word))
    await field.fill(groups[place]!.toLowerCase())
  }
  await press(page, 'Check')
  return groups.join('-')
}

export type SetUp = {
  readonly recoveryKey: string
  readonly backupCodes: readonly string[]
  readonly authenticator: Authenticator
}

/** Names the server and oneself; ends where the way in is chosen. */
export const beginSetUp = async (view: View, server: WebServer): Promise<void> => {
  const { page } = view
  await page.goto(`${server.origin}/set-up#${server.setUpToken()}`)
  await heading(page, 'Set up this server')
  await page.getByLabel('Name of this server').fill('The Lindqvists')
  await page.getByLabel('Sign-in name').fill('ada')
  await page.getByLabel('Your name', { exact: true }).fill('Ada Lindqvist')
  await press(page, 'Continue')
  await heading(page, 'How you sign in and unlock')
}

/** From choosing a password to Files; each page is looked at where `name` is given. */
export const makeByPassword = async (
  view: View,
  server: WebServer,
  { password, name }: { password: string; name?: string },
): Promise<SetUp> => {
  const { page } = view
  await choose(page, 'A password and an authenticator app')
  await page.getByLabel('Password', { exact: true }).fill(password)
  await press(page, 'Continue')
  await heading(page, 'Your recovery key')
  const recoveryKey = await keepRecoveryKey(view, name)
  await heading(page, 'Your authenticator app')
  if (name !== undefined) await look(view, `${name}-authenticator`)
  const authenticator = new Authenticator(server)
  await authenticator.scan(page)
  await page.getByLabel('Code that the app shows').fill(authenticator.code())
  await heading(page, 'Your backup codes')
  if (name !== undefined) await look(view, `${name}-backup-codes`)
  const backupCodes = await page.getByTestId('backup-codes').locator('li').allTextContents()
  await press(page, 'Open Files')
  await inFiles(page)
  return { recoveryKey, backupCodes, authenticator }
}

/** From choosing a passkey to Files, looked at where `name` is given; returns the recovery key. */
export const makeByPasskey = async (view: View, name?: string): Promise<string> => {
  await choose(view.page, 'A passkey')
  await press(view.page, 'Create passkey')
  const recoveryKey = await keepRecoveryKey(view, name)
  await inFiles(view.page)
  return recoveryKey
}

export const inFiles = async (page: Page): Promise<void> => {
  await page.waitForURL(/\/files$/)
  await heading(page, 'Files')
}

export const signOut = async (page: Page): Promise<void> => {
  await page
    .getByRole('button', { name: /Ada Lindqvist|Bertil/ })
    .first()
    .click()
  await page.getByRole('menuitem', { name: 'Sign out' }).click()
  await heading(page, /^Sign in/)
}

/** Types name and password; ends where the second factor is asked, or at a refusal. */
export const typePassword = async (page: Page, name: string, password: string): Promise<void> => {
  await page.getByLabel('Sign-in name').fill(name)
  await page.getByLabel('Password', { exact: true }).fill(password)
  await press(page, 'Sign in')
}
