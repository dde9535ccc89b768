/** The account worker and the downloads of its page where things go wrong: the browser's store, the server, the tab. */
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { totpCode } from '@hearthold/member'
import type { Browser, BrowserContext, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { launchBrowser, startWebServer, type WebServer } from './harness.ts'
import { buildWorkerPage } from './worker/worker-page.ts'
import type { AccountStatus } from '../../apps/web/src/workers/account/api.ts'
import type { Harness } from './worker/harness-page.ts'

const password = 'correct horse battery 9'
const mib = 1024 * 1024
/** So many that the browser holds them in several parts on its way to the disk. */
const stagedBytes = 40 * mib

declare const hearthold: Harness

let server: WebServer
let browser: Browser
/** Without a service worker, as behind a certificate that the browser was told to accept. */
let context: BrowserContext
let page: Page
let totpSecret = ''
let usedStep: number | undefined
let share = ''
let bigHash = ''

const code = async (): Promise<string> => {
  for (;;) {
    const next = totpCode(totpSecret, server.now(), usedStep)
    if ('code' in next) {
      usedStep = next.step
      return next.code
    }
    server.advance(next.waitMs)
  }
}

const openPage = async (of = context): Promise<Page> => {
  const opened = await of.newPage()
  await opened.goto(server.origin)
  await opened.waitForFunction(() => 'hearthold' in globalThis)
  return opened
}

const reload = async (tab = page): Promise<void> => {
  await tab.reload()
  await tab.waitForFunction(() => 'hearthold' in globalThis)
}

const statusOf = (on: Page): Promise<AccountStatus> =>
  on.evaluate(async (): Promise<AccountStatus> => hearthold.account.identity.status())

const names = (tab = page): Promise<string[]> =>
  tab.evaluate(async (id) => {
    const sort = { by: 'name', descending: false } as const
    const { rows } = await hearthold.account.shares.folder(id, null, { sort, from: 0, count: 100 })
    return rows.map(({ name }) => name)
  }, share)

const toldUnavailable = (tab = page): Promise<number> =>
  tab.evaluate(() => hearthold.events.filter(({ type }) => type === 'store-unavailable').length)

/** What lies in the browser's own file system now, under the name of staged downloads. */
const staged = (tab = page): Promise<string[]> => tab.evaluate(() => hearthold.stagedFiles())

/** Saves a file by the page; the browser has copied it when this resolves. */
const save = async (name: string, keptMs: number): Promise<{ name: string; bytes: Buffer }> => {
  const waiting = page.waitForEvent('download')
  await page.evaluate(
    async ([id, wanted, ms]) => {
      const ids = await hearthold.idsOf(id, [wanted])
      const opened = await hearthold.account.transfers.download(id, ids)
      await hearthold.downloads.startDownload(opened, ms)
    },
    [share, name, keptMs] as const,
  )
  const download = await waiting
  return { name: download.suggestedFilename(), bytes: readFileSync(await download.path()) }
}

const newContext = async (): Promise<BrowserContext> => {
  const made = await browser.newContext({ acceptDownloads: true, serviceWorkers: 'block' })
  await made.exposeFunction('nextCode', async (secret: string) => {
    totpSecret = secret
    return code()
  })
  return made
}

beforeAll(async () => {
  process.env['HEARTHOLD_TEST_WEB'] = await buildWorkerPage()
  server = await startWebServer()
  browser = await launchBrowser()
  context = await newContext()
  page = await openPage()
  await page.evaluate(
    ([token, secret]) => hearthold.signUp(token!, secret!),
    [server.setUpToken(), password],
  )
  share = await page.evaluate(async () => (await hearthold.account.shares.create('Photos')).share)
  const { sha256 } = await page.evaluate(
    ([id, size]) => hearthold.uploadGenerated(id, 'big.bin', size),
    [share, stagedBytes] as const,
  )
  bigHash = sha256
})

afterAll(async () => {
  await browser.close()
  await server.dispose()
})

describe('downloads without a service worker', () => {
  it('are staged in a file of the browser, which is removed when it was saved', async () => {
    const requested: string[] = []
    context.on('request', (request) => requested.push(request.url()))
    const saved = await save('big.bin', 3_000)
    expect(saved.name).toBe('big.bin')
    expect(createHash('sha256').update(saved.bytes).digest('hex')).toBe(bigHash)
    await expect.poll(() => staged(), { timeout: 10_000 }).toEqual([])
    // Neither the name nor anything opened was asked of the server.
    expect(requested.filter((url) => /big|opened/.test(url) && url.startsWith('http'))).toEqual([])
  })

  it('keep the whole file out of memory', async () => {
    const peak = await page.evaluate(
      async ([id]) => {
        const { account, downloads } = hearthold
        const ids = await hearthold.idsOf(id, ['big.bin'])
        const opened = await account.transfers.download(id, ids)
        let [most, pulls] = [0, 0]
        const { port1, port2 } = new MessageChannel()
        // Between the worker and the one that stages: how much was given and not yet asked for again.
        opened.port.addEventListener(
          'message',
          ({ data }: MessageEvent<{ chunk?: ArrayBuffer }>) => {
            most = Math.max(most, data.chunk?.byteLength ?? 0)
            port1.postMessage(data, data.chunk ? [data.chunk] : [])
          },
        )
        let waiting = 0
        port1.addEventListener('message', ({ data }: MessageEvent<object>) => {
          waiting = Math.max(waiting, ++pulls)
          opened.port.postMessage(data, [])
        })
        opened.port.addEventListener('message', () => pulls--)
        opened.port.start()
        port1.start()
        await downloads.startDownload({ ...opened, port: port2 }, 100)
        return { most, waiting }
      },
      [share] as const,
    )
    expect(peak.most).toBeGreaterThan(0)
    expect(peak.most).toBeLessThanOrEqual(4 * mib)
    expect(peak.waiting).toBe(1)
    await expect.poll(() => staged(), { timeout: 10_000 }).toEqual([])
  })

  it('leave nothing where the tab is closed too early: the next one tidies up', async () => {
    const other = await openPage()
    await statusOf(other)
    await other.evaluate(
      async ([id]) => {
        const ids = await hearthold.idsOf(id, ['big.bin'])
        const opened = await hearthold.account.transfers.download(id, ids)
        await hearthold.downloads.startDownload(opened, 600_000)
      },
      [share] as const,
    )
    expect(await staged()).toHaveLength(1)
    await other.close()
    expect(await staged()).toHaveLength(1)
    await reload()
    await statusOf(page)
    await expect.poll(() => staged(), { timeout: 10_000 }).toEqual([])
  })

  it('leave nothing where the file does not verify', async () => {
    const failed = await page.evaluate(
      async ([id]) => {
        const ids = await hearthold.idsOf(id, ['big.bin'])
        const opened = await hearthold.account.transfers.download(id, ids)
        const { port1, port2 } = new MessageChannel()
        let pulls = 0
        port1.addEventListener('message', () => {
          const lied = { error: { code: 'object_altered', message: 'The bytes were altered.' } }
          port1.postMessage(pulls++ < 3 ? { chunk: new ArrayBuffer(1000) } : lied)
        })
        port1.start()
        opened.port.postMessage({ cancel: true }, [])
        return hearthold.downloads.startDownload({ ...opened, port: port2 }).then(
          () => undefined,
          (error: { code: string }) => error.code,
        )
      },
      [share] as const,
    )
    expect(failed).toBe('object_altered')
    expect(await staged()).toEqual([])
  })

  it('go when somebody signs out', async () => {
    await save('big.bin', 600_000)
    expect(await staged()).toHaveLength(1)
    await page.evaluate(async () => hearthold.account.identity.signOut())
    await expect.poll(() => staged(), { timeout: 10_000 }).toEqual([])
    expect(await toldUnavailable()).toBe(0)
    await page.evaluate(
      ([secret, totp]) => hearthold.signIn(secret!, totp!, true),
      [password, totpSecret],
    )
    expect(await names()).toEqual(['big.bin'])
  })
})

describe('uploads', () => {
  it('end when somebody signs out, and nothing of them goes on', async () => {
    await page.evaluate(
      ([id]) => hearthold.uploadUntil(id, 'cut off.bin', 100 * 1024 * 1024, 0.05),
      [share] as const,
    )
    await page.evaluate(async () => hearthold.account.identity.signOut())
    const ended = await page.evaluate(() => hearthold.endedOf('cut off.bin'))
    expect(ended).toMatchObject({ state: 'failed', error: { code: 'abort' } })
    const sent: string[] = []
    const hear = (request: { url(): string }): void => void sent.push(request.url())
    context.on('request', hear)
    await page.waitForTimeout(6_000)
    context.off('request', hear)
    expect(sent).toEqual([])
    expect(await toldUnavailable()).toBe(0)
    await page.evaluate(
      ([secret, totp]) => hearthold.signIn(secret!, totp!, true),
      [password, totpSecret],
    )
    const left = await page.evaluate(() => hearthold.account.transfers.interrupted())
    expect(left).toMatchObject([{ title: 'cut off.bin', state: 'interrupted' }])
  }, 120_000)
})

describe("the browser's store", () => {
  it('full: another browser signs in and works, and says so once', async () => {
    const other = await newContext()
    const tab = await openPage(other)
    const cdp = await other.newCDPSession(tab)
    const { origin } = server
    await cdp.send('Storage.overrideQuotaForOrigin', { origin, quotaSize: 1 })
    const status = await tab.evaluate(
      ([secret, totp]) => hearthold.signIn(secret!, totp!, true),
      [password, totpSecret],
    )
    expect(status).toMatchObject({ at: 'unlocked' })
    await expect.poll(() => toldUnavailable(tab), { timeout: 10_000 }).toBe(1)
    const wanted = ['full one', 'full three', 'full two']
    await tab.evaluate(
      async ([id, folders]) => {
        for (const name of folders) await hearthold.account.shares.makeFolder(id, id, name)
      },
      [share, wanted] as const,
    )
    const { transfer } = await tab.evaluate(
      ([id, bytes]) => hearthold.uploadGenerated(id, 'full.bin', bytes),
      [share, 8 * mib] as const,
    )
    expect(transfer.state).toBe('done')
    expect((await names(tab)).filter((name) => name.startsWith('full'))).toEqual([
      ...wanted,
      'full.bin',
    ])
    const refused = await tab.evaluate(
      async ([id]) => {
        const ids = await hearthold.idsOf(id, ['full.bin'])
        const opened = await hearthold.account.transfers.download(id, ids)
        return hearthold.downloads.startDownload(opened).then(
          () => undefined,
          (error: { code: string }) => error.code,
        )
      },
      [share] as const,
    )
    expect(refused).toBe('device_full')
    expect(await staged(tab)).toEqual([])
    expect(await toldUnavailable(tab)).toBe(1)
    // Nothing could be kept: it unlocks again after a reload, and has all from the server.
    await reload(tab)
    expect(await statusOf(tab)).toMatchObject({ at: 'locked', name: 'ada' })
    await other.close()
  }, 120_000)

  it('deleted under the running app: it works on, and after a reload all is had again from the server', async () => {
    const before = await names()
    await page.evaluate(() => hearthold.deleteStore())
    await page.evaluate(async (id) => {
      await hearthold.account.shares.makeFolder(id, id, 'after the eviction')
    }, share)
    const after = [...before, 'after the eviction'].sort()
    expect((await names()).sort()).toEqual(after)
    await reload()
    expect(await statusOf(page)).toMatchObject({ at: 'locked', name: 'ada' })
    const unlocked = await page.evaluate(
      async (secret): Promise<AccountStatus> => hearthold.account.identity.unlockByPassword(secret),
      password,
    )
    expect(unlocked).toMatchObject({ at: 'unlocked', me: { name: 'ada' } })
    expect((await names()).sort()).toEqual(after)
    // It stayed signed in, so that it unlocks by itself again.
    await reload()
    expect(await statusOf(page)).toMatchObject({ at: 'unlocked' })
    expect((await names()).sort()).toEqual(after)
  }, 120_000)
})
