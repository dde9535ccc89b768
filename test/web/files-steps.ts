/** What people do with files in the web app, by labels and roles; and what comes out of it, as bytes. */
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { Browser, Locator, Page } from 'playwright-core'
import { expect } from 'vitest'
import { openView, type View, type ViewOptions, type WebServer } from './harness.ts'
import {
  Authenticator,
  beginSetUp,
  choose,
  heading,
  inFiles,
  press,
  typePassword,
} from './identity-steps.ts'

const password = 'a long sentence that only ada says'
/** A step that takes longer on this machine will not come. */
const patienceMs = 12_000
const ordinals = ['first', 'second', 'third', 'fourth', 'fifth', 'sixth', 'seventh', 'eighth']

/** The host of a server, with what unlocks and signs in again. */
export type Person = { readonly authenticator: Authenticator }

/** Sets the server up with a password; ends in Files, with nothing in it. */
export const setUpHost = async (view: View, server: WebServer): Promise<Person> => {
  const { page } = view
  page.setDefaultTimeout(patienceMs)
  await beginSetUp(view, server)
  await choose(page, 'A password and an authenticator app')
  await page.getByLabel('Password', { exact: true }).fill(password)
  await press(page, 'Continue')
  const groups = page.getByTestId('recovery-key').locator('li > span[aria-hidden]')
  await groups.last().waitFor()
  const key = await groups.allTextContents()
  await press(page, 'I have kept it')
  const fields = page.getByRole('textbox', { name: /^The \w+ group$/ })
  await fields.first().waitFor()
  for (const field of await fields.all()) {
    const label = await field.evaluate(
      (input) => (input as HTMLInputElement).labels?.[0]?.textContent,
    )
    await field.fill(key[ordinals.findIndex((word) => label?.includes(word))] ?? '')
  }
  await press(page, 'Check')
  const authenticator = new Authenticator(server)
  await authenticator.scan(page)
  await page.getByLabel('Code that the app shows').fill(authenticator.code())
  await press(page, 'Open Files')
  await inFiles(page)
  return { authenticator }
}

/** Another browser of the same person. */
export const signInElsewhere = async (
  browser: Browser,
  server: WebServer,
  person: Person,
  options?: ViewOptions,
): Promise<View> => {
  const view = await openView(browser, options)
  view.page.setDefaultTimeout(patienceMs)
  await view.page.goto(`${server.origin}/sign-in`)
  await typePassword(view.page, 'ada', password)
  await heading(view.page, 'One more step')
  await view.page.getByLabel('Code', { exact: true }).fill(person.authenticator.code())
  await inFiles(view.page)
  return view
}

/** Unlocks after a reload; ends where the page was. */
export const unlockAgain = async (page: Page): Promise<void> => {
  await heading(page, 'Unlock')
  await page.getByLabel('Password', { exact: true }).fill(password)
  await press(page, 'Unlock')
}

export const makeShare = async (page: Page, name: string): Promise<void> => {
  await page.getByRole('button', { name: 'New share' }).first().click()
  await page.getByLabel('Name of the share').fill(name)
  await press(page, 'Create share')
  await heading(page, name)
}

/** A share that is made anew, from wherever the page is. */
export const newShare = async (page: Page, name: string): Promise<void> => {
  await page.getByRole('link', { name: 'Files', exact: true }).first().click()
  await heading(page, 'Files')
  await makeShare(page, name)
}

export type Chosen = { readonly name: string; readonly buffer: Buffer; readonly mimeType: string }

export const fileOf = (name: string, content: string | Buffer): Chosen => ({
  name,
  buffer: Buffer.from(content),
  mimeType: 'application/octet-stream',
})

/** What the picker of files answers with. */
export const chooseFiles = (page: Page, files: readonly Chosen[] | string): Promise<void> =>
  page.locator('input[type=file]').nth(0).setInputFiles(files)

/** What the picker of folders answers with. */
export const chooseFolder = (page: Page, folder: string): Promise<void> =>
  page.locator('input[type=file]').nth(1).setInputFiles(folder)

export const dock = (page: Page): Locator => page.getByRole('region', { name: 'Transfers' })

/** Waits until so many files of one upload are stored, and puts its card away. */
export const stored = async (page: Page, count: number): Promise<void> => {
  const words = `${count.toLocaleString('en')} ${count === 1 ? 'file' : 'files'} sealed and stored`
  await dock(page).getByText(words, { exact: true }).waitFor({ timeout: 60_000 })
  await dock(page)
    .getByRole('article', { name: words })
    .getByRole('button', { name: 'Dismiss' })
    .click()
}

export const row = (page: Page, name: string): Locator =>
  page.getByRole('row').filter({ has: page.getByRole('button', { name, exact: true }) })

/** Opens a folder, a preview, or downloads: whatever the name does. */
export const openItem = (page: Page, name: string): Promise<void> =>
  page.getByRole('gridcell').getByRole('button', { name, exact: true }).click()

/** The names on screen, in their order. */
export const names = (page: Page): Promise<string[]> =>
  page
    .getByRole('grid')
    .locator('[data-row] [aria-label]:is(button)[title]')
    .evaluateAll((all) =>
      all.filter((one) => one.closest('.name')).map((one) => one.ariaLabel ?? ''),
    )

/** Waits until the list holds exactly these, in this order. */
export const listed = async (page: Page, wanted: readonly string[]): Promise<void> => {
  if (wanted.length === 0) {
    await page.getByRole('heading', { name: 'This folder is empty' }).waitFor()
    return
  }
  await expect.poll(() => names(page), { timeout: 15_000 }).toEqual(wanted)
}

export const select = async (page: Page, ...chosen: readonly string[]): Promise<void> => {
  for (const name of chosen) {
    await page.getByRole('checkbox', { name: `Select ${name}`, exact: true }).check({ force: true })
  }
}

/** One of the acts of the selection bar, in its row or in its menu. */
export const act = async (page: Page, name: string): Promise<void> => {
  const bar = page.getByRole('toolbar')
  const button = bar.getByRole('button', { name, exact: true })
  if ((await button.count()) > 0) return button.click()
  await bar.getByRole('button', { name: /^More for/ }).click()
  await page.getByRole('menuitem', { name, exact: true }).click()
}

export const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex')

export type Saved = { readonly name: string; readonly bytes: Buffer }

/** What the browser saves when `begin` is done. */
export const saved = async (page: Page, begin: () => Promise<void>): Promise<Saved> => {
  const [download] = await Promise.all([page.waitForEvent('download'), begin()])
  return { name: download.suggestedFilename(), bytes: readFileSync(await download.path()) }
}

/** Says what a toast says, and waits for it. */
export const told = (page: Page, words: string | RegExp): Promise<void> =>
  page.getByRole('region', { name: 'Messages' }).getByText(words).first().waitFor()

/** Nothing was said on the console, forbidden by the policy, or asked of elsewhere. */
export const nothingWrong = async (view: View): Promise<void> => {
  expect(await view.complaints(), 'console, policy, requests').toEqual([])
}
