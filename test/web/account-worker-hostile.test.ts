/** What other code of the same origin, an odd server or a bad moment can get out of the worker and the service worker. */
import type { Browser, BrowserContext, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { launchBrowser, startWebServer, type WebServer } from './harness.ts'
import { Authenticator } from './worker/authenticator.ts'
import { buildWorkerPage } from './worker/worker-page.ts'
import type { AccountStatus } from '../../apps/web/src/workers/account/api.ts'
import type { Harness } from './worker/harness-page.ts'

const password = 'correct horse battery 9'
const secretName = 'Wintermärchen-8461.txt'

declare const hearthold: Harness

let server: WebServer
let browser: Browser
let context: BrowserContext
let page: Page
let share = ''
const authenticator = new Authenticator(() => server)

const openPage = async (): Promise<Page> => {
  const opened = await context.newPage()
  await opened.goto(server.origin)
  await opened.waitForFunction(() => 'hearthold' in globalThis)
  return opened
}

const statusOf = (on: Page): Promise<AccountStatus> =>
  on.evaluate(async (): Promise<AccountStatus> => hearthold.account.identity.status())

const signIn = (stay: boolean): Promise<AccountStatus> =>
  page.evaluate(
    async ([secret, totp, stays]): Promise<AccountStatus> => hearthold.signIn(secret, totp, stays),
    [password, authenticator.secret, stay] as const,
  )

/** Where the service worker keeps what, by path. */
const cached = (): Promise<string[]> =>
  page.evaluate(async () => {
    const paths: string[] = []
    for (const name of await caches.keys()) {
      for (const { url } of await (await caches.open(name)).keys())
        paths.push(url.slice(location.origin.length))
    }
    return paths.sort()
  })

/** How many rows lie in an area of the profile's store. */
const rowsIn = (area: string): Promise<number> =>
  page.evaluate(
    (wanted) =>
      new Promise<number>((resolve) => {
        const opening = indexedDB.open('hearthold')
        opening.addEventListener('success', () => {
          const counting = opening.result.transaction(wanted).objectStore(wanted).count()
          counting.addEventListener('success', () => {
            opening.result.close()
            resolve(counting.result)
          })
        })
      }),
    area,
  )

beforeAll(async () => {
  process.env['HEARTHOLD_TEST_WEB'] = await buildWorkerPage()
  server = await startWebServer()
  browser = await launchBrowser()
  context = await browser.newContext({ acceptDownloads: true })
  await context.exposeFunction('nextCode', (secret: string) => authenticator.codeOf(secret))
  page = await openPage()
  await page.evaluate(
    ([token, secret]) => hearthold.signUp(token!, secret!),
    [server.setUpToken(), password],
  )
  share = await page.evaluate(async () => (await hearthold.account.shares.create('Photos')).share)
  await page.evaluate(
    async ([id, name]) => {
      const file = new File(['only Ada may read this'], name!, { lastModified: 1 })
      await hearthold.upload(id!, id!, name!, [{ kind: 'file', path: name!, file }])
    },
    [share, secretName],
  )
  await page.evaluate(() => hearthold.downloads.startServiceWorker())
  await page.waitForFunction(() => navigator.serviceWorker.controller !== null)
})

afterAll(async () => {
  await browser.close()
  await server.dispose()
})

describe('service worker', () => {
  it('makes no page of what is opened, whatever a page says about it', async () => {
    const id = 'ab'.repeat(16)
    const html = '<script>opener?.stolen(); globalThis.ran = true</script>'
    await page.evaluate(
      ([wanted, text]) => {
        navigator.serviceWorker.addEventListener('message', ({ data, ports }) => {
          if (data.id !== wanted) return
          const { port1, port2 } = new MessageChannel()
          const chunks = [{ chunk: new TextEncoder().encode(text).buffer }, { end: true }]
          port1.addEventListener('message', () => port1.postMessage(chunks.shift() ?? {}, []))
          port1.start()
          const headers = {
            'content-type': 'text/html',
            'content-disposition': 'inline',
            'content-security-policy': '',
            'set-cookie': 'a=b',
            'x-frame-options': 'ALLOWALL',
          }
          ports[0]!.postMessage({ status: 200, headers, port: port2 }, [port2])
        })
      },
      [id, html],
    )
    const got = await page.evaluate(async (wanted) => {
      const answer = await fetch(`/opened/${wanted}`)
      return { headers: Object.fromEntries(answer.headers), text: await answer.text() }
    }, id)
    expect(got.text).toBe(html)
    expect(got.headers).toEqual({
      'cache-control': 'no-store',
      'content-disposition': 'attachment',
      'content-security-policy': "default-src 'none'; sandbox",
      'content-type': 'application/octet-stream',
      'cross-origin-resource-policy': 'same-origin',
      'referrer-policy': 'no-referrer',
      'x-content-type-options': 'nosniff',
    })
    const downloading = page.waitForEvent('download')
    await page.evaluate((wanted) => void open(`/opened/${wanted}`), id)
    await downloading
    expect(await page.evaluate(() => 'ran' in globalThis)).toBe(false)
  })

  it('asks the server for nothing that was opened, and takes no other method there', async () => {
    const asked: string[] = []
    context.on('request', (request) => {
      if (request.serviceWorker()) asked.push(request.url())
    })
    const statuses = await page.evaluate(async () => {
      const paths = ['/opened/', `/opened/${'0'.repeat(32)}/name.txt`, '/opened/../opened/x']
      const answers = [
        ...paths.map((path) => fetch(path)),
        fetch(`/opened/${'0'.repeat(32)}`, { method: 'HEAD' }),
        fetch(`/opened/${'0'.repeat(32)}`, { method: 'POST', body: 'x' }),
      ]
      return (await Promise.all(answers)).map(({ status }) => status)
    })
    expect(statuses).toEqual([404, 404, 404, 405, 405])
    expect(asked.filter((url) => url.includes('opened'))).toEqual([])
  })

  it('keeps the files of the app, and no answer or page of another kind', async () => {
    const other = await openPage()
    for (const path of ['/healthz', '/api/session', '/api/instance', '/nowhere/at/all']) {
      await other.goto(server.origin + path)
    }
    await other.evaluate(() =>
      Promise.all(['/icon.svg?x=1', '/assets/?x', '/healthz'].map((path) => fetch(path))),
    )
    await other.close()
    const kept = await cached()
    expect(kept).toContain('/')
    expect(kept.filter((path) => !/^\/(?:assets\/[\w.-]+|[\w-]+\.\w+)?$/.test(path))).toEqual([])
    const page0 = await page.evaluate(async () => {
      const [name = ''] = await caches.keys()
      return (await (await caches.open(name)).match('/'))!.text()
    })
    expect(page0).toContain('<!doctype html>')
  })
})

describe('account worker', () => {
  it('signs out at once, also while another tab waits for a person', async () => {
    const other = await openPage()
    await statusOf(other)
    // Holds what changes of methods wait for, as a tab does that asks for a code.
    await other.evaluate(() => {
      void navigator.locks.request('hearthold/identity', () => new Promise(() => undefined))
    })
    const started = Date.now()
    await page.evaluate(async () => hearthold.account.identity.signOut())
    expect(Date.now() - started).toBeLessThan(10_000)
    await other.close()
    expect(await rowsIn('methods')).toBe(0)
    expect(await rowsIn('answers')).toBe(0)
    expect(await statusOf(page)).toEqual({ at: 'signed-out' })
  })

  it('gives up unlocking where another tab signs out meanwhile', async () => {
    expect(await signIn(true)).toMatchObject({ at: 'unlocked' })
    const { me } = (await statusOf(page)) as Extract<AccountStatus, { at: 'unlocked' }>
    const other = await openPage()
    // The answer to the first question of unlocking waits until the sign-out is through.
    let go = (): void => undefined
    const signedOut = new Promise<void>((resolve) => (go = resolve))
    await context.route(/\/api\/logs\/[0-9a-f]{32}\/entries/, async (route) => {
      const answer = await route.fetch()
      await signedOut
      await route.fulfill({ response: answer })
    })
    const opening = other.evaluate(() =>
      hearthold.account.identity.status().then(
        ({ at }) => at,
        (error: { code: string }) => error.code,
      ),
    )
    await other.waitForTimeout(1_000)
    await page.evaluate((account) => {
      const channel = new BroadcastChannel('hearthold/tabs')
      // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a channel of this origin
      channel.postMessage({ news: 'signed-out', account })
      channel.close()
    }, me.account)
    await page.waitForFunction(() => hearthold.events.some(({ type }) => type === 'signed-out'))
    go()
    expect(await opening).toBe('unauthenticated')
    await context.unrouteAll()
    const refused = await other.evaluate(() =>
      hearthold.account.shares.list().then(
        () => undefined,
        (error: { code: string }) => error.code,
      ),
    )
    expect(refused).toBe('unauthenticated')
    expect(await rowsIn('methods')).toBe(0)
    await other.close()
  })

  it('keeps nothing that unlocks where the session ended while no tab was open', async () => {
    await page.reload()
    await page.waitForFunction(() => 'hearthold' in globalThis)
    expect(await signIn(true)).toMatchObject({ at: 'unlocked' })
    expect(await rowsIn('methods')).toBe(1)
    await context.clearCookies()
    await page.reload()
    await page.waitForFunction(() => 'hearthold' in globalThis)
    expect(await statusOf(page)).toEqual({ at: 'signed-out' })
    expect(await rowsIn('methods')).toBe(0)
    expect(await rowsIn('answers')).toBe(0)
  })
})
