/** Storages as hosts handle them in a real browser: tried before they are kept, chosen for a repository, removed. */
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  testUser,
  TestWebDavServer,
} from '../../apps/server/src/platform/storage/webdav/test-webdav-server.ts'
import { nothingWrong, setUpHost, told } from './files-steps.ts'
import { launchBrowser, openView, startWebServer, type View, type WebServer } from './harness.ts'
import { heading, press, visit } from './identity-steps.ts'
import {
  ask,
  inRepositories,
  lookAll,
  makeCredential,
  smallRepository,
  store,
} from './repositories-steps.ts'

let server: WebServer
let browser: Browser
let view: View
let page: Page
let webdav: TestWebDavServer

beforeAll(async () => {
  server = await startWebServer()
  webdav = await TestWebDavServer.start()
  browser = await launchBrowser()
  view = await openView(browser)
  page = view.page
  await setUpHost(view, server)
})
afterAll(async () => {
  await view?.close()
  await browser?.close()
  await server?.dispose()
  await webdav?.close()
})

describe('storages', () => {
  it('say what they are for while there is none, and what is missing in a new one', async () => {
    await visit(page, '/administration/storage')
    await page.getByRole('heading', { name: 'Only the disk of this server' }).waitFor()
    await lookAll(view, 'storages-empty')
    await press(page, 'Add a storage')
    await press(page, 'Try and add')
    await page.getByText('An address that begins with https:// or http://.').waitFor()
    await lookAll(view, 'storages-s3')
  })

  it('are tried before they are kept: a wrong password is refused', async () => {
    view.tolerate(/status of 502 \(Bad Gateway\) \(\S+\/api\/storages\)$/)
    await page.getByText('WebDAV', { exact: true }).click()
    await page.getByLabel('Name', { exact: true }).fill('attic')
    await page.getByLabel('Address of the folder').fill(`http://127.0.0.1:${webdav.port}/dav/`)
    await page.getByLabel('User name').fill(testUser.user)
    await page.getByLabel('Password', { exact: true }).fill('not this one')
    await press(page, 'Try and add')
    await page.getByText(/^The storage cannot be reached, or refused/).waitFor()
    await lookAll(view, 'storages-refused')
    await page.getByLabel('Password', { exact: true }).fill(testUser.password)
    await press(page, 'Try and add')
    await told(page, /^attic was added/)
    await page.getByText('no repositories').waitFor()
    expect(await page.content()).not.toContain(testUser.password)
    await lookAll(view, 'storages')
    await press(page, 'Try it: attic')
    await told(page, /^attic works/)
  })

  it('hold the repositories for which they are chosen', async () => {
    await inRepositories(page)
    await page.getByRole('button', { name: 'New repository' }).first().click()
    await page.getByLabel('Name', { exact: true }).fill('far')
    await page.getByLabel('Where it lies').selectOption({ label: 'attic (WebDAV)' })
    await lookAll(view, 'repositories-create-storage')
    await press(page, 'Create repository')
    await heading(page, 'far')
    const { place } = await makeCredential(page, { label: 'far' })
    const { files } = await smallRepository()
    await store(place, files)
    expect(await ask(place, 'HEAD', 'config')).toBe(200)
    expect([...webdav.files.keys()].filter((name) => name.includes('/snapshots/'))).toHaveLength(2)
    await visit(page, new URL(page.url()).pathname.replace(/\/credentials$/, ''))
    await page.getByText('attic', { exact: true }).waitFor()
    await visit(page, '/administration/storage')
    await page.getByText('1 repository').waitFor()
    await page.getByRole('button', { name: 'More for attic' }).click()
    await page.getByRole('menuitem', { name: /^Remove … Repositories lie in it/ }).waitFor()
    await page.getByRole('menuitem', { name: 'Change the secret …' }).click()
    await page.getByLabel('Password', { exact: true }).fill(testUser.password)
    await lookAll(view, 'storages-secret')
    await press(page, 'Try and save')
    await told(page, 'attic was tried and saved.')
    await nothingWrong(view)
  })
})
