/** Long uploads: cut off by a reload, by the server, by lack of room; and ten thousand files chosen at once. */
import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Browser, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import {
  chooseFiles,
  dock,
  fileOf,
  listed,
  newShare,
  nothingWrong,
  openItem,
  saved,
  setUpHost,
  sha256,
  stored,
  unlockAgain,
} from './files-steps.ts'
import { launchBrowser, openView, startWebServer, type View, type WebServer } from './harness.ts'
import { heading, look, press, visit } from './identity-steps.ts'

const mib = 1024 * 1024
/** So large that it is still under way when something happens to it, however fast it goes. */
const big = randomBytes(256 * mib + 12_345)

let browser: Browser
let server: WebServer
let view: View
let page: Page
const disk = mkdtempSync(join(tmpdir(), 'hearthold-long-'))
const path = join(disk, 'film.bin')

beforeAll(async () => {
  writeFileSync(path, big)
  browser = await launchBrowser()
  server = await startWebServer()
  view = await openView(browser)
  ;({ page } = view)
  await setUpHost(view, server)
})
afterAll(async () => {
  await browser.close()
  await server.dispose()
  rmSync(disk, { recursive: true, force: true })
})
afterEach(() => nothingWrong(view))

/** Offsets at which bytes were sent, by requests or sockets, in the order of the requests from the `from`th on. */
const offsetsSince = (from: number): number[] =>
  view.requests
    .slice(from)
    .filter(({ method, url }) => method === 'PATCH' || url.includes('/socket?offset='))
    .map(({ url }) => Number(new URL(url).searchParams.get('offset')))

/** Waits until a part of the upload is stored. */
const underWay = async (percent: number): Promise<void> => {
  await page.waitForFunction(
    (least) =>
      Number(document.querySelector('[role="progressbar"]')?.getAttribute('aria-valuenow')) >=
      least,
    percent,
  )
}

test('a reload in the middle of a large file: the same file goes on where it stopped', async () => {
  await newShare(page, 'Films')
  await chooseFiles(page, path)
  await underWay(25)
  const asked: string[] = []
  const accept = (dialog: { type(): string; accept(): Promise<void> }): void => {
    asked.push(dialog.type())
    void dialog.accept()
  }
  page.on('dialog', accept)
  await page.reload()
  page.off('dialog', accept)
  expect(asked).toEqual(['beforeunload'])
  await unlockAgain(page)
  await heading(page, 'Films')
  const card = dock(page).getByRole('article', { name: 'The upload of film.bin was cut off' })
  await card.waitFor()
  await look(view, 'files-cut-off')
  const before = view.requests.length
  await card.getByRole('button', { name: 'Choose again' }).click()
  const [chooser] = await Promise.all([
    page.waitForEvent('filechooser'),
    page.getByRole('menuitem', { name: 'Upload files …' }).click(),
  ])
  await chooser.setFiles(path)
  await stored(page, 1)
  await card.waitFor({ state: 'detached' })
  const offsets = offsetsSince(before)
  expect(offsets.length).toBeGreaterThan(0)
  expect(Math.min(...offsets)).toBeGreaterThan(12 * mib)
  const back = await saved(page, () => openItem(page, 'film.bin'))
  expect(sha256(back.bytes)).toBe(sha256(big))
})

test('the server stops in the middle and starts again: the upload waits and goes on by itself', async () => {
  view.tolerate(/ERR_CONNECTION|WebSocket connection|ERR_EMPTY_RESPONSE|net::ERR/)
  await newShare(page, 'Restart')
  await chooseFiles(page, path)
  await underWay(20)
  await server.stop()
  await dock(page)
    .getByText('Waiting for the server; it goes on by itself')
    .waitFor({ timeout: 60_000 })
  await page
    .getByText('The server cannot be reached. You see what this device last confirmed.')
    .waitFor()
  await look(view, 'files-server-away')
  await server.start()
  await stored(page, 1)
  await listed(page, ['film.bin'])
  const back = await saved(page, () => openItem(page, 'film.bin'))
  expect(sha256(back.bytes)).toBe(sha256(big))
})

test('ten thousand files at once', async () => {
  await newShare(page, 'Many')
  await page.evaluate(() => {
    const transfer = new DataTransfer()
    for (let i = 0; i < 10_000; i++) {
      transfer.items.add(new File([`content of ${i}`], `file ${String(i).padStart(5, '0')}.txt`))
    }
    const input = document.querySelectorAll<HTMLInputElement>('input[type=file]')[0]!
    input.files = transfer.files
    input.dispatchEvent(new Event('change', { bubbles: true }))
  })
  await stored(page, 10_000)
  const grid = page.getByRole('grid')
  await expect.poll(() => grid.getAttribute('aria-rowcount'), { timeout: 20_000 }).toBe('10001')
  await grid.locator('[data-row]').first().focus()
  await page.keyboard.press('End')
  await page.getByRole('button', { name: 'file 09999.txt', exact: true }).waitFor()
  expect(await grid.locator('[data-row]').count()).toBeLessThan(60)
  const last = await saved(page, () =>
    openItem(page, 'file 09999.txt').then(() => press(page, 'Download')),
  )
  expect(last.bytes.toString()).toBe('content of 9999')
  await page.keyboard.press('Escape')
  await page.keyboard.press('Home')
  await grid.hover()
  const seen = new Set<string | null>()
  for (let i = 0; i < 9; i++) {
    await page.mouse.wheel(0, 50_000)
    await expect
      .poll(() => grid.locator('[data-row]').nth(8).textContent())
      .not.toBe([...seen].at(-1))
    seen.add(await grid.locator('[data-row]').nth(8).textContent())
    expect(await grid.locator('[data-row]').count()).toBeLessThan(60)
  }
  await page.getByRole('button', { name: 'file 09999.txt', exact: true }).waitFor()
})

test('no room: it is said before and after, and nothing that is stored is lost', async () => {
  await newShare(page, 'Room')
  await chooseFiles(page, [fileOf('kept.bin', 'kept')])
  await stored(page, 1)
  const place = new URL(page.url()).pathname
  const setRoom = async (amount: string): Promise<void> => {
    await visit(page, '/administration/members')
    await press(page, 'Change room')
    const dialog = page.getByRole('dialog')
    await dialog.getByText('A limit', { exact: true }).click()
    await dialog.getByLabel('Amount').fill(amount)
    await dialog.getByLabel('Unit').selectOption('MiB')
    await press(page, 'Save')
    await dialog.waitFor({ state: 'hidden' })
    await visit(page, place)
    await heading(page, 'Room')
  }
  await setRoom('640')
  await page.getByText('Three quarters of your room are used').waitFor()
  await look(view, 'files-room-75')
  await setRoom('553')
  await page.getByText('Your room is nearly full').waitFor()
  await chooseFiles(page, path)
  await dock(page).getByText('Your room on this server is used up.').waitFor({ timeout: 60_000 })
  await look(view, 'files-over-quota')
  await dock(page)
    .getByRole('article', { name: 'The upload stopped' })
    .getByRole('button', { name: 'Dismiss' })
    .click()
  await setRoom('10')
  await page.getByText('Your room is full').waitFor()
  await look(view, 'files-room-full')
  await listed(page, ['kept.bin'])
  const kept = await saved(page, () => openItem(page, 'kept.bin'))
  expect(kept.bytes.toString()).toBe('kept')
})
