import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import type { AxeResults } from 'axe-core'
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { chromiumLaunch } from '../../tools/chromium.ts'
import { complaintsOf, servePages } from './page-server.ts'

const root = join(import.meta.dirname, '..', '..')
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

let server: Awaited<ReturnType<typeof servePages>>
let browser: Browser
beforeAll(async () => {
  execFileSync(process.execPath, [join(root, 'tools', 'build-web.ts'), '--design'], {
    cwd: root,
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  server = await servePages(join(root, '.cache', 'web-design'), 'design.html')
  browser = await chromium.launch(await chromiumLaunch())
})
afterAll(async () => {
  await browser?.close()
  await server?.close()
})

const pages = ['parts', 'fields', 'rows', 'shell', 'quiet', 'dialog', 'confirm']
type Colours = NonNullable<Parameters<Page['emulateMedia']>[0]> & { readonly theme?: string }
/** The first is how a page is loaded; the others are switched to while it is shown. */
const looks: Readonly<Record<string, Colours>> = {
  light: { colorScheme: 'light' },
  dark: { colorScheme: 'dark' },
  'high contrast of the system': { colorScheme: 'light', contrast: 'more' },
  'high contrast of the app, dark': { colorScheme: 'dark', theme: 'contrast' },
  'forced colours': { colorScheme: 'light', forcedColors: 'active' },
}
const widths = { wide: { width: 1280, height: 800 }, narrow: { width: 360, height: 740 } }

/** Goes to a page of the design and waits until it stands still. */
const look = async (page: Page, query: string): Promise<void> => {
  await page.goto(`${server.origin}/?${query}`)
  await page.waitForSelector('h1')
  await page.evaluate(async () => {
    await document.fonts.ready
    // Skeletons appear after a while.
    await new Promise((resolve) => setTimeout(resolve, 260))
  })
}

const open = async (
  options: BrowserContextOptions,
  query: string,
): Promise<{ page: Page; complaints: string[]; close: () => Promise<void> }> => {
  const context = await browser.newContext({ reducedMotion: 'reduce', ...options })
  const page = await context.newPage()
  const complaints = complaintsOf(page)
  await look(page, query)
  return { page, complaints, close: () => context.close() }
}

/** Findings of axe by all its rules but the experimental, or by those named: `rule: element` each. */
const findings = async (page: Page, ...rules: string[]): Promise<string[]> => {
  // Through the debugger, so that the policy against foreign scripts stays as it is.
  if (!(await page.evaluate(() => 'axe' in globalThis))) await page.evaluate(axe)
  const results: AxeResults = await page.evaluate(
    `axe.run(document, ${JSON.stringify(rules.length > 0 ? { runOnly: rules } : {})})`,
  )
  return results.violations.flatMap(({ id, nodes }) =>
    nodes.map(({ html, failureSummary }) => `${id}: ${html.slice(0, 160)} ${failureSummary ?? ''}`),
  )
}

const switchTo = async (page: Page, { theme, ...media }: Colours): Promise<void> => {
  await page.emulateMedia({ contrast: 'no-preference', forcedColors: 'none', ...media })
  await page.evaluate((named) => {
    if (named) document.documentElement.dataset['theme'] = named
    else delete document.documentElement.dataset['theme']
  }, theme)
}

describe.each(Object.entries(widths))('%s', (_width, viewport) => {
  test.each(pages)('%s: in no colours anything for axe to find, nothing overflows', async (one) => {
    const { page, complaints, close } = await open(
      { colorScheme: 'light', viewport },
      `page=${one}`,
    )
    for (const [name, colours] of Object.entries(looks)) {
      await switchTo(page, colours)
      const overflow = await page.evaluate(
        () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
      )
      // Only colours differ from look to look: the other rules are asked once.
      const found = await findings(page, ...(name === 'light' ? [] : ['color-contrast']))
      expect({ name, found, overflow }).toEqual({ name, found: [], overflow: 0 })
    }
    expect(complaints).toEqual([])
    await close()
  })
})

test('on a phone what can be pressed is at least 44 px high', async () => {
  for (const name of pages) {
    const { page, close } = await open(
      { viewport: widths.narrow, hasTouch: true, isMobile: true },
      `page=${name}`,
    )
    const small = await page.evaluate(() =>
      [
        ...document.querySelectorAll<HTMLElement>(
          'button, input:not([type=checkbox], [type=radio]), select',
        ),
      ]
        .filter((one) => one.checkVisibility() && !one.closest('.unseen'))
        .map((one) => ({
          what: one.outerHTML.slice(0, 80),
          height: one.getBoundingClientRect().height,
        }))
        .filter(({ height }) => height < 43.5),
    )
    expect({ name, small }).toEqual({ name, small: [] })
    await close()
  }
})

describe('keys', () => {
  test('a dialog holds the focus, closes on Escape and gives the focus back', async () => {
    const { page, complaints, close } = await open({ viewport: widths.wide }, 'page=dialog')
    const focused = (): Promise<string> => page.evaluate('document.activeElement.tagName')
    expect(await focused()).toBe('INPUT')
    for (let presses = 0; presses < 6; presses++) {
      await page.keyboard.press('Tab')
      expect(
        await page.evaluate(
          `document.activeElement === document.body || !!document.activeElement.closest('dialog')`,
        ),
      ).toBe(true)
    }
    await page.keyboard.press('Escape')
    await page.waitForSelector('dialog', { state: 'hidden' })
    await page.getByRole('button', { name: 'New folder' }).press('Enter')
    await page.waitForSelector('dialog[open]')
    await page.getByRole('button', { name: 'Cancel' }).click()
    expect(await page.evaluate('document.activeElement.innerText')).toBe('New folder')
    expect(complaints).toEqual([])
    await close()
  })

  test('a menu opens by the arrow, moves, finds by letters and closes on Escape', async () => {
    const { page, complaints, close } = await open({ viewport: widths.wide }, 'page=parts')
    const trigger = page.getByRole('button', { name: 'More for Photos' })
    await trigger.focus()
    expect(await trigger.getAttribute('aria-haspopup')).toBe('menu')
    await page.keyboard.press('ArrowDown')
    const now = (): Promise<string> => page.evaluate('document.activeElement.innerText.trim()')
    await expect.poll(now).toBe('Rename')
    expect(await trigger.getAttribute('aria-expanded')).toBe('true')
    expect(await findings(page)).toEqual([])
    await page.keyboard.press('ArrowDown')
    expect(await now()).toBe('Move to trash')
    await page.keyboard.press('ArrowDown')
    expect(await now()).toBe('Rename')
    await page.keyboard.press('m')
    expect(await now()).toBe('Move to trash')
    await page.keyboard.press('Escape')
    await expect.poll(() => trigger.getAttribute('aria-expanded')).toBe('false')
    expect(await trigger.evaluate((one) => one === document.activeElement)).toBe(true)
    await trigger.click()
    await page.getByRole('menuitem', { name: 'Move to trash' }).click()
    await page.getByRole('button', { name: 'Undo' }).waitFor()
    expect(await findings(page)).toEqual([])
    expect(complaints).toEqual([])
    await close()
  })

  test('what cannot be undone is typed before its button works', async () => {
    const { page, close } = await open({ viewport: widths.wide }, 'page=confirm')
    const act = page.getByRole('button', { name: 'Erase for ever' })
    expect(await act.isDisabled()).toBe(true)
    await page.keyboard.type('eras')
    expect(await act.isDisabled()).toBe(true)
    await page.keyboard.type('e')
    await act.click()
    await page.waitForSelector('dialog', { state: 'detached' })
    expect(await page.locator('dialog').count()).toBe(0)
    await close()
  })
})

test('the theme is chosen in the menu of the account, and kept', async () => {
  const { page, complaints, close } = await open(
    { viewport: widths.wide, colorScheme: 'light' },
    'page=shell',
  )
  const background = (): Promise<string> =>
    page.evaluate('getComputedStyle(document.documentElement).backgroundColor')
  const light = await background()
  await page.getByRole('button', { name: /^Ada/ }).click()
  await page.getByRole('menuitemradio', { name: 'Dark' }).click()
  expect(await background()).not.toBe(light)
  const dark = await background()
  await page.reload()
  await page.waitForSelector('h1')
  expect(await background()).toBe(dark)
  expect(complaints).toEqual([])
  await close()
})

test('without movement where the person asks for less', async () => {
  const { page, close } = await open(
    { viewport: widths.wide, reducedMotion: 'reduce' },
    'page=dialog',
  )
  const longest = await page.evaluate(() =>
    Math.max(
      ...[...document.querySelectorAll('*')].map((one) => {
        const style = getComputedStyle(one)
        return Math.max(
          parseFloat(style.transitionDuration),
          style.animationName === 'none' ? 0 : parseFloat(style.animationDuration),
        )
      }),
    ),
  )
  expect(longest).toBeLessThanOrEqual(0.001)
  await close()
})
