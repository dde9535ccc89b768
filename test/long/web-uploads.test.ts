/** Uploads by the account worker that take long: many files at once, and a server that is away longer than one is patient. */
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { launchBrowser, startWebServer, type WebServer } from '../web/harness.ts'
import { Authenticator } from '../web/worker/authenticator.ts'
import type { Harness } from '../web/worker/harness-page.ts'
import { buildWorkerPage } from '../web/worker/worker-page.ts'

const mib = 1024 * 1024

declare const hearthold: Harness

let server: WebServer
let browser: Browser
let page: Page
let share = ''

beforeAll(async () => {
  process.env['HEARTHOLD_TEST_WEB'] = await buildWorkerPage()
  server = await startWebServer()
  browser = await launchBrowser()
  const context = await browser.newContext({ acceptDownloads: true, serviceWorkers: 'block' })
  const authenticator = new Authenticator(() => server)
  await context.exposeFunction('nextCode', (secret: string) => authenticator.codeOf(secret))
  page = await context.newPage()
  await page.goto(server.origin)
  await page.waitForFunction(() => 'hearthold' in globalThis)
  await page.evaluate(
    ([token, secret]) => hearthold.signUp(token!, secret!),
    [server.setUpToken(), 'correct horse battery 9'],
  )
  share = await page.evaluate(async () => (await hearthold.account.shares.create('Photos')).share)
})

afterAll(async () => {
  await browser.close()
  await server.dispose()
})

/** SHA-256 of a file as it comes out of the worker. */
const downloadedHash = (name: string): Promise<string> =>
  page.evaluate(
    async ([id, wanted]) => {
      const ids = await hearthold.idsOf(id, [wanted])
      const opened = await hearthold.account.transfers.download(id, ids)
      return hearthold.hashOf(opened.port)
    },
    [share, name] as const,
  )

describe('uploads', () => {
  it('ride out a server that is away for longer than they are patient at once', async () => {
    const size = 256 * mib
    await page.evaluate(([id, bytes]) => hearthold.uploadUntil(id, 'restart.bin', bytes, 0.1), [
      share,
      size,
    ] as const)
    await server.stop()
    await page.waitForTimeout(6_000)
    await server.start()
    const done = await page.evaluate(() => hearthold.endedOf('restart.bin'))
    expect(done).toMatchObject({ state: 'done', bytes: size })
    const expected = await page.evaluate(([bytes]) => hearthold.generatedHash(bytes), [
      size,
    ] as const)
    expect(await downloadedHash('restart.bin')).toBe(expected)
  })

  it('take 10,000 small files that are dropped at once', async () => {
    const count = 10_000
    const before = (await page.evaluate(() => hearthold.account.shares.list()))[0]!.items
    const done = await page.evaluate(
      async ([id, wanted]) => {
        const items = Array.from({ length: wanted }, (_, i) => {
          const name = `note ${i}.txt`
          return {
            kind: 'file' as const,
            path: `Dropped/day ${i % 40}/${name}`,
            file: new File([`this is note ${i}`], name, { lastModified: 1_700_000_000_000 + i }),
          }
        })
        const started = performance.now()
        const transfer = await hearthold.upload(id, id, 'Dropped', items)
        return { transfer, seconds: (performance.now() - started) / 1000 }
      },
      [share, count] as const,
    )
    expect(done.transfer).toMatchObject({
      state: 'done',
      files: count,
      filesTotal: count,
      skipped: [],
    })
    const after = await page.evaluate(async (id) => {
      const [row] = await hearthold.account.shares.list()
      const [dropped] = await hearthold.idsOf(id, ['Dropped'])
      const sort = { by: 'name', descending: false } as const
      const options = { sort, from: 0, count: 5000 }
      const days = await hearthold.account.shares.folder(id, dropped!, options)
      let files = 0
      for (const day of days.rows)
        files += (await hearthold.account.shares.folder(id, day.id, options)).total
      return { items: row!.items, days: days.total, files }
    }, share)
    // The folder, its 40 folders, and what was dropped.
    expect(after).toEqual({ items: before + 1 + 40 + count, days: 40, files: count })
  })
})
