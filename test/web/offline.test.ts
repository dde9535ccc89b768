/** The app without its server: opened again from what the browser keeps, read, changed, and live again. */
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { launchBrowser, openView, startWebServer, type View, type WebServer } from './harness.ts'
import {
  beginSetUp,
  heading,
  inFiles,
  makeByPassword,
  press,
  typePassword,
} from './identity-steps.ts'

const password = 'a long sentence that only ada says'

let server: WebServer
let browser: Browser
let view: View
let page: Page

const cached = (): Promise<string[]> =>
  page.evaluate(async () => {
    const names: string[] = []
    for (const name of await caches.keys()) {
      for (const { url } of await (await caches.open(name)).keys())
        names.push(new URL(url).pathname)
    }
    return names
  })

/** Waits until the service worker has gathered the app: the same files twice, and more than the page itself. */
const gathered = async (): Promise<void> => {
  let before = -1
  await expect
    .poll(
      async () => {
        const { length } = await cached()
        const same = length === before && length > 20
        before = length
        return same
      },
      { timeout: 30_000, interval: 700 },
    )
    .toBe(true)
}

const makeShare = async (name: string): Promise<void> => {
  await press(page, 'New share')
  await page.getByLabel('Name of the share').fill(name)
  await press(page, 'Create share')
  await heading(page, name)
}

const makeFolder = async (name: string): Promise<void> => {
  await press(page, 'New folder')
  await page.getByLabel('Name', { exact: true }).fill(name)
  await press(page, 'Create folder')
}

const item = (name: string) => page.getByRole('gridcell').getByRole('button', { name, exact: true })

beforeAll(async () => {
  server = await startWebServer()
  browser = await launchBrowser()
})

afterAll(async () => {
  await browser.close()
  await server.dispose()
})

describe('without the server', () => {
  test('a browser that stays signed in opens the app, lists and reads what was confirmed, and keeps acts', async () => {
    const first = await openView(browser)
    await beginSetUp(first, server)
    const { authenticator } = await makeByPassword(first, server, { password })
    await first.close()

    view = await openView(browser)
    ;({ page } = view)
    await page.goto(`${server.origin}/sign-in`)
    await page.getByLabel('Stay signed in').check({ force: true })
    await typePassword(page, 'ada', password)
    await heading(page, 'One more step')
    await page.getByLabel('Code', { exact: true }).fill(authenticator.code())
    await inFiles(page)
    await makeShare('Papers')
    await makeFolder('Letters')
    await item('Letters').waitFor()
    await gathered()
    // What is kept of a share is written a moment after its last change.
    await page.waitForTimeout(4_000)

    await server.stop()
    view.tolerate(/ERR_CONNECTION_REFUSED|ERR_FAILED|WebSocket connection/)
    await page.reload()
    await heading(page, 'Papers')
    await item('Letters').waitFor()
    await page.getByText('You see what this device last confirmed').first().waitFor()
    await makeFolder('Written without the server')
    await page.getByText('kept here, and done once it can').first().waitFor()
    await page.keyboard.press('Escape')
    await page.getByRole('link', { name: 'Files', exact: true }).first().click()
    await page
      .getByRole('link', { name: /Papers/ })
      .first()
      .waitFor()

    // The act is kept over a reload as well.
    await page.reload()
    await heading(page, 'Files')
    await page.getByText('You see what this device last confirmed').waitFor()
    await page
      .getByRole('link', { name: /Papers/ })
      .first()
      .click()
    await item('Letters').waitFor()
    await server.start()
    await item('Written without the server').waitFor({ timeout: 60_000 })
    await page.getByText('You see what this device last confirmed').waitFor({ state: 'hidden' })
    expect(await view.complaints()).toEqual([])
  }, 180_000)

  test('a browser that does not stay signed in says that the server cannot be reached', async () => {
    expect((await cached()).every((path) => path === '/' || !path.startsWith('/api'))).toBe(true)
    await page.goto(`${server.origin}/files`)
    await heading(page, 'Files')
    await page
      .getByRole('button', { name: /Ada Lindqvist/ })
      .first()
      .click()
    await page.getByRole('menuitem', { name: 'Sign out' }).click()
    await heading(page, /^Sign in/)
    await server.stop()
    await page.reload()
    await heading(page, 'The server cannot be reached')
    await page.getByText('Your files and keys are where they were').waitFor()
    await server.start()
    await press(page, 'Try again')
    await heading(page, /^Sign in/)
    expect(await view.complaints()).toEqual([])
  }, 60_000)
})
