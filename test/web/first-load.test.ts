/**
 * What must come over the line before somebody can sign in. The budget is no matter of speed: it is the same on every
 * machine. Counted are the answers of the real server as they travel, compressed with gzip, of every script and style
 * that the browser asks for until the form can be used, needed or not.
 */
import { get } from 'node:http'
import { gunzipSync } from 'node:zlib'
import { createClient } from '@hearthold/client'
import { createAccount, memoryHeads, totpCode } from '@hearthold/member'
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { nodeTransport } from '../../apps/cli/src/transport/node-transport.ts'
import { launchBrowser, openView, startWebServer, type WebServer } from './harness.ts'

const budgetBytes = 120_000

let server: WebServer
let browser: Browser

type Asked = { readonly url: string; readonly startMs: number; readonly endMs: number }
type Load = {
  /** When something was first to be seen. */
  readonly paintMs: number
  /** When the form could be used. */
  readonly usableMs: number
  readonly asked: readonly Asked[]
}

/** Runs before any script: notes when the form can be used. */
const watchForm = (): void => {
  const look = (): void => {
    const [name, password] = [
      document.querySelector<HTMLInputElement>('input[autocomplete~="username"]'),
      document.querySelector<HTMLInputElement>('input[type="password"]'),
    ]
    const button = document.querySelector<HTMLButtonElement>('button[type="submit"]')
    if (!name || !password || !button || name.disabled || button.disabled) return
    observer.disconnect()
    Object.assign(globalThis, { usableMs: performance.now() })
  }
  const observer = new MutationObserver(look)
  observer.observe(document, { childList: true, subtree: true, attributes: true })
}

/** One visit with an empty profile, up to an idle page. */
const visit = async (): Promise<Load> => {
  const view = await openView(browser)
  await view.context.addInitScript(watchForm)
  const { page } = view
  await page.goto(`${server.origin}/sign-in`)
  await page.getByRole('button', { name: 'Sign in', exact: true }).waitFor()
  await page.waitForFunction(() => 'usableMs' in globalThis)
  await page.waitForFunction(() =>
    performance.getEntriesByType('resource').some(({ name }) => name.includes('account-worker')),
  )
  const load = await page.evaluate(() => {
    const entries = performance.getEntriesByType('resource')
    return {
      paintMs: performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? Infinity,
      usableMs: (globalThis as unknown as { usableMs: number }).usableMs,
      asked: entries.map(({ name, startTime, duration }) => ({
        url: name,
        startMs: startTime,
        endMs: startTime + duration,
      })),
    }
  })
  expect(await view.complaints()).toEqual([])
  await view.close()
  return load
}

/** Bytes of a file as they come over the line; refuses what comes uncompressed although it would be smaller. */
const gzipBytes = (url: string): Promise<number> =>
  new Promise((resolve, reject) => {
    const request = get(url, { headers: { 'accept-encoding': 'gzip' } }, (response) => {
      const parts: Buffer[] = []
      response.on('data', (part: Buffer) => parts.push(part))
      response.on('error', reject)
      response.on('end', () => {
        const body = Buffer.concat(parts)
        expect([url, response.statusCode]).toEqual([url, 200])
        const isGzip = response.headers['content-encoding'] === 'gzip'
        const plain = isGzip ? gunzipSync(body).length : body.length
        // A file of a few bytes does not become smaller.
        expect([url, isGzip || plain < 200]).toEqual([url, true])
        resolve(body.length)
      })
    })
    request.on('error', reject)
  })

/** A server without a host has no form for signing in. */
const setUpHost = async (): Promise<void> => {
  const transport = nodeTransport({ origin: server.origin })
  const client = createClient({ transport })
  await createAccount(
    { client, heads: memoryHeads() },
    {
      pass: { setUpToken: server.setUpToken()!, instanceName: 'Test' },
      name: 'ada',
      way: {
        kind: 'password',
        password: 'correct horse battery 9',
        keepTotp: ({ secret }) => {
          const next = totpCode(secret, server.now())
          if ('code' in next) return Promise.resolve(next.code)
          throw new Error('A first code needs no waiting.')
        },
      },
      deviceLabel: 'test',
      keepRecoveryKey: () => Promise.resolve(),
      transport: 'bearer',
    },
  )
  transport.close()
}

const sum = (values: readonly number[]): number => values.reduce((all, one) => all + one, 0)

beforeAll(async () => {
  server = await startWebServer()
  await setUpHost()
  browser = await launchBrowser()
})
afterAll(async () => {
  await browser.close()
  await server.dispose()
})

describe('the first visit', () => {
  it('needs at most 120 kB of scripts and styles until the form can be used', async () => {
    const { asked, usableMs } = await visit()
    const before = asked.filter(({ startMs }) => startMs <= usableMs).map(({ url }) => url)
    const code = before.filter((url) => /\.(?:js|css)$/.test(new URL(url).pathname))
    expect(code.some((url) => url.endsWith('.js'))).toBe(true)
    expect(code.some((url) => url.endsWith('.css'))).toBe(true)
    const sizes = await Promise.all(code.map(gzipBytes))
    const list = code.map((url, i) => `${sizes[i]} ${new URL(url).pathname}`)
    // The list is there to be read where the budget is exceeded.
    expect(sum(sizes) <= budgetBytes ? [] : list).toEqual([])
    expect(sum(sizes)).toBeGreaterThan(10_000)
  })

  it('asks for the worker, and what it brings, only after something is to be seen and used', async () => {
    const { asked, paintMs, usableMs } = await visit()
    const workers = asked.filter(({ url }) => /worker/.test(url))
    expect(workers.length).toBeGreaterThan(0)
    for (const { url, startMs } of workers) {
      expect([url, startMs > paintMs, startMs > usableMs]).toEqual([url, true, true])
    }
  })

  it('comes from this server alone', async () => {
    const { asked } = await visit()
    expect(
      asked.map(({ url }) => new URL(url).origin).filter((one) => one !== server.origin),
    ).toEqual([])
  })
})
