/** Files in a real browser: what goes up by chooser and by drop comes down the same, byte by byte. */
import { randomBytes } from 'node:crypto'
import { mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Browser, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { readZip } from './read-zip.ts'
import {
  act,
  chooseFiles,
  chooseFolder,
  dock,
  fileOf,
  listed,
  names,
  newShare,
  nothingWrong,
  openItem,
  row,
  saved,
  select,
  setUpHost,
  sha256,
  stored,
} from './files-steps.ts'
import { launchBrowser, openView, startWebServer, type View, type WebServer } from './harness.ts'
import { heading, look, press } from './identity-steps.ts'

let browser: Browser
let server: WebServer
let view: View
let page: Page
const disk = mkdtempSync(join(tmpdir(), 'hearthold-files-'))
const tree: Record<string, Buffer> = {
  'plan.txt': Buffer.from('the plan\n'),
  'empty.txt': Buffer.alloc(0),
  'Pictures/roof.bin': randomBytes(3 * 1024 * 1024 + 17),
  'Pictures/2025/chimney.bin': randomBytes(70_001),
}

beforeAll(async () => {
  for (const [path, bytes] of Object.entries(tree)) {
    mkdirSync(join(disk, 'House', path, '..'), { recursive: true })
    writeFileSync(join(disk, 'House', path), bytes)
  }
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

/** Files of a zip by name. */
const unzip = (zip: Buffer): Map<string, Buffer> =>
  new Map(
    [...readZip(zip)]
      .filter(([name]) => !name.endsWith('/'))
      .map(([name, { bytes }]) => [name, bytes]),
  )

const hashes = (all: Iterable<[string, Buffer]>): Record<string, string> =>
  Object.fromEntries([...all].map(([name, bytes]) => [name, sha256(bytes)]))

/** What a person drags in from the desktop; `over` happens before they let go. */
const drop = async (files: string[], over?: () => Promise<void>): Promise<void> => {
  const { x, y, width, height } = (await page.getByRole('main').boundingBox())!
  const at = { x: x + width / 2, y: y + height / 2 }
  const data = { items: [], files, dragOperationsMask: 1 }
  const cdp = await view.context.newCDPSession(page)
  await cdp.send('Input.dispatchDragEvent', { type: 'dragEnter', ...at, data })
  await cdp.send('Input.dispatchDragEvent', { type: 'dragOver', ...at, data })
  await over?.()
  await cdp.send('Input.dispatchDragEvent', { type: 'drop', ...at, data })
  await cdp.detach()
}

describe('up and down', () => {
  test('a folder: its tree, a file of it, and the whole again as a zip', async () => {
    await newShare(page, 'By chooser')
    await look(view, 'files-folder-empty')
    await chooseFolder(page, join(disk, 'House'))
    await stored(page, 4)
    await listed(page, ['House'])
    await openItem(page, 'House')
    await listed(page, ['Pictures', 'empty.txt', 'plan.txt'])
    await look(view, 'files-folder')
    const zip = await saved(page, async () => {
      await select(page, 'Pictures', 'empty.txt', 'plan.txt')
      await look(view, 'files-selected')
      await act(page, 'Download')
    })
    expect(zip.name).toMatch(/\.zip$/)
    const out = [...unzip(zip.bytes)].map(
      ([name, bytes]) =>
        [name.replace(/^.*?(Pictures|empty|plan)/, '$1'), bytes] as [string, Buffer],
    )
    expect(hashes(out)).toEqual(hashes(Object.entries(tree)))

    await openItem(page, 'Pictures')
    await listed(page, ['2025', 'roof.bin'])
    const one = await saved(page, () => openItem(page, 'roof.bin'))
    expect(one.name).toBe('roof.bin')
    expect(sha256(one.bytes)).toBe(sha256(tree['Pictures/roof.bin']!))
  })

  test('a newer version: both are listed, and the older one comes down as it was', async () => {
    await newShare(page, 'Versions')
    await chooseFiles(page, [fileOf('letter.bin', 'first draft')])
    await stored(page, 1)
    await chooseFiles(page, [fileOf('letter.bin', 'second draft, longer')])
    await stored(page, 1)
    await listed(page, ['letter.bin'])
    await row(page, 'letter.bin').getByText('20 B').waitFor()
    await select(page, 'letter.bin')
    await act(page, 'Versions')
    const panel = page.getByRole('complementary')
    await expect.poll(() => panel.getByRole('listitem').count()).toBe(2)
    expect(await panel.getByRole('listitem').first().textContent()).toMatch(/Newest.*20 B/)
    await look(view, 'files-versions')
    const older = panel.getByRole('listitem').nth(1)
    const old = await saved(page, () =>
      older.getByRole('button', { name: 'Download this version' }).click(),
    )
    expect(old.bytes.toString()).toBe('first draft')
    const now = await saved(page, () => openItem(page, 'letter.bin'))
    expect(now.bytes.toString()).toBe('second draft, longer')
    await press(page, 'Close the panel')
  })

  test('a drop of files and of a folder', async () => {
    await newShare(page, 'By drop')
    await drop([join(disk, 'House'), join(disk, 'House', 'plan.txt')], async () => {
      await page.getByText('Drop to seal and upload into By drop').waitFor()
      await look(view, 'files-dragging')
    })
    await stored(page, 5)
    await listed(page, ['House', 'plan.txt'])
    await openItem(page, 'House')
    await listed(page, ['Pictures', 'empty.txt', 'plan.txt'])
  })

  test('names of every kind are text, and come back as they were', async () => {
    await newShare(page, 'Names')
    const odd = [
      '<img src=x onerror=alert(1)>.txt',
      '👩‍👩‍👧 Фото 写真.txt',
      'שלום עולם.txt',
      'zero\u200bwidth.txt',
      `${'ä'.repeat(125)}.txt`,
      'a  b.txt',
    ]
    await chooseFiles(
      page,
      odd.map((name, i) => fileOf(name, `content ${i}`)),
    )
    await stored(page, odd.length)
    await expect.poll(async () => (await names(page)).length).toBe(odd.length)
    const shown = new Set(await names(page))
    for (const name of odd) expect(shown).toContain(name.replace('\u200b', '[U+200B]'))
    expect(await page.locator('img[src="x"]').count()).toBe(0)
    await look(view, 'files-names')
    for (const [i, name] of odd.entries()) {
      await select(page, name.replace('\u200b', '[U+200B]'))
      const one = await saved(page, () => act(page, 'Download'))
      expect(one.bytes.toString()).toBe(`content ${i}`)
      await press(page, 'Clear selection')
    }
    await page.setViewportSize({ width: 360, height: 740 })
    await look(view, 'files-names-phone')
    await page.setViewportSize({ width: 1280, height: 800 })
  })

  test('what cannot be read is listed with its reason, and everything else is stored', async () => {
    await newShare(page, 'Left out')
    writeFileSync(join(disk, 'locked.txt'), 'locked')
    // What a browser answers where the disk refuses; the tests may run as a user who may read everything.
    await page.evaluate(() => {
      const proto = DataTransferItem.prototype
      const { webkitGetAsEntry: get } = proto
      proto.webkitGetAsEntry = function refuse() {
        const entry = get.call(this)
        const file = (_: unknown, failed: (error: DOMException) => void): void =>
          failed(new DOMException('The file could not be read.', 'NotReadableError'))
        return entry?.name === 'locked.txt'
          ? Object.defineProperty(entry, 'file', { value: file })
          : entry
      }
    })
    await drop([join(disk, 'locked.txt'), join(disk, 'House', 'plan.txt')])
    await dock(page).getByText('1 item left out').waitFor()
    await page.getByRole('button', { name: 'Show which' }).click()
    await page.getByRole('dialog').getByText('locked.txt').waitFor()
    await look(view, 'files-left-out')
    await page.keyboard.press('Escape')
    await stored(page, 1)
    await listed(page, ['plan.txt'])
  })

  test('cancelled in the middle: what was stored stays, the rest is not there', async () => {
    await newShare(page, 'Cancelled')
    // A gibibyte of nothing: it takes no room here, and seconds to send.
    const slow = join(disk, 'slow.bin')
    writeFileSync(slow, '')
    truncateSync(slow, 1024 ** 3)
    await chooseFiles(page, slow)
    const card = dock(page).getByRole('article')
    await card.getByRole('progressbar').waitFor()
    await card.getByText(/ of 1\.0 GiB/).waitFor()
    await card.getByRole('button', { name: 'Cancel' }).click()
    await dock(page).getByText('Cancelled. What was stored until then stays.').waitFor()
    await look(view, 'files-cancelled')
    await heading(page, 'Cancelled')
    await page.getByRole('heading', { name: 'This folder is empty' }).waitFor()
  })
})
