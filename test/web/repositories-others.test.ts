/** Repositories between people: what a settings page asks for again, what a host sees of another's, and what one in the bin takes. */
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, it } from 'vitest'
import { nothingWrong, setUpHost, told } from './files-steps.ts'
import { launchBrowser, openView, startWebServer, type View, type WebServer } from './harness.ts'
import { heading, makeByPasskey, press, said, visit } from './identity-steps.ts'
import {
  ask,
  inRepositories,
  lookAll,
  makeCredential,
  makeRepository,
  store,
  smallRepository,
} from './repositories-steps.ts'

let server: WebServer
let browser: Browser
let host: View
let guest: View

const dialog = (page: Page) => page.getByRole('dialog')
/** A fresh proof counts for ten minutes of the server's clock. */
const letProofRunOut = (): void => server.advance(11 * 60_000)

beforeAll(async () => {
  server = await startWebServer()
  browser = await launchBrowser()
  host = await openView(browser)
  await setUpHost(host, server)
  await visit(host.page, '/administration/invitations')
  await press(host.page, 'Create invitation')
  await dialog(host.page).getByRole('button', { name: 'Create invitation' }).click()
  const link = await host.page.getByTestId('invitation-link').textContent()
  await press(host.page, 'Done')
  guest = await openView(browser)
  await guest.page.goto(link ?? '')
  await guest.page.getByLabel('Sign-in name').fill('bertil')
  await press(guest.page, 'Continue')
  await makeByPasskey(guest, 'others-sign-up')
})
afterAll(async () => {
  await guest?.close()
  await host?.close()
  await browser?.close()
  await server?.dispose()
})

const proveByPasskey = async (page: Page): Promise<void> => {
  await page.getByRole('heading', { name: 'Is it you?' }).waitFor()
  await dialog(page).getByRole('button', { name: 'Use a passkey' }).click()
}

describe('a repository of a member', () => {
  let path: string

  it('asks who it is before its limit is lowered or its alarm put off', async () => {
    const { page } = guest
    await inRepositories(page)
    path = await makeRepository(page, 'nas')
    await visit(page, `${path}/settings`)
    letProofRunOut()
    await page.getByText('A limit of its own', { exact: true }).click()
    await page.getByLabel('Amount').fill('20')
    await said(page, 'You are asked to prove that it is you.')
    await page.getByLabel('Alarm after this many hours without a snapshot').fill('')
    await lookAll(guest, 'repository-settings-weaker')
    await press(page, 'Save')
    await proveByPasskey(page)
    await told(page, 'Saved.')
    await visit(page, path)
    await said(page, 'never')
    // What protects more is not asked about.
    await visit(page, `${path}/settings`)
    letProofRunOut()
    await page.getByLabel('Amount').fill('30')
    await page.getByLabel('Alarm after this many hours without a snapshot').fill('36')
    await press(page, 'Save')
    await page.getByRole('button', { name: 'Nothing to save' }).waitFor()
  })

  it('is shown to a host with the name of its owner', async () => {
    await visit(host.page, path)
    await said(host.page, /^This repository belongs to bertil\./)
    await lookAll(host, 'repository-of-another')
  })

  it('says of the bin how long things wait', async () => {
    const { page } = guest
    await visit(page, `${path}/credentials`)
    const scope = 'Adds, reads and deletes'
    const { place } = await (async () => {
      const made = makeCredential(page, { label: 'nas', scope })
      await proveByPasskey(page)
      return made
    })()
    const { files } = await smallRepository()
    await store(place, files)
    const snapshot = [...files.keys()].find((name) => name.startsWith('snapshots/')) ?? ''
    await ask(place, 'DELETE', snapshot)
    await visit(page, `${path}/bin`)
    await said(page, /once the server was off for more than a day, it first runs for a day/)
    await lookAll(guest, 'repository-bin-until')
  })

  it('takes room until it is destroyed, and says so to its owner and to a host', async () => {
    const { page } = guest
    await visit(page, `${path}/settings`)
    await said(page, /Until then it takes your room as before\.$/)
    await press(page, 'Remove repository')
    await dialog(page).getByRole('button', { name: 'Remove repository' }).click()
    await told(page, 'nas is in the bin.')
    await said(page, /count against your room, unless a host destroys it sooner/)
    await lookAll(guest, 'repository-removed-counts')
    await inRepositories(page)
    await said(page, 'What is here takes room until it is destroyed.')
    await lookAll(guest, 'repositories-in-the-bin')
    await inRepositories(host.page)
    await visit(host.page, path)
    await said(host.page, /count against the room of its owner, unless you destroy it sooner/)
    await said(host.page, /^This repository belongs to bertil\./)
    await lookAll(host, 'repository-removed-of-another')
    await heading(host.page, 'nas')
    for (const view of [guest, host]) await nothingWrong(view)
  })
})
