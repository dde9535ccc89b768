/**
 * What every test of the web app needs: the real server on a free port and a temporary folder, the real browser, and
 * pages that are watched. A page fails its test by any violation of the content security policy, any error on the
 * console, and any request to elsewhere (`view.complaints()`).
 *
 * `HEARTHOLD_TEST_WEB=folder` tests a web app that was built there; without it apps/web/dist is brought up to date.
 * `HEARTHOLD_TEST_SHOTS=folder` keeps what `view.shot(name)` sees.
 */
import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { type App, createApp, loadConfig } from '@hearthold/server'
import { type Browser, chromium } from 'playwright-core'
import { chromiumLaunch } from '../../tools/chromium.ts'

export { openView, type View, type ViewOptions } from './view.ts'

const root = resolve(import.meta.dirname, '../..')
const silentLog = { debug() {}, info() {}, warn() {}, error() {} }

let built: Promise<string> | undefined

/** The folder of the web app under test. */
const builtWeb = (): Promise<string> => {
  built ??= (async () => {
    const given = process.env['HEARTHOLD_TEST_WEB']
    if (given !== undefined) return resolve(given)
    await promisify(execFile)(process.execPath, [join(root, 'tools', 'build-web.ts')])
    return join(root, 'apps', 'web', 'dist')
  })()
  return built
}

const freePort = (): Promise<number> =>
  new Promise((done, fail) => {
    const server = createServer().once('error', fail)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => done(typeof address === 'object' && address ? address.port : 0))
    })
  })

export type WebServer = {
  /** Where people reach it: `http://localhost:PORT`, without a slash at the end. */
  readonly origin: string
  /** Where it listens. */
  readonly port: number
  /** The same server by its address, where browsers offer no passkeys; it refuses API calls there. */
  readonly addressOrigin: string
  /** Holds its `data` folder. */
  readonly folder: string
  /** The one-time token; undefined once the instance is set up. */
  setUpToken(): string | undefined
  /** ms since 1970 by the server's clock. */
  now(): number
  /** Moves the server's clock (authenticator steps, expiry); browsers keep theirs. */
  advance(ms: number): void
  /** Ends it in the way of SIGTERM; `start` begins it again on the same data and port. */
  stop(): Promise<void>
  start(): Promise<void>
  /** Stops it and removes its folder. */
  dispose(): Promise<void>
}

/**
 * Starts the real server with the built web app. `argv` are further flags of `hearthold serve`; `through` is the origin
 * of a line that leads to it, where people are to use that.
 */
export const startWebServer = async (
  argv: readonly string[] = [],
  through?: string,
): Promise<WebServer> => {
  const folder = mkdtempSync(join(tmpdir(), 'hearthold-web-'))
  const webFolder = await builtWeb()
  const port = await freePort()
  const origin = through ?? `http://localhost:${port}`
  let shift = 0
  const clock = { now: () => Date.now() + shift }
  let app: App | undefined
  const start = async (): Promise<void> => {
    const { config, secrets } = loadConfig({
      argv: ['--listen', `127.0.0.1:${port}`, '--public-url', origin, ...argv],
      env: {},
      folder,
    })
    app = await createApp(config, secrets, silentLog, { clock, webFolder })
    await app.start()
  }
  const stop = async (): Promise<void> => {
    await app?.stop()
    app = undefined
  }
  await start()
  return {
    ...{ origin, port, folder, start, stop },
    addressOrigin: `http://127.0.0.1:${port}`,
    setUpToken: () => app?.setUpToken(),
    now: clock.now,
    advance: (ms) => void (shift += ms),
    dispose: async () => {
      await stop()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

/** The browser that the tests run in; one for a test file is enough, each view is a context of its own. */
export const launchBrowser = async (): Promise<Browser> => chromium.launch(await chromiumLaunch())
