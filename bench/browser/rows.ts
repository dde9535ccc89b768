import { setTimeout as delay } from 'node:timers/promises'
import { join, resolve } from 'node:path'
import { totpCode } from '@hearthold/member'
import { figuresOf, report } from '../peers/statistics.ts'
import type { Settings } from '../browser.ts'
import { type AtPage, atPage, password, signUpByPassword } from './at-page.ts'
import { PlainChromium } from './plain-chromium.ts'
import type { BenchPage } from './page.ts'

/** In the page; only functions that run there may use it. */
declare const bench: BenchPage

const root = resolve(import.meta.dirname, '../..')
const webFolder = join(root, 'apps', 'web', 'dist')
const checkpointMs = 60_000

/** Runs before any script: notes when rows of the share are on screen. */
const watchRows = (): void => {
  const look = (): void => {
    const row = document.querySelector('[role="row"][data-row]')
    if (!row?.textContent?.includes('item number')) return
    observer.disconnect()
    requestAnimationFrame(() => Object.assign(globalThis, { rowsAt: Date.now() }))
  }
  const observer = new MutationObserver(look)
  observer.observe(document, { childList: true, subtree: true })
}

const shownAt = async (browser: PlainChromium): Promise<number> => {
  await browser.until(() => 'rowsAt' in globalThis)
  return browser.run(() => (globalThis as unknown as { rowsAt: number }).rowsAt)
}

/** The time of the navigation itself, as the page knows it. */
const begunAt = (browser: PlainChromium): Promise<number> =>
  browser.run(() => performance.timeOrigin)

const watching = (browser: PlainChromium): Promise<unknown> =>
  browser.send('Page.addScriptToEvaluateOnNewDocument', { source: `(${watchRows.toString()})()` })

/** From opening the app's address to rows on screen, where this browser unlocks by itself and knows the share. */
const fromStore = async ({ server, browser }: AtPage, share: string, rounds: number) => {
  const found: number[] = []
  for (let round = 0; round <= rounds; round++) {
    await browser.visit(`${server.origin}/files/${share}`)
    const shown = await shownAt(browser)
    // The first round keeps the state that the others begin with.
    if (round > 0) found.push(shown - (await begunAt(browser)))
    await delay(round === 0 ? 3000 : 200)
  }
  return found
}

/** Types as a person does: what the page hears is an input event. */
const type = (selector: string, value: string): void => {
  const field = document.querySelector<HTMLInputElement>(selector)!
  field.value = value
  field.dispatchEvent(new Event('input', { bubbles: true }))
}

/** A browser that never saw this server: from the last digit of the second factor to rows on screen. */
const fromCheckpoint = async (
  { server }: AtPage,
  share: string,
  code: () => Promise<string>,
  rounds: number,
) => {
  const found: number[] = []
  for (let round = 0; round < rounds; round++) {
    const browser = await PlainChromium.start(server.profile(`fresh-${round}`))
    try {
      await watching(browser)
      await browser.visit(`${server.origin}/files/${share}`)
      const nameField = 'input[autocomplete~="username"]'
      await browser.until((selector) => document.querySelector(selector) !== null, nameField)
      await browser.run(type, nameField, 'ada')
      await browser.run(type, 'input[type="password"]', password)
      await browser.run(() => document.querySelector<HTMLElement>('button[type="submit"]')!.click())
      const codeField = 'input[autocomplete="one-time-code"]'
      await browser.until((selector) => document.querySelector(selector) !== null, codeField)
      const digits = await code()
      const started = Date.now()
      await browser.run(type, codeField, digits)
      found.push((await shownAt(browser)) - started)
    } finally {
      await browser.stop()
    }
  }
  return found
}

/** Turns the wheel over the list, hard, and hears how long each frame took. */
const scroll = async ({ browser }: AtPage): Promise<number[]> => {
  await browser.run(() => {
    const frames: number[] = []
    let last = performance.now()
    const next = (now: number): void => {
      frames.push(now - last)
      last = now
      requestAnimationFrame(next)
    }
    requestAnimationFrame(next)
    Object.assign(globalThis, { frames })
  })
  await delay(300)
  await browser.run(() => void (globalThis as unknown as { frames: number[] }).frames.splice(0))
  for (let turn = 0; turn < 200; turn++) {
    const deltaY = turn % 20 === 19 ? 60_000 : 700
    await browser.send('Input.dispatchMouseEvent', {
      type: 'mouseWheel',
      x: 640,
      y: 500,
      deltaX: 0,
      deltaY,
    })
  }
  await delay(300)
  const top = await browser.run(() =>
    Math.max(...[...document.querySelectorAll('[role="grid"]')].map((one) => one.scrollTop)),
  )
  if (top < 200_000) throw new Error(`The list scrolled to ${top} only.`)
  return browser.run(() => (globalThis as unknown as { frames: number[] }).frames)
}

const hasCheckpoint = async ({ browser }: AtPage, share: string): Promise<boolean> => {
  for (let waited = 0; waited < checkpointMs; waited += 500) {
    const path = `/api/logs/${share}/checkpoint`
    if ((await browser.run(async (address) => (await fetch(address)).status, path)) === 200)
      return true
    await delay(500)
  }
  return false
}

const lastOf = (sorted: readonly number[], part: number): number =>
  Math.round(sorted[Math.ceil(sorted.length * part) - 1]! * 10) / 10

/** A share of so many nodes in one folder, in the app itself. */
export const rows = async ({ nodes, rounds }: Settings): Promise<void> => {
  await atPage(async (at) => {
    const secret = await signUpByPassword(at)
    let lastStep: number | undefined = Math.floor(Date.now() / 30_000)
    const code = async (): Promise<string> => {
      for (;;) {
        const next = totpCode(secret, Date.now(), lastStep)
        if ('code' in next) {
          lastStep = next.step
          return next.code
        }
        await delay(next.waitMs)
      }
    }
    const started = performance.now()
    const share = await at.browser.run((count) => bench.makeItems(count), nodes)
    const madeMs = Math.round(performance.now() - started)
    const checkpoint = await hasCheckpoint(at, share)
    await at.server.start(webFolder)
    await watching(at.browser)
    const area = 'browser'
    const ms = figuresOf(await fromStore(at, share, rounds))
    const what = `a share of ${nodes} nodes on screen`
    report({
      area,
      what,
      from: 'this browser: opening the address, unlocking by itself',
      ms,
      barMs: 3000,
      madeMs,
    })
    const frames: number[][] = []
    for (let round = 0; round < rounds; round++) {
      await at.browser.visit(`${at.server.origin}/files/${share}`)
      await shownAt(at.browser)
      frames.push(await scroll(at))
    }
    report({
      area,
      what: `scrolling ${nodes} rows by wheel, 200 turns`,
      longestFrameMs: figuresOf(frames.map((list) => Math.max(...list))),
      frames: figuresOf(frames.map((list) => list.length)),
      p99FrameMs: lastOf(
        frames.flat().sort((a, b) => a - b),
        0.99,
      ),
      barLongestFrameMs: 50,
    })
    const fresh = figuresOf(await fromCheckpoint(at, share, code, Math.min(rounds, 3)))
    const from =
      'a browser that never saw it: from the second factor on, with signing in and unlocking'
    report({ area, what, from, checkpoint, ms: fresh, barMs: 3000 })
  })
}
