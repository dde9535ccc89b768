/** Repositories in a real browser: made, written to by restic's protocol, opened, restored from, brought back, revoked. */
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { readZip } from './read-zip.ts'
import { PlaintextScanner } from '../../tools/plaintext-scanner.ts'
import { needlesFor } from '../custody/markers.ts'
import { dumpStore } from './custody-store.ts'
import type { TestRepository } from '../../packages/member/src/restic/test-repository.oracle.ts'
import {
  nothingWrong,
  type Person,
  saved,
  setUpHost,
  signInElsewhere,
  told,
} from './files-steps.ts'
import { launchBrowser, openView, startWebServer, type View, type WebServer } from './harness.ts'
import { heading, press, visit } from './identity-steps.ts'
import {
  ask,
  inRepositories,
  lookAll,
  makeCredential,
  makeRepository,
  newerContents,
  olderContents,
  openName,
  openNewest,
  openReader,
  type Place,
  repositoryPassword,
  restoreBy,
  smallRepository,
  store,
} from './repositories-steps.ts'

let server: WebServer
let browser: Browser
let view: View
let page: Page
let path: string
let place: Place
let made: TestRepository
let host: Person

/** What a zip holds, without its folders. */
const unzipped = (bytes: Buffer): Map<string, string> =>
  new Map(
    [...readZip(bytes)]
      .filter(([name]) => !name.endsWith('/'))
      .map(([name, entry]) => [name, entry.bytes.toString('utf8')]),
  )

const snapshotsOf = ({ files }: TestRepository): string[] =>
  [...files.keys()].filter((name) => name.startsWith('snapshots/'))

/** Removes it, and ends the time of the bin as a host may: its name typed, and a second factor. */
const destroyAsHost = async (later: View): Promise<void> => {
  await visit(later.page, `${path}/settings`)
  await press(later.page, 'Remove repository')
  const dialog = later.page.getByRole('dialog')
  await dialog.getByRole('button', { name: 'Remove repository' }).click()
  await later.page.getByText('This repository is in the bin').waitFor()
  await press(later.page, 'Destroy this repository …')
  await later.page.getByLabel('Type its name to go on').fill('laptop')
  const code = later.page.getByLabel(/^Code of your authenticator/)
  await code.fill('000000')
  await press(later.page, 'Destroy for ever')
  await dialog.getByText(/^That code is wrong/).waitFor()
  await lookAll(later, 'repository-destroy')
  await code.fill(host.authenticator.code())
  await press(later.page, 'Destroy for ever')
  await later.page.getByRole('heading', { name: 'No repositories yet' }).waitFor()
}

beforeAll(async () => {
  server = await startWebServer()
  browser = await launchBrowser()
  view = await openView(browser)
  page = view.page
  host = await setUpHost(view, server)
  made = await smallRepository()
})
afterAll(async () => {
  await view?.close()
  await browser?.close()
  await server?.dispose()
})

describe('repositories, from the first to the last', () => {
  it('an empty list says what a repository is, and a name that cannot be is refused', async () => {
    await inRepositories(page)
    await page.getByRole('heading', { name: 'No repositories yet' }).waitFor()
    await lookAll(view, 'repositories-empty')
    await page.getByText("Everyone's", { exact: true }).click()
    await page.getByRole('heading', { name: 'Nobody has a repository yet' }).waitFor()
    await lookAll(view, 'repositories-everyone-empty')
    await page.getByText('Yours', { exact: true }).click()
    await page.getByRole('button', { name: 'New repository' }).first().click()
    await page.getByLabel('Name', { exact: true }).fill('Locks and Keys')
    await press(page, 'Create repository')
    await page.getByText(/^Small letters, digits, dots, hyphens and underscores/).waitFor()
    await page.getByText('Limit, bin and alarm').click()
    await lookAll(view, 'repositories-create')
    await page.keyboard.press('Escape')
  })

  it('is made, and a credential shows its secret once', async () => {
    path = await makeRepository(page, 'laptop')
    await page.getByRole('heading', { name: 'No machine can reach it yet' }).waitFor()
    await lookAll(view, 'repository-no-credentials')
    const { secret, ...one } = await makeCredential(page, { label: 'laptop of Ada' }, () =>
      lookAll(view, 'repository-secret'),
    )
    place = one.place
    expect(secret).toMatch(/^[a-z2-7]{26}$/)
    expect(place.url).toBe(`${server.origin}${new URL(place.url).pathname}`)
    await page.getByText('never used').waitFor()
    expect(await page.content()).not.toContain(secret)
    await visit(page, `${path}/browse`)
    await page.getByRole('heading', { name: 'There is nothing to browse yet' }).waitFor()
    await lookAll(view, 'repository-nothing-to-browse')
  })

  it('a machine writes to it by restic, and the page shows what has come', async () => {
    await store(place, made.files)
    await visit(page, path)
    await page.getByRole('heading', { name: 'Facts' }).waitFor()
    await page.reload()
    await heading(page, 'Unlock')
    await page.getByLabel('Password', { exact: true }).fill('a long sentence that only ada says')
    await press(page, 'Unlock')
    await page.getByText('just now').first().waitFor()
    await page.getByRole('img', { name: /^Snapshots on 1 of the last 60 days/ }).waitFor()
    await lookAll(view, 'repository-overview')
    await press(page, 'Check now')
    await told(page, 'The check has begun.')
    await inRepositories(page)
    await page.getByText('On time').waitFor()
    await lookAll(view, 'repositories')
    await page.getByRole('button', { name: /^Sealed by restic/ }).click()
    await page.getByText('Whoever knows the password of the repository').waitFor()
    await lookAll(view, 'repositories-readers')
    await page
      .getByRole('button', { name: /^Close/ })
      .first()
      .click()
  })

  it('a wrong password opens nothing, and says what it is not', async () => {
    await visit(page, `${path}/browse`)
    const field = page.getByLabel('Password of the repository', { exact: true })
    await field.fill('not this one')
    await lookAll(view, 'browse-locked')
    await press(page, 'Open')
    await page.getByText('That is not the password of this repository.').waitFor()
    expect(await field.inputValue()).toBe('')
    await lookAll(view, 'browse-wrong-password')
  })

  it('lists snapshots, walks folders, sorts, and looks into a file', async () => {
    await openReader(page, path)
    const grid = page.getByRole('grid', { name: 'Snapshots' })
    expect(await grid.getByRole('row').count()).toBe(3)
    await lookAll(view, 'browse-snapshots')
    await openNewest(page)
    await lookAll(view, 'browse-folder')
    await openName(page, 'Letters')
    await page.getByRole('button', { name: 'Aunt Märta.md', exact: true }).waitFor()
    await openName(page, 'Council.txt')
    await page.getByRole('dialog').getByText('the lamp in our street is dark.').waitFor()
    await lookAll(view, 'browse-preview')
    await page.keyboard.press('Escape')
    await openName(page, 'Aunt Märta.md')
    await page.getByRole('dialog').getByRole('heading', { name: 'Dear aunt' }).waitFor()
    await page.keyboard.press('Escape')
    await page.goBack()
    await page.getByRole('button', { name: 'Budget 2026.txt', exact: true }).waitFor()
  })

  it('restores a file and a zip, byte for byte', async () => {
    const restored = await saved(page, () => openName(page, 'Zero.bin'))
    expect([restored.name, restored.bytes.length]).toEqual(['Zero.bin', 0])
    await page.getByRole('checkbox', { name: 'Select Budget 2026.txt' }).check({ force: true })
    const one = await saved(page, () => restoreBy(page, 'Restore', 'Download the file'))
    expect(one.name).toBe('Budget 2026.txt')
    expect(one.bytes.toString('utf8')).toBe(newerContents['Budget 2026.txt'])
    await page.getByRole('checkbox', { name: 'Select Letters' }).check({ force: true })
    await lookAll(view, 'browse-selection')
    const some = await saved(page, () => restoreBy(page, 'Restore', 'Download as a zip'))
    expect(Object.fromEntries(unzipped(some.bytes))).toEqual(
      Object.fromEntries(
        Object.entries(newerContents).filter(([name]) => /^(Budget|Letters)/.test(name)),
      ),
    )
    await page.getByRole('button', { name: 'Clear selection' }).click()
    const all = await saved(page, () => restoreBy(page, 'Restore all of it', 'Download as a zip'))
    expect(all.name).toMatch(/^laptop \d{4}-\d\d-\d\d\.zip$/)
    expect(Object.fromEntries(unzipped(all.bytes))).toEqual(newerContents)
  })

  it('restores into a folder of the disk, and overwrites nothing', async () => {
    // No test can answer the browser's own picker: a folder of the origin stands for the chosen one.
    await page.evaluate(() => {
      Object.assign(globalThis, {
        showDirectoryPicker: async () =>
          (await navigator.storage.getDirectory()).getDirectoryHandle('chosen', { create: true }),
      })
    })
    for (const expected of ['Letters', 'Letters (2)']) {
      await page.getByRole('checkbox', { name: 'Select Letters' }).check({ force: true })
      await restoreBy(page, 'Restore', 'Restore into a folder …')
      await told(page, `2 files restored into ${expected}`)
    }
    const text = await page.evaluate(async () => {
      const root = await navigator.storage.getDirectory()
      const chosen = await root.getDirectoryHandle('chosen')
      const top = await chosen.getDirectoryHandle('Letters (2)')
      const letters = await top.getDirectoryHandle('Letters')
      return (await (await letters.getFileHandle('Council.txt')).getFile()).text()
    })
    expect(text).toBe(newerContents['Letters/Council.txt'])
    await page.evaluate(async () => {
      const root = await navigator.storage.getDirectory()
      await root.removeEntry('chosen', { recursive: true })
    })
  })

  it('searches the whole snapshot, and compares two', async () => {
    await page.getByRole('button', { name: 'Clear selection' }).click()
    const search = page.getByRole('searchbox', { name: 'Search by name' })
    await search.fill('list')
    await search.press('Enter')
    await page.getByText('1 name found').waitFor()
    await page.getByText('/Photos/Summer').waitFor()
    await lookAll(view, 'browse-search')
    await search.fill('nothing has this')
    await search.press('Enter')
    await page.getByRole('heading', { name: 'Nothing has this name' }).waitFor()
    await press(page, 'Back to the folder')
    await page.getByRole('button', { name: 'Snapshots', exact: true }).click()
    for (const box of await page.getByRole('checkbox').all()) await box.check({ force: true })
    await press(page, 'Compare')
    await page.getByText('1 added, 1 removed, 1 changed').waitFor()
    await lookAll(view, 'browse-compare')
    const gone = await saved(page, () =>
      restoreBy(page, /^More ways to restore To nobody\.txt/, 'Download the file'),
    )
    expect(gone.bytes.toString('utf8')).toBe(olderContents['Letters/To nobody.txt'])
  })

  it('forgets the password when the page is left', async () => {
    await visit(page, path)
    await page.getByRole('heading', { name: 'Facts' }).waitFor()
    await visit(page, `${path}/browse`)
    await page.getByLabel('Password of the repository', { exact: true }).waitFor()
    expect(page.workers().filter((worker) => worker.url().includes('repository'))).toEqual([])
  })

  it('brings back from the bin what a machine deleted', async () => {
    await visit(page, `${path}/bin`)
    await page.getByRole('heading', { name: 'The bin is empty' }).waitFor()
    await visit(page, `${path}/credentials`)
    const { place: cleaner } = await makeCredential(page, {
      label: 'clean-up',
      scope: 'Adds, reads and deletes',
    })
    const [snapshot = ''] = snapshotsOf(made)
    expect(await ask(place, 'DELETE', snapshot)).toBe(403)
    expect(await ask(cleaner, 'DELETE', snapshot)).toBe(200)
    expect(await ask(place, 'HEAD', snapshot)).toBe(404)
    await visit(page, `${path}/bin`)
    await page.getByText('1 snapshot, 1 object in all').waitFor()
    await lookAll(view, 'repository-bin')
    await press(page, 'Bring back everything')
    await lookAll(view, 'repository-bin-ask')
    await press(page, 'Bring back 1 object')
    await told(page, /^1 object brought back/)
    await page.getByRole('heading', { name: 'The bin is empty' }).waitFor()
    expect(await ask(place, 'HEAD', snapshot)).toBe(200)
  })

  it('revokes a credential at once', async () => {
    await visit(page, `${path}/credentials`)
    await page.getByText('1 deletion refused').waitFor()
    await lookAll(view, 'repository-credentials')
    await press(page, 'Revoke laptop of Ada')
    await lookAll(view, 'repository-revoke')
    await press(page, 'Revoke credential')
    await told(page, 'laptop of Ada was revoked.')
    expect(await ask(place, 'HEAD', 'config')).toBe(401)
  })

  it('changes its settings, is removed, and comes back', async () => {
    await visit(page, `${path}/settings`)
    await page.getByLabel('Days that deleted data waits in the bin').fill('7')
    await page.getByText(/^A shorter time holds only/).waitFor()
    await lookAll(view, 'repository-settings')
    await press(page, 'Save')
    await told(page, 'Saved.')
    await press(page, 'Remove repository')
    await page.getByRole('dialog').getByRole('button', { name: 'Remove repository' }).click()
    await told(page, 'laptop is in the bin.')
    await page.getByText('This repository is in the bin').waitFor()
    await lookAll(view, 'repository-removed')
    await inRepositories(page)
    await page.getByRole('heading', { name: 'In the bin' }).waitFor()
    await lookAll(view, 'repositories-removed')
    await visit(page, path)
    await press(page, 'Bring it back')
    await told(page, /^laptop is back/)
    await page.getByRole('link', { name: 'Credentials' }).waitFor()
  })

  it('a page of no repository says so', async () => {
    await visit(page, `/repositories/${'0'.repeat(32)}`)
    await page
      .getByRole('heading', { name: /^There is no such repository/ })
      .first()
      .waitFor()
    await lookAll(view, 'repository-not-found')
    await nothingWrong(view)
  })

  it('the password of the repository is in no request, and nothing of it in any store', async () => {
    const { bytes } = await dumpStore(page)
    const markers = needlesFor([
      { what: 'repository password', value: repositoryPassword },
      { what: 'contents', value: 'the lamp in our street is dark' },
      { what: 'file name', value: 'Council.txt' },
    ])
    const scanner = new PlaintextScanner(markers)
    expect(bytes.length).toBeGreaterThan(1000)
    expect(scanner.scanBytes(bytes, 'store')).toEqual([])
    const sent = view.requests.map(({ url, headers, body }) =>
      [url, JSON.stringify(headers), body?.toString('latin1') ?? ''].join('\n'),
    )
    expect(sent.length).toBeGreaterThan(100)
    expect(scanner.scanBytes(Buffer.from(sent.join('\n'), 'latin1'), 'requests')).toEqual([])
  })

  it('says what asks for somebody once a backup is late; and a host destroys it', async () => {
    server.advance(3 * 24 * 3_600_000)
    const later = await signInElsewhere(browser, server, host)
    await later.page.clock.setSystemTime(server.now())
    await inRepositories(later.page)
    await later.page.getByText('No backup for 3 days').waitFor()
    await later.page.getByRole('img', { name: /days on which a backup was due$/ }).waitFor()
    await lookAll(later, 'repositories-late')
    await visit(later.page, path)
    await later.page.getByText('No snapshot has arrived for 3 days').waitFor()
    await lookAll(later, 'repository-late')
    await destroyAsHost(later)
    await later.close()
  })
})
