/** First run and unlocking by keyboard alone, at a server that lies, and at one that is away. */
import type { Browser, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import {
  launchBrowser,
  openView,
  startWebServer,
  type View,
  type ViewOptions,
  type WebServer,
} from './harness.ts'
import { beginSetUp, heading, inFiles, look, makeByPasskey, press } from './identity-steps.ts'

let browser: Browser
let server: WebServer
let views: View[] = []

beforeAll(async () => {
  browser = await launchBrowser()
})
afterAll(() => browser.close())
beforeEach(async () => {
  server = await startWebServer()
})
afterEach(async () => {
  for (const view of views) await view.close()
  views = []
  await server.dispose()
})

const open = async (options?: ViewOptions): Promise<View> => {
  const view = await openView(browser, options)
  views.push(view)
  return view
}

/** Presses Tab until the focus is on what has this name. */
const tabTo = async (page: Page, name: string): Promise<void> => {
  for (let presses = 0; presses < 30; presses++) {
    await page.keyboard.press('Tab')
    if ((await page.evaluate(() => document.activeElement?.textContent?.trim())) === name) return
  }
  throw new Error(`Tab never reached ${name}`)
}

describe('care', () => {
  test('a server that lies about the account is told from one that works, and nothing opens', async () => {
    const view = await open({ size: 'phone' })
    const { page, context } = view
    await beginSetUp(view, server)
    await makeByPasskey(view)
    await page.reload()
    await heading(page, 'Unlock')
    await context.route('**/api/logs/*/entries*', async (route) => {
      const response = await route.fetch()
      const body = Buffer.from(await response.body())
      body[body.length - 1]! ^= 1
      await route.fulfill({ response, body })
    })
    await press(page, 'Unlock with a passkey')
    await page.getByText('A receipt is not signed by this server').waitFor()
    await page.getByText('Nothing of what it sent was used.').waitFor()
    await look(view, 'phone-lying-server')
    await context.unroute('**/api/logs/*/entries*')
    await press(page, 'Unlock with a passkey')
    await inFiles(page)
  })

  test('a server that is away says what is safe, and is found again', async () => {
    const view = await open({ colorScheme: 'dark' })
    const { page } = view
    await page.goto(server.origin)
    await heading(page, 'This server waits for its host')
    view.tolerate(/ERR_FAILED/)
    await view.context.route('**/api/**', (route) => route.abort())
    await page.reload()
    await heading(page, 'The server cannot be reached')
    await look(view, 'dark-unreachable')
    await view.context.unroute('**/api/**')
    await press(page, 'Try again')
    await heading(page, 'This server waits for its host')
  })

  test('set-up by keyboard alone', async () => {
    const view = await open()
    const { page } = view
    const { keyboard } = page
    await page.goto(`${server.origin}/set-up#${server.setUpToken()}`)
    await heading(page, 'Set up this server')
    // The first field has the focus.
    await keyboard.type('The Lindqvists')
    await keyboard.press('Tab')
    await keyboard.type('ada')
    await keyboard.press('Enter')
    await heading(page, 'How you sign in and unlock')
    await tabTo(page, 'Create passkey')
    await keyboard.press('Enter')
    await page.getByTestId('recovery-key').waitFor()
    const groups = await page
      .getByTestId('recovery-key')
      .locator('li > span[aria-hidden]')
      .allTextContents()
    await tabTo(page, 'I have kept it')
    await keyboard.press('Enter')
    await heading(page, 'Check what you kept')
    const words = ['first', 'second', 'third', 'fourth', 'fifth', 'sixth', 'seventh', 'eighth']
    for (const label of await page.locator('form label').allTextContents()) {
      await keyboard.type(groups[words.findIndex((word) => label.includes(word))]!)
      await keyboard.press('Tab')
    }
    await keyboard.press('Enter')
    await inFiles(page)
    expect(server.setUpToken()).toBeUndefined()
    await look(view, 'by-keyboard')
  })
})
