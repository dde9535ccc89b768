/** A first visit to the sign-in page, and what came over the line for it; for the test of the budget and for the bench. */
import { get } from 'node:http'
import { gunzipSync } from 'node:zlib'
import { createClient } from '@hearthold/client'
import { createAccount, memoryHeads, totpCode } from '@hearthold/member'
import type { Browser } from 'playwright-core'
import { nodeTransport } from '../../apps/cli/src/transport/node-transport.ts'
import { openView, type WebServer } from './harness.ts'

export type Asked = { readonly url: string; readonly startMs: number; readonly endMs: number }
export type Load = {
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
export const firstVisit = async (browser: Browser, server: WebServer): Promise<Load> => {
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
  const complaints = await view.complaints()
  await view.close()
  if (complaints.length > 0) throw new Error(complaints.join('\n'))
  return load
}

/** Bytes of a file as they come over the line; refuses what comes uncompressed although it would be smaller. */
export const gzipBytes = (url: string): Promise<number> =>
  new Promise((resolve, reject) => {
    const request = get(url, { headers: { 'accept-encoding': 'gzip' } }, (response) => {
      const parts: Buffer[] = []
      response.on('data', (part: Buffer) => parts.push(part))
      response.on('error', reject)
      response.on('end', () => {
        const body = Buffer.concat(parts)
        const isGzip = response.headers['content-encoding'] === 'gzip'
        const plain = isGzip ? gunzipSync(body).length : body.length
        // A file of a few bytes does not become smaller.
        const isSmall = isGzip || plain < 200
        if (response.statusCode === 200 && isSmall) resolve(body.length)
        else reject(new Error(`${url}: ${response.statusCode}, gzip: ${isGzip}`))
      })
    })
    request.on('error', reject)
  })

/** A server without a host has no form for signing in. */
export const setUpHost = async (server: WebServer): Promise<void> => {
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

/** The scripts and styles that were asked for until the form could be used. */
export const codeOf = ({ asked, usableMs }: Load): string[] =>
  asked
    .filter(
      ({ startMs, url }) => startMs <= usableMs && /\.(?:js|css)$/.test(new URL(url).pathname),
    )
    .map(({ url }) => url)
