/** The account worker as it is built, in a real browser against the real server; the command line reads what it stored. */
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { Browser, BrowserContext, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { launchBrowser, startWebServer, type WebServer } from './harness.ts'
import { Authenticator } from './worker/authenticator.ts'
import { getByCommandLine } from './worker/command-line.ts'
import { buildWorkerPage } from './worker/worker-page.ts'
import type { AccountStatus } from '../../apps/web/src/workers/account/api.ts'
import type { Harness } from './worker/harness-page.ts'

const password = 'correct horse battery 9'
const secretName = 'Wintermärchen-8461.txt'
const secretText = 'the plaintext marker that nobody but Ada may read'
const mib = 1024 * 1024
/** So many that a reload comes in the middle. */
const bigBytes = 104 * mib

declare const hearthold: Harness

let server: WebServer
let browser: Browser
let context: BrowserContext
let page: Page
const authenticator = new Authenticator(() => server)
let share = ''

const ready = (on: Page): Promise<unknown> => on.waitForFunction(() => 'hearthold' in globalThis)

const openPage = async (): Promise<Page> => {
  const opened = await context.newPage()
  await opened.goto(server.origin)
  await ready(opened)
  return opened
}

const reload = async (): Promise<void> => {
  await page.reload()
  await ready(page)
}

const statusOf = (on: Page): Promise<AccountStatus> =>
  on.evaluate(async (): Promise<AccountStatus> => hearthold.account.identity.status())

const namesIn = (on: Page, folder: string | null = null): Promise<string[]> =>
  on.evaluate(
    async ([id, inside]) => {
      const sort = { by: 'name', descending: false } as const
      const options = { sort, from: 0, count: 1000 }
      const { rows } = await hearthold.account.shares.folder(id, inside, options)
      return rows.map(({ name }) => name)
    },
    [share, folder] as const,
  )

/** SHA-256 of a file as it comes out of the worker, pulled chunk by chunk. */
const downloadedHash = (name: string): Promise<string> =>
  page.evaluate(
    async ([id, wanted]) => {
      const ids = await hearthold.idsOf(id, [wanted])
      const opened = await hearthold.account.transfers.download(id, ids)
      return hearthold.hashOf(opened.port)
    },
    [share, name] as const,
  )

beforeAll(async () => {
  process.env['HEARTHOLD_TEST_WEB'] = await buildWorkerPage()
  server = await startWebServer()
  browser = await launchBrowser()
  context = await browser.newContext({ acceptDownloads: true })
  await context.exposeFunction('nextCode', (secret: string) => authenticator.codeOf(secret))
  page = await openPage()
})

afterAll(async () => {
  await browser.close()
  await server.dispose()
})

describe('account worker', () => {
  it('makes an account, and unlocks by itself after a reload', async () => {
    expect(await statusOf(page)).toEqual({ at: 'not-set-up' })
    const made = await page.evaluate(
      ([token, secret]) => hearthold.signUp(token!, secret!),
      [server.setUpToken(), password],
    )
    expect(made.backupCodes).toHaveLength(10)
    expect(made.recoveryKey).toMatch(/^([0-9A-Z]{4}[ -]){8}[0-9A-Z]{4}$/)
    await reload()
    expect(await statusOf(page)).toMatchObject({
      at: 'unlocked',
      me: { name: 'ada', role: 'host', hasPassword: true },
    })
  })

  it('uploads a folder, lists it, and changes it by acts', async () => {
    share = await page.evaluate(async () => (await hearthold.account.shares.create('Photos')).share)
    const done = await page.evaluate(
      async ([id, name, text]) => {
        const small = Array.from({ length: 300 }, (_, i) => ({
          kind: 'file' as const,
          path: `Trip/day ${i % 7}/note ${i}.txt`,
          file: new File([`note ${i}`], `note ${i}.txt`, { lastModified: 1_700_000_000_000 + i }),
        }))
        const marked = new File([text!], name!, { lastModified: 1_700_000_000_000 })
        const items = [...small, { kind: 'file' as const, path: name!, file: marked }]
        return hearthold.upload(id!, id!, 'Trip', items)
      },
      [share, secretName, secretText],
    )
    expect(done).toMatchObject({ state: 'done', files: 301, filesTotal: 301, skipped: [] })
    expect(await namesIn(page)).toEqual(['Trip', secretName])
    const refused = await page.evaluate(async (id) => {
      const { shares } = hearthold.account
      await shares.makeFolder(id, id, 'Empty')
      const sort = { by: 'name', descending: false } as const
      const { rows } = await shares.folder(id, null, { sort, from: 0, count: 10 })
      const trip = rows.find(({ name }) => name === 'Trip')!
      const empty = rows.find(({ name }) => name === 'Empty')!
      await shares.rename(id, trip.id, 'Journey')
      await shares.copy(id, [trip.id], empty.id)
      const again = shares.makeFolder(id, id, 'Empty')
      return again.then(
        () => undefined,
        (error: { kind: string; code: string }) => [error.kind, error.code],
      )
    }, share)
    expect(refused).toEqual(['problem', 'object_exists'])
    expect(await namesIn(page)).toEqual(['Empty', 'Journey', secretName])
  })

  it('goes on with an upload that a reload cut off, and gives the same bytes back', async () => {
    const size = bigBytes
    const progressed = await page.evaluate(
      ([id, bytes]) => hearthold.uploadUntil(id, 'big.bin', bytes, 0.2),
      [share, size] as const,
    )
    expect(progressed).toBeGreaterThan(0.2 * size)
    await reload()
    await statusOf(page)
    const before = await page.evaluate(() => hearthold.account.transfers.interrupted())
    expect(before).toMatchObject([{ state: 'interrupted', title: 'big.bin', share }])
    const sent: number[] = []
    const note = (url: string): void => {
      if (/\/api\/uploads\/.*\?offset=/.test(url))
        sent.push(Number(new URL(url).searchParams.get('offset')))
    }
    page.context().on('request', (request) => note(request.url()))
    page.on('websocket', (socket) => note(socket.url()))
    const { transfer, sha256 } = await page.evaluate(
      ([id, bytes]) => hearthold.uploadGenerated(id, 'big.bin', bytes),
      [share, size] as const,
    )
    expect(transfer).toMatchObject({ state: 'done', bytes: size })
    // The first part was not sent again.
    expect(sent.length).toBeGreaterThan(0)
    expect(Math.min(...sent)).toBeGreaterThan(0)
    expect(await page.evaluate(() => hearthold.account.transfers.interrupted())).toEqual([])
    expect(await downloadedHash('big.bin')).toBe(sha256)
  }, 300_000)

  it('lets the browser save a file and a zip by the service worker', async () => {
    expect(await page.evaluate(() => hearthold.downloads.startServiceWorker())).toBe(true)
    const saved = async (names: string[]): Promise<{ name: string; bytes: Buffer }> => {
      const waiting = page.waitForEvent('download')
      await page.evaluate(
        async ([id, wanted]) => {
          const ids = await hearthold.idsOf(id, wanted)
          await hearthold.downloads.startDownload(
            await hearthold.account.transfers.download(id, ids),
          )
        },
        [share, names] as const,
      )
      const download = await waiting
      return { name: download.suggestedFilename(), bytes: readFileSync(await download.path()) }
    }
    const one = await saved([secretName])
    expect(one).toEqual({ name: secretName, bytes: Buffer.from(secretText) })
    const zip = await saved([secretName, 'Journey'])
    expect(zip.name).toBe('Photos.zip')
    expect(zip.bytes.subarray(0, 4).toString('latin1')).toBe('PK\u0003\u0004')
    expect(zip.bytes.includes(Buffer.from(secretText))).toBe(true)
    expect(zip.bytes.includes(Buffer.from('Journey/day 3/note 10.txt'))).toBe(true)
  })

  it('gives players the parts they ask for, and never a page', async () => {
    const parts = await page.evaluate(
      async ([id, name]) => {
        const [node] = await hearthold.idsOf(id!, [name!])
        const media = await hearthold.account.transfers.openMedia(id!, node!)
        const opened = await hearthold.downloads.openAddress(media)
        const ask = async (range?: string) => {
          const answer = await fetch(opened!.address, range ? { headers: { range } } : {})
          const { status, headers } = answer
          const place = headers.get('content-range')
          return { status, place, type: headers.get('content-type'), text: await answer.text() }
        }
        const answers = [await ask(), await ask('bytes=4-12'), await ask('bytes=1000-')]
        opened!.close()
        return { answers, gone: (await fetch(opened!.address.replace(/[0-9a-f]{32}/, '0'))).status }
      },
      [share, secretName],
    )
    const size = secretText.length
    const type = 'application/octet-stream'
    expect(parts.answers).toEqual([
      { status: 200, place: null, type, text: secretText },
      { status: 206, place: `bytes 4-12/${size}`, type, text: secretText.slice(4, 13) },
      { status: 416, place: `bytes */${size}`, type, text: '' },
    ])
    expect(parts.gone).toBe(404)
  })

  it('ends an upload at the quota with its name, and keeps what was stored', async () => {
    const { usedBytes } = await page.evaluate(async () => hearthold.account.identity.usage())
    const setQuota = (quotaBytes: number | null): Promise<number> =>
      page.evaluate(
        async ([bytes]) => {
          const status = await hearthold.account.identity.status()
          if (status.at !== 'unlocked') return 0
          const answer = await fetch(`/api/members/${status.me.account}`, {
            method: 'PATCH',
            headers: { 'content-type': 'application/json' },
            body: JSON.stringify({ quotaBytes: bytes }),
          })
          return answer.status
        },
        [quotaBytes] as const,
      )
    expect(await setQuota(usedBytes + 2 * mib)).toBe(200)
    const done = await page.evaluate(async (id) => {
      const items = ['fits.bin', 'too large.bin'].map((name, i) => ({
        kind: 'file' as const,
        path: name,
        file: new File([new Uint8Array(i === 0 ? 1000 : 6_000_000)], name, { lastModified: 1 }),
      }))
      return hearthold.upload(id, id, 'Quota', items)
    }, share)
    expect(done).toMatchObject({ state: 'failed', error: { code: 'over_quota' } })
    expect(await namesIn(page)).toContain('fits.bin')
    expect(await namesIn(page)).not.toContain('too large.bin')
    expect(await setQuota(null)).toBe(200)
  })

  it('follows another tab, unlocks a tab by another one, and signs both out', async () => {
    const other = await openPage()
    expect(await statusOf(other)).toMatchObject({ at: 'unlocked' })
    await namesIn(other)
    await other.evaluate(
      (id) =>
        Promise.all(
          ['one', 'two', 'three'].map((name) =>
            hearthold.account.shares.makeFolder(id, id, `tab ${name}`),
          ),
        ),
      share,
    )
    await page.evaluate(
      (id) =>
        Promise.all(
          ['four', 'five'].map((name) =>
            hearthold.account.shares.makeFolder(id, id, `tab ${name}`),
          ),
        ),
      share,
    )
    const wanted = ['tab five', 'tab four', 'tab one', 'tab three', 'tab two']
    for (const tab of [page, other]) {
      await expect
        .poll(async () => (await namesIn(tab)).filter((name) => name.startsWith('tab')), {
          timeout: 15_000,
        })
        .toEqual(wanted)
    }
    await other.evaluate(() => hearthold.account.identity.signOut())
    await page.waitForFunction(() => hearthold.events.some(({ type }) => type === 'signed-out'))
    const refused = await page.evaluate(() =>
      hearthold.account.shares.list().then(
        () => undefined,
        (error: { code: string }) => error.code,
      ),
    )
    expect(refused).toBe('unauthenticated')
    await other.close()
  })

  it('signs in again by password and code, stays locked after a reload, and is opened by a tab that is not', async () => {
    const status = await page.evaluate(
      ([secret, totp]) => hearthold.signIn(secret!, totp!),
      [password, authenticator.secret],
    )
    expect(status).toMatchObject({ at: 'unlocked', me: { name: 'ada' } })
    const other = await openPage()
    expect(await statusOf(other)).toMatchObject({ at: 'unlocked' })
    await other.close()
    await reload()
    expect(await statusOf(page)).toEqual({
      at: 'locked',
      name: 'ada',
      methods: ['password', 'recovery'],
    })
    const unlocked = await page.evaluate(
      async (secret): Promise<AccountStatus> => hearthold.account.identity.unlockByPassword(secret),
      password,
    )
    expect(unlocked).toMatchObject({ at: 'unlocked' })
    expect(await namesIn(page)).toContain(secretName)
  })

  it('reads without the server, keeps an act for later, and does it once the server is back', async () => {
    // The state is kept a moment after the last change.
    await page.waitForTimeout(4000)
    const before = await namesIn(page)
    await server.stop()
    const refused = await page.evaluate(async (id) => {
      const { shares } = hearthold.account
      return shares.makeFolder(id, id, 'made without the server').then(
        () => undefined,
        (error: { kind: string; code: string }) => [error.kind, error.code],
      )
    }, share)
    expect(refused).toEqual(['network', 'kept_for_later'])
    expect(await namesIn(page)).toEqual(before)
    expect(await page.evaluate(async () => (await hearthold.account.shares.list())[0]!.name)).toBe(
      'Photos',
    )
    await server.start()
    await expect.poll(() => namesIn(page), { timeout: 60_000 }).toContain('made without the server')
  })

  it('drops its keys when its session is ended elsewhere', async () => {
    const other = await browser.newContext()
    const elsewhere = await other.newPage()
    await other.exposeFunction('nextCode', (secret: string) => authenticator.codeOf(secret))
    await elsewhere.goto(server.origin)
    await ready(elsewhere)
    await elsewhere.evaluate(
      ([secret, totp]) => hearthold.signIn(secret!, totp!),
      [password, authenticator.secret],
    )
    const devices = await elsewhere.evaluate(async () => hearthold.account.account.devices())
    expect(devices).toHaveLength(2)
    await elsewhere.evaluate(async () => hearthold.account.account.endOtherSessions())
    await page.waitForFunction(() =>
      hearthold.events.some((one) => one.type === 'signed-out' && one.reason === 'revoked'),
    )
    const refused = await page.evaluate(async () =>
      hearthold.account.shares.list().then(
        () => undefined,
        (error: { code: string }) => error.code,
      ),
    )
    expect(refused).toBe('unauthenticated')
    expect(await statusOf(page)).toEqual({ at: 'signed-out' })
    await other.close()
  })

  it('keeps nothing readable in the browser', async () => {
    await page.waitForTimeout(4000)
    const raw = Buffer.from(await page.evaluate(() => hearthold.rawStore()), 'base64')
    expect(raw.length).toBeGreaterThan(1000)
    expect(raw.includes(Buffer.from(share))).toBe(true)
    const forbidden = [
      secretName,
      secretText,
      'Journey',
      'Photos',
      'note 10',
      '"name":"ada"',
      password,
      'big.bin',
    ]
    const found = forbidden.filter((text) =>
      (['utf8', 'utf16le'] as const).some((encoding) => raw.includes(Buffer.from(text, encoding))),
    )
    expect(found).toEqual([])
  })

  it('stored what the command line opens', async () => {
    const code = authenticator.codeOf(authenticator.secret)
    const signIn = { origin: server.origin, name: 'ada', password, code }
    const got = await getByCommandLine(signIn, 'Photos', [secretName, 'big.bin'])
    expect(got[0]!.toString('utf8')).toBe(secretText)
    const expected = await page.evaluate(([bytes]) => hearthold.generatedHash(bytes!), [bigBytes])
    expect(createHash('sha256').update(got[1]!).digest('hex')).toBe(expected)
  })
})
