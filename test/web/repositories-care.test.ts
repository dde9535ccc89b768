/** What must not go wrong with repositories in the browser: damage, a server that goes away, many rows, keys alone. */
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { nothingWrong, saved, setUpHost } from './files-steps.ts'
import { launchBrowser, openView, startWebServer, type View, type WebServer } from './harness.ts'
import { press, visit } from './identity-steps.ts'
import {
  ask,
  inRepositories,
  lookAll,
  makeCredential,
  makeRepository,
  openName,
  openNewest,
  openReader,
  repositoryPassword,
  restoreBy,
  smallRepository,
  store,
  wideRepository,
} from './repositories-steps.ts'

let server: WebServer
let browser: Browser
let view: View
let page: Page

/** A repository of this name with these objects; returns its path in the app and where it lies on the disk. */
const filled = async (
  name: string,
  files: Parameters<typeof store>[1],
): Promise<{ path: string; folder: string }> => {
  await inRepositories(page)
  const path = await makeRepository(page, name)
  const { place } = await makeCredential(page, { label: name })
  await store(place, files)
  const folder = join(server.folder, 'data', new URL(place.url).pathname)
  return { path, folder }
}

beforeAll(async () => {
  server = await startWebServer()
  browser = await launchBrowser()
  view = await openView(browser)
  page = view.page
  await setUpHost(view, server)
})
afterAll(async () => {
  await view?.close()
  await browser?.close()
  await server?.dispose()
})

describe('repositories that are not as they should be', () => {
  it('a damaged piece ends its own file alone, and is said', async () => {
    const { files } = await smallRepository()
    const { path, folder } = await filled('damaged', files)
    await openReader(page, path)
    await openNewest(page)
    await openName(page, 'Letters')
    await page.getByRole('button', { name: 'Council.txt', exact: true }).waitFor()
    // Its pack goes from the disk: the one that the preview of this letter asks for.
    const asked = page.waitForRequest((request) => request.url().includes('/objects/data/'))
    await openName(page, 'Council.txt')
    const pack = new URL((await asked).url()).pathname.split('/').at(-1) ?? ''
    await page.getByRole('dialog').getByText('the lamp in our street').waitFor()
    await page.keyboard.press('Escape')
    await rm(join(folder, 'data', pack.slice(0, 2), pack))
    await openName(page, 'Council.txt')
    await page.getByRole('dialog').getByText('A part of the repository is missing.').waitFor()
    await lookAll(view, 'browse-missing-pack')
    await page.keyboard.press('Escape')
    const zip = await saved(page, () => restoreBy(page, 'Restore this folder', 'Download as a zip'))
    expect(zip.bytes.includes('Aunt')).toBe(true)
    await page.getByText('1 item left out').waitFor()
    await press(page, 'Show which')
    await page
      .getByRole('dialog')
      .getByText(/^damaged in the repository/)
      .waitFor()
    await lookAll(view, 'browse-left-out')
    await page.keyboard.press('Escape')
  })

  it('a repository without an index says so, and where to look', async () => {
    const { files } = await smallRepository()
    for (const name of files.keys()) if (name.startsWith('index/')) files.delete(name)
    const { path } = await filled('without-index', files)
    await openReader(page, path)
    await page
      .getByRole('button', { name: /^Open the snapshot of/ })
      .first()
      .click()
    await page.getByText('The repository has no index.').waitFor()
    await lookAll(view, 'browse-no-index')
  })

  it('a server that goes away is said, and asked again', async () => {
    const { files } = await smallRepository()
    const { path } = await filled('away', files)
    await openReader(page, path)
    await openNewest(page)
    view.tolerate(/ERR_CONNECTION_REFUSED|ERR_EMPTY_RESPONSE|WebSocket/)
    await server.stop()
    await openName(page, 'Photos')
    // It is asked a few times first.
    const again = page.getByRole('button', { name: 'Try again', exact: true })
    await again.waitFor({ timeout: 60_000 })
    await page.getByText('The server cannot be reached.').first().waitFor()
    await server.start()
    await again.click()
    await page.getByRole('button', { name: 'Summer', exact: true }).waitFor({ timeout: 30_000 })
  })
})

describe('a folder of 100,000 files', () => {
  const count = 100_000

  it('is listed, scrolls to its end, and is searched', async () => {
    const { files } = await wideRepository(count)
    const { path } = await filled('wide', files)
    await openReader(page, path)
    await openNewest(page)
    await page.getByRole('button', { name: 'File 000000.txt', exact: true }).waitFor()
    await expect
      .poll(() => page.getByRole('grid').getAttribute('aria-rowcount'))
      .toBe(String(count + 1))
    await page.getByRole('grid').focus()
    await page.locator('[data-row="0"]').focus()
    await page.keyboard.press('End')
    await page.getByRole('button', { name: 'File 099999.txt', exact: true }).waitFor()
    expect(await page.locator('[data-row]').count()).toBeLessThan(80)
    const search = page.getByRole('searchbox', { name: 'Search by name' })
    await search.fill('*9999.txt')
    await search.press('Enter')
    await page.getByText('10 names found').waitFor()
    await lookAll(view, 'browse-found-of-many')
  })
})

describe('by keys alone', () => {
  it('opens a repository, walks into a folder, selects, restores, and closes it', async () => {
    const { files } = await smallRepository()
    const { path } = await filled('by-keys', files)
    await visit(page, `${path}/browse`)
    await page.getByLabel('Password of the repository', { exact: true }).waitFor()
    // The field has the focus by itself.
    await page.keyboard.type(repositoryPassword)
    await page.keyboard.press('Enter')
    await page.getByRole('grid', { name: 'Snapshots' }).waitFor()
    const focusRow = async (name: string): Promise<void> => {
      const row = page.getByRole('grid', { name }).locator('[data-row][tabindex="0"]')
      for (let presses = 0; presses < 40; presses++) {
        if (await row.evaluate((one) => one === document.activeElement)) return
        await page.keyboard.press('Tab')
      }
      throw new Error(`Tab does not reach the rows of ${name}.`)
    }
    await focusRow('Snapshots')
    await page.keyboard.press('Enter')
    const contents = page.getByRole('grid', { name: /^Contents of/ })
    await contents.waitFor()
    const name = (await contents.getAttribute('aria-label')) ?? ''
    await focusRow(name)
    await page.keyboard.press('End')
    await page.keyboard.press('Space')
    await page.getByText('1 item selected').first().waitFor()
    const restore = page.getByRole('button', { name: 'Restore', exact: true })
    for (let presses = 0; presses < 40; presses++) {
      if (await restore.evaluate((one) => one === document.activeElement)) break
      await page.keyboard.press('Shift+Tab')
    }
    const { name: file } = await saved(page, async () => {
      await page.keyboard.press('Enter')
      await page.getByRole('menuitem').first().waitFor()
      await expect
        .poll(() => page.evaluate(() => document.activeElement?.getAttribute('role')))
        .toBe('menuitem')
      await page.keyboard.press('Enter')
    })
    expect(file).toBe('Zero.bin')
    await focusRow(name)
    await page.keyboard.press('Home')
    await page.keyboard.press('Enter')
    await page.getByRole('button', { name: 'Council.txt', exact: true }).waitFor()
  })
})

describe('addresses', () => {
  it('pages are the app, and what restic asks for needs a credential', async () => {
    const id = '1'.repeat(32)
    for (const path of ['', `/${id}`, `/${id}/browse`]) {
      const { status, headers } = await fetch(`${server.origin}/repositories${path}`)
      expect([path, status, headers.get('content-type')]).toEqual([
        path,
        200,
        'text/html; charset=utf-8',
      ])
    }
    const url = `${server.origin}/repositories/${id}/x/`
    expect(await ask({ url, authorization: '' }, 'HEAD', 'config')).toBe(401)
    await nothingWrong(view)
  })
})
