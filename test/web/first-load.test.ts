/**
 * What must come over the line before somebody can sign in. The budget is no matter of speed: it is the same on every
 * machine. Counted are the answers of the real server as they travel, compressed with gzip, of every script and style
 * that the browser asks for until the form can be used, needed or not.
 */
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { codeOf, firstVisit, gzipBytes, setUpHost } from './first-load.ts'
import { launchBrowser, startWebServer, type WebServer } from './harness.ts'

const budgetBytes = 120_000

let server: WebServer
let browser: Browser

const sum = (values: readonly number[]): number => values.reduce((all, one) => all + one, 0)

beforeAll(async () => {
  server = await startWebServer()
  await setUpHost(server)
  browser = await launchBrowser()
})
afterAll(async () => {
  await browser.close()
  await server.dispose()
})

describe('the first visit', () => {
  it('needs at most 120 kB of scripts and styles until the form can be used', async () => {
    const code = codeOf(await firstVisit(browser, server))
    expect(code.some((url) => url.endsWith('.js'))).toBe(true)
    expect(code.some((url) => url.endsWith('.css'))).toBe(true)
    const sizes = await Promise.all(code.map(gzipBytes))
    const list = code.map((url, i) => `${sizes[i]} ${new URL(url).pathname}`)
    // The list is there to be read where the budget is exceeded.
    expect(sum(sizes) <= budgetBytes ? [] : list).toEqual([])
    expect(sum(sizes)).toBeGreaterThan(10_000)
  })

  it('asks for the worker, and what it brings, only after something is to be seen and used', async () => {
    const { asked, paintMs, usableMs } = await firstVisit(browser, server)
    const workers = asked.filter(({ url }) => /worker/.test(url))
    expect(workers.length).toBeGreaterThan(0)
    for (const { url, startMs } of workers) {
      expect([url, startMs > paintMs, startMs > usableMs]).toEqual([url, true, true])
    }
  })

  it('comes from this server alone', async () => {
    const { asked } = await firstVisit(browser, server)
    expect(
      asked.map(({ url }) => new URL(url).origin).filter((one) => one !== server.origin),
    ).toEqual([])
  })
})
