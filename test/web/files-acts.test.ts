/** What is done with files: by pointer, by keys alone, by drag, on two devices and in two tabs at once. */
import type { Browser, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import {
  act,
  chooseFiles,
  fileOf,
  listed,
  newShare,
  nothingWrong,
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
import { launchBrowser, openView, startWebServer, type View, type WebServer } from './harness.ts'
import { heading, look, press } from './identity-steps.ts'

let browser: Browser
let server: WebServer
let view: View
let page: Page
let person: Person

beforeAll(async () => {
  browser = await launchBrowser()
  server = await startWebServer()
  view = await openView(browser)
  ;({ page } = view)
  person = await setUpHost(view, server)
})
afterAll(async () => {
  await browser.close()
  await server.dispose()
})
afterEach(() => nothingWrong(view))

const makeFolder = async (name: string): Promise<void> => {
  await press(page, 'New folder')
  await page.getByRole('dialog').getByLabel('Name', { exact: true }).fill(name)
  await press(page, 'Create folder')
  await row(page, name).waitFor()
}
const intoDialog = async (folder: string, verb: string): Promise<void> => {
  const dialog = page.getByRole('dialog')
  await dialog.getByRole('listitem').getByRole('button', { name: folder }).click()
  await dialog.getByRole('button', { name: `${verb} to ${folder}` }).click()
  await dialog.waitFor({ state: 'hidden' })
}
const goUp = (share: string): Promise<void> =>
  page.getByRole('navigation', { name: 'Path' }).getByRole('link', { name: share }).click()

describe('acts', () => {
  test('folder, rename, move with undo, copy, trash with undo', async () => {
    await newShare(page, 'Acts')
    await makeFolder('Letters')
    await chooseFiles(page, [fileOf('a.txt', 'aaa'), fileOf('b.txt', 'bbb')])
    await stored(page, 2)

    await select(page, 'a.txt')
    await act(page, 'Rename')
    const field = page.getByRole('dialog').getByLabel('Name', { exact: true })
    // The ending stays unless it is meant.
    await page.keyboard.type('first')
    expect(await field.inputValue()).toBe('first.txt')
    await field.fill('x/y')
    await press(page, 'Rename')
    await page.getByText('A name cannot contain a slash.').waitFor()
    await look(view, 'files-rename-refused')
    await field.fill('first.txt')
    await press(page, 'Rename')
    await listed(page, ['Letters', 'b.txt', 'first.txt'])

    await act(page, 'Move to …')
    await look(view, 'files-move')
    await intoDialog('Letters', 'Move')
    await told(page, '1 item moved to Letters')
    await listed(page, ['Letters', 'b.txt'])
    await press(page, 'Undo')
    await listed(page, ['Letters', 'b.txt', 'first.txt'])

    await select(page, 'b.txt')
    await act(page, 'Copy to …')
    await intoDialog('Letters', 'Copy')
    await openItem(page, 'Letters')
    await listed(page, ['b.txt'])
    const copy = await saved(page, async () => {
      await select(page, 'b.txt')
      await act(page, 'Download')
    })
    expect(copy.bytes.toString()).toBe('bbb')
    await goUp('Acts')

    await select(page, 'b.txt', 'first.txt')
    await act(page, 'Move to trash')
    await listed(page, ['Letters'])
    await page
      .getByRole('region', { name: 'Messages' })
      .filter({ hasText: '2 items moved to trash' })
      .getByRole('button', { name: 'Undo' })
      .last()
      .click()
    await listed(page, ['Letters', 'b.txt', 'first.txt'])
  })

  test('the trash: put back, erase what is typed, empty', async () => {
    await newShare(page, 'Bin')
    await chooseFiles(
      page,
      ['one', 'two', 'three'].map((name) => fileOf(`${name}.bin`, name)),
    )
    await stored(page, 3)
    await select(page, 'one.bin', 'two.bin', 'three.bin')
    await act(page, 'Move to trash')
    await listed(page, [])
    await press(page, 'More for Bin')
    await page.getByRole('menuitem', { name: 'Trash' }).click()
    await heading(page, 'Trash')
    await page.getByText('three.bin').waitFor()
    await look(view, 'files-trash')
    await press(page, 'Put back one.bin')
    await told(page, '1 item put back')

    await press(page, 'Erase two.bin')
    const dialog = page.getByRole('dialog')
    const sure = dialog.getByRole('button', { name: 'Erase for ever' })
    expect(await sure.isDisabled()).toBe(true)
    await look(view, 'files-erase')
    await dialog.getByRole('textbox').fill('erase')
    await sure.click()
    await told(page, '1 item erased')
    await press(page, 'Empty trash')
    await dialog.getByRole('textbox').fill('erase')
    await sure.click()
    await page.getByRole('heading', { name: 'The trash is empty' }).waitFor()
    await goUp('Bin')
    await listed(page, ['one.bin'])
  })

  test('rows dragged onto a folder, and onto the path, are moved there', async () => {
    await newShare(page, 'Dragged')
    await makeFolder('Box')
    await chooseFiles(page, [fileOf('a.txt', 'a'), fileOf('b.txt', 'b')])
    await stored(page, 2)
    await select(page, 'a.txt', 'b.txt')
    await row(page, 'b.txt').dragTo(row(page, 'Box'))
    await told(page, '2 items moved to Box')
    await listed(page, ['Box'])
    await openItem(page, 'Box')
    await listed(page, ['a.txt', 'b.txt'])
    const path = page.getByRole('navigation', { name: 'Path' })
    await row(page, 'a.txt').dragTo(path.getByRole('link', { name: 'Dragged' }))
    await listed(page, ['b.txt'])
    await goUp('Dragged')
    await listed(page, ['Box', 'a.txt'])
  })

  test('by keys alone: open, make, choose, rename, trash, undo', async () => {
    await newShare(page, 'Keys')
    await chooseFiles(
      page,
      ['1', '2', '3'].map((name) => fileOf(`${name}.bin`, name)),
    )
    await stored(page, 3)
    await page.goto(`${server.origin}/files`)
    await unlockAgain(page)
    await heading(page, 'Files')

    const focused = (name: string): Promise<void> =>
      page.waitForFunction(
        (wanted) => document.activeElement?.textContent?.includes(wanted) === true,
        name,
      ) as unknown as Promise<void>
    const tabTo = async (name: string): Promise<void> => {
      for (let i = 0; i < 40; i++) {
        await page.keyboard.press('Tab')
        const now = await page.evaluate(() => {
          const { activeElement: at } = document
          return (at?.getAttribute('aria-label') ?? at?.textContent ?? '').trim()
        })
        if (now.includes(name)) return
      }
      throw new Error(`Tab does not reach "${name}".`)
    }
    await tabTo('Keys')
    await page.keyboard.press('Enter')
    await heading(page, 'Keys')
    await tabTo('New folder')
    await page.keyboard.press('Enter')
    await page.getByRole('dialog').waitFor()
    await page.keyboard.type('Made')
    await page.keyboard.press('Enter')
    await listed(page, ['Made', '1.bin', '2.bin', '3.bin'])

    await tabTo('Made')
    await page.keyboard.press('ArrowDown')
    await focused('1.bin')
    await page.keyboard.press(' ')
    await page.keyboard.press('Shift+ArrowDown')
    await page.getByRole('toolbar', { name: '2 items selected' }).waitFor()
    await look(view, 'files-keys')
    await page.keyboard.press('F2')
    await page.keyboard.press('Control+a')
    await page.keyboard.type('renamed.bin')
    await page.keyboard.press('Enter')
    await listed(page, ['Made', '1.bin', '3.bin', 'renamed.bin'])
    await page.locator('[role="row"]:focus').waitFor()
    await page.keyboard.press('Delete')
    await told(page, '1 item moved to trash')
    await expect.poll(() => page.locator('[data-row]').count()).toBe(3)
    await tabTo('Undo')
    await page.keyboard.press('Enter')
    await listed(page, ['Made', '1.bin', '3.bin', 'renamed.bin'])
  })
})

describe('at once', () => {
  test('two devices see what the other does, and two tabs may act at the same moment', async () => {
    const other = await signInElsewhere(browser, server, person)
    await newShare(page, 'Both')
    await other.page.getByRole('link', { name: /^Both/ }).click()
    await heading(other.page, 'Both')
    await chooseFiles(page, [fileOf('from one.bin', '1')])
    await listed(other.page, ['from one.bin'])
    await chooseFiles(other.page, [fileOf('from two.bin', '2')])
    await listed(page, ['from one.bin', 'from two.bin'])

    const tab = await view.context.newPage()
    tab.setDefaultTimeout(12_000)
    await tab.goto(page.url())
    // The tab beside it is unlocked, and hands on what opens the account.
    await listed(tab, ['from one.bin', 'from two.bin'])
    const make = async (on: Page, name: string): Promise<void> => {
      await press(on, 'New folder')
      await on.getByRole('dialog').getByLabel('Name', { exact: true }).fill(name)
      await press(on, 'Create folder')
    }
    await Promise.all([make(page, 'A'), make(tab, 'B'), make(other.page, 'C')])
    const all = ['A', 'B', 'C', 'from one.bin', 'from two.bin']
    await Promise.all([page, tab, other.page].map((on) => listed(on, all)))
    expect(await other.complaints()).toEqual([])
    await tab.close()
    await other.close()
  })
})
