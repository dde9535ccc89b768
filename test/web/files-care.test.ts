/** Files when something is wrong, and on every kind of screen: ended sessions, no server, a share that was tampered with. */
import type { Browser, Page, Route } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  chooseFiles,
  fileOf,
  listed,
  makeShare,
  newShare,
  openItem,
  type Person,
  row,
  saved,
  select,
  setUpHost,
  signInElsewhere,
  stored,
  told,
  unlockAgain,
} from './files-steps.ts'
import {
  launchBrowser,
  openView,
  startWebServer,
  type View,
  type ViewOptions,
  type WebServer,
} from './harness.ts'
import { heading, look, press, visit } from './identity-steps.ts'

let browser: Browser
let server: WebServer
let view: View
let page: Page
let person: Person
let good = ''
let bad = ''

const shareOf = (on: Page): string => new URL(on.url()).pathname.split('/')[2] ?? ''

beforeAll(async () => {
  browser = await launchBrowser()
  server = await startWebServer()
  view = await openView(browser)
  ;({ page } = view)
  person = await setUpHost(view, server)
  await makeShare(page, 'Papers')
  good = shareOf(page)
  await chooseFiles(page, [fileOf('will.pdf.bin', 'the will'), fileOf('notes.txt', 'some notes')])
  await stored(page, 2)
  await newShare(page, 'Letters')
  bad = shareOf(page)
  await chooseFiles(page, [fileOf('letter.txt', 'dear reader')])
  await stored(page, 1)
})
afterAll(async () => {
  await browser.close()
  await server.dispose()
})

test('who can read this: the person, this device, the server with what it stores and cannot open', async () => {
  await visit(page, `/files/${good}`)
  await row(page, 'will.pdf.bin')
    .getByRole('button', { name: 'Who can read will.pdf.bin?' })
    .click()
  const panel = page.getByRole('complementary')
  await panel.getByText('will.pdf.bin is sealed. It opens only on devices of:').waitFor()
  await panel.getByText('Ada Lindqvist (you)').waitFor()
  await panel.getByText('This server', { exact: true }).waitFor()
  await panel.getByText(/^No\. It stores \d+(\.\d)? (B|KiB) it cannot open\.$/).waitFor()
  await panel.getByText('1 device').click()
  await panel.getByText('this device').waitFor()
  expect(await row(page, 'will.pdf.bin').getAttribute('aria-current')).toBe('true')
  expect(await panel.getByRole('heading', { name: 'Who can read this?' }).count()).toBeLessThan(2)
  await look(view, 'files-readers')
  await press(page, 'Close the panel')
  await page.getByRole('button', { name: /Who can read Papers\?/ }).click()
  await panel.getByText('Papers is sealed.').waitFor()
  await press(page, 'Close the panel')
})

const screens: readonly (readonly [string, ViewOptions])[] = [
  ['phone', { size: 'phone' }],
  ['phone-dark', { size: 'phone', colorScheme: 'dark' }],
  ['dark', { colorScheme: 'dark' }],
  ['contrast', { contrast: 'more' }],
]
describe.each(screens)('%s', (name, options) => {
  test('list, panel, selection, dialogs, preview and trash', async () => {
    const other = await signInElsewhere(browser, server, person, options)
    const { page: on } = other
    await look(other, `${name}-shares`)
    await on.getByRole('link', { name: /^Papers/ }).click()
    await listed(on, ['notes.txt', 'will.pdf.bin'])
    await look(other, `${name}-list`)
    await on.getByRole('button', { name: 'Who can read notes.txt?' }).click()
    await on.getByText('Ada Lindqvist (you)').waitFor()
    await look(other, `${name}-readers`)
    await on.getByRole('tab', { name: 'Versions' }).click()
    await on.getByText('Newest').waitFor()
    await look(other, `${name}-versions`)
    await on
      .getByRole('button', { name: /^Close/ })
      .first()
      .click()
    await select(on, 'notes.txt')
    await look(other, `${name}-selected`)
    await press(on, 'Clear selection')
    await press(on, 'Filter by name')
    await on.keyboard.type('will')
    await listed(on, ['will.pdf.bin'])
    await look(other, `${name}-filter`)
    await on.keyboard.press('Escape')
    await openItem(on, 'notes.txt')
    await on.getByText('some notes').waitFor()
    await look(other, `${name}-preview`)
    await on.keyboard.press('Escape')
    await visit(on, `/files/${good}/trash`)
    await on.getByRole('heading', { name: 'The trash is empty' }).waitFor()
    await look(other, `${name}-trash`)
    await other.close()
  })
})

test('a share that was tampered with says why it stays shut, and the others open', async () => {
  const lie = async (route: Route): Promise<void> => {
    const answer = await route.fetch()
    const bytes = Buffer.from(await answer.body())
    const at = Math.floor(bytes.length / 2)
    bytes[at] = bytes[at]! ^ 1
    await route.fulfill({ response: answer, body: bytes })
  }
  const seen = await signInElsewhere(browser, server, person)
  await seen.context.route(`**/api/logs/${bad}/entries*`, lie)
  await seen.page.reload()
  await unlockAgain(seen.page)
  await seen.page.getByText('This share cannot be opened').waitFor()
  await look(seen, 'files-share-shut')
  await seen.page.getByRole('link', { name: /^Papers/ }).click()
  await listed(seen.page, ['notes.txt', 'will.pdf.bin'])
  await visit(seen.page, `/files/${bad}`)
  await heading(seen.page, 'This share cannot be opened')
  await seen.page.getByRole('main').getByText('Nothing of what it sent was used.').waitFor()
  expect(await seen.page.getByRole('button', { name: 'Upload', exact: true }).count()).toBe(0)
  await look(seen, 'files-share-shut-inside')
  await seen.close()
})

test('without the server: what is here is read, an act waits and is done later', async () => {
  view.tolerate(/ERR_CONNECTION|WebSocket connection|net::ERR/)
  await visit(page, `/files/${good}`)
  await listed(page, ['notes.txt', 'will.pdf.bin'])
  await server.stop()
  await page
    .getByText('The server cannot be reached. You see what this device last confirmed.')
    .waitFor({ timeout: 30_000 })
  await listed(page, ['notes.txt', 'will.pdf.bin'])
  await visit(page, `/files/${bad}`)
  await listed(page, ['letter.txt'])
  await select(page, 'letter.txt')
  await page.keyboard.press('F2')
  await look(view, 'files-offline')
  await press(page, 'Move to trash')
  await told(page, 'This is kept here, and done once it can.')
  await server.start()
  await listed(page, [])
  expect(await view.complaints()).toEqual([])
})

test('a session that is ended elsewhere shuts the open tab, and says so', async () => {
  const other = await signInElsewhere(browser, server, person)
  await other.page.getByRole('link', { name: /^Papers/ }).click()
  await listed(other.page, ['notes.txt', 'will.pdf.bin'])
  await visit(page, '/account/sessions')
  await press(page, 'End all others')
  await page.getByRole('dialog').getByRole('button', { name: 'End all others' }).click()
  await heading(other.page, /^Sign in/)
  await other.page.getByText('this session was ended on another device').waitFor()
  expect(await other.page.getByText('will.pdf.bin').count()).toBe(0)
  await look(other, 'files-session-ended')
  await other.close()
  await visit(page, `/files/${good}`)
  const still = await saved(page, () => openItem(page, 'will.pdf.bin'))
  expect(still.bytes.toString()).toBe('the will')
})
