/** One page in a browser profile of its own, watched from its first moment. */
import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { Browser, BrowserContext, CDPSession, ConsoleMessage, Page } from 'playwright-core'

export type ViewOptions = {
  /** Default 1280 x 800; `phone` is 360 x 740 with touch. */
  readonly size?: 'wide' | 'phone' | { readonly width: number; readonly height: number }
  readonly colorScheme?: 'light' | 'dark'
  readonly contrast?: 'more' | 'no-preference'
  readonly reducedMotion?: 'reduce' | 'no-preference'
  /** A virtual authenticator: with PRF (default), without it, or none at all. */
  readonly passkeys?: 'prf' | 'no-prf' | 'none'
}

export type RecordedRequest = {
  readonly method: string
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: Buffer | undefined
}

/** Switches of the virtual authenticator. */
export type Authenticator = {
  /** False: the person does not touch it or fails verification, and the ceremony ends with NotAllowedError. */
  willing(yes: boolean): Promise<void>
  credentials(): Promise<number>
}

export type View = {
  readonly page: Page
  readonly context: BrowserContext
  /** All requests of the page and its workers so far. */
  readonly requests: readonly RecordedRequest[]
  readonly authenticator: Authenticator | undefined
  /** What went wrong that no test may overlook; empty is what is expected. */
  complaints(): Promise<readonly string[]>
  /** From now on the console may say what matches (such as lost connections while the server is away). */
  tolerate(pattern: RegExp): void
  /**
   * axe-core's findings on what is shown now, as `rule: element`; empty is what is expected. `colours` asks only for
   * what can differ where the same is shown in other colours.
   */
  axe(rules?: 'all' | 'colours'): Promise<readonly string[]>
  /** Elements that are wider than the window; empty is what is expected. */
  overflow(): Promise<readonly string[]>
  /** Keeps a picture where HEARTHOLD_TEST_SHOTS names a folder. */
  shot(name: string): Promise<void>
  close(): Promise<void>
}

const sizes = { wide: { width: 1280, height: 800 }, phone: { width: 360, height: 740 } } as const

/** Refusals that are an ordinary answer; the browser prints a line for each. */
const ordinary =
  /^Failed to load resource: the server responded with a status of (?:4\d\d|503 \(Service Unavailable\) \(\S+\/api\/(?:instance|session)\)$)/

const recordOf = (page: Page): RecordedRequest[] => {
  const requests: RecordedRequest[] = []
  page.context().on('request', (request) => {
    requests.push({
      method: request.method(),
      url: request.url(),
      headers: request.headers(),
      body: request.postDataBuffer() ?? undefined,
    })
  })
  page.on('websocket', (socket) => {
    requests.push({ method: 'SOCKET', url: socket.url(), headers: {}, body: undefined })
  })
  return requests
}

/** Runs before any script of the page, and tells what the policy forbade. */
const watchPolicy = (): void => {
  const list: string[] = []
  Object.assign(globalThis, { policyViolations: list })
  addEventListener('securitypolicyviolation', (event) => {
    list.push(`policy: ${event.violatedDirective} ${event.blockedURI} ${event.sourceFile}`)
  })
}

const addAuthenticator = async (cdp: CDPSession, hasPrf: boolean): Promise<Authenticator> => {
  await cdp.send('WebAuthn.enable')
  const add = async (): Promise<string> => {
    const { authenticatorId } = await cdp.send('WebAuthn.addVirtualAuthenticator', {
      options: {
        protocol: 'ctap2',
        ctap2Version: 'ctap2_1',
        transport: 'internal',
        hasResidentKey: true,
        hasUserVerification: true,
        isUserVerified: true,
        hasPrf,
        automaticPresenceSimulation: true,
      },
    })
    return authenticatorId
  }
  let authenticatorId = await add()
  const credentials = async (): Promise<number> =>
    (await cdp.send('WebAuthn.getCredentials', { authenticatorId })).credentials.length
  return {
    credentials,
    willing: async (yes) => {
      await cdp.send('WebAuthn.setUserVerified', { authenticatorId, isUserVerified: yes })
      if (!yes || (await credentials()) > 0) return
      // One that failed to verify its person stays blocked; it has nothing yet that would be lost.
      await cdp.send('WebAuthn.removeVirtualAuthenticator', { authenticatorId })
      authenticatorId = await add()
    },
  }
}

type Axe = {
  run(options: object): Promise<{
    violations: { id: string; nodes: { target: unknown; failureSummary?: string }[] }[]
  }>
}

let axeText: string | undefined

const axeFindings = async (page: Page, rules: 'all' | 'colours'): Promise<string[]> => {
  if (!(await page.evaluate(() => 'axe' in globalThis))) {
    axeText ??= readFileSync(
      resolve(import.meta.dirname, '../../node_modules/axe-core/axe.min.js'),
      'utf8',
    )
    await page.evaluate(axeText)
  }
  return page.evaluate(async (only) => {
    const { axe } = globalThis as unknown as { axe: Axe }
    const { violations } = await axe.run({
      resultTypes: ['violations'],
      ...(only === 'colours' ? { runOnly: ['color-contrast'] } : {}),
    })
    return violations.flatMap(({ id, nodes }) =>
      nodes.map((node) => `${id}: ${JSON.stringify(node.target)} ${node.failureSummary ?? ''}`),
    )
  }, rules)
}

/** Waits until what is shown stands still: nothing is on its way, nothing moves, and all of it is drawn. */
const stillness = (page: Page): Promise<void> =>
  page.evaluate(async () => {
    const frame = (): Promise<unknown> => new Promise((done) => requestAnimationFrame(done))
    const moving = (): Promise<unknown>[] =>
      document
        .getAnimations()
        .filter(({ effect, playState }) => {
          const end = effect?.getComputedTiming().endTime
          return playState === 'running' && end !== Infinity
        })
        .map(({ finished }) => finished.catch(() => undefined))
    await document.fonts.ready
    // What a click brought about may take a frame to begin.
    for (let still = 0; still < 3; still++) {
      await frame()
      const some = moving()
      if (some.length === 0) continue
      await Promise.all(some)
      still = 0
    }
  })

const overflowing = (page: Page): Promise<string[]> =>
  page.evaluate(() => {
    const { clientWidth, scrollWidth } = document.documentElement
    if (scrollWidth <= clientWidth) return []
    return [...document.querySelectorAll('body *')]
      .filter((element) => element.getBoundingClientRect().right > clientWidth + 1)
      .map((element) => `${element.tagName.toLowerCase()}.${element.className}`)
  })

/** Opens a page that shows nothing yet: `view.page.goto(server.origin)` is the first step of a test. */
export const openView = async (browser: Browser, options: ViewOptions = {}): Promise<View> => {
  const { size = 'wide', passkeys = 'prf' } = options
  const viewport = typeof size === 'string' ? sizes[size] : size
  const context = await browser.newContext({
    viewport,
    hasTouch: size === 'phone',
    colorScheme: options.colorScheme ?? 'light',
    contrast: options.contrast ?? 'no-preference',
    reducedMotion: options.reducedMotion ?? 'reduce',
    locale: 'en-GB',
    acceptDownloads: true,
  })
  await context.addInitScript(watchPolicy)
  const page = await context.newPage()
  const heard: string[] = []
  const tolerated: RegExp[] = [ordinary]
  context.on('console', (message: ConsoleMessage) => {
    if (message.type() === 'error' || message.type() === 'warning') {
      heard.push(`${message.text()} (${message.location().url})`)
    }
  })
  context.on('weberror', (error) => heard.push(`uncaught: ${String(error.error())}`))
  const requests = recordOf(page)
  const authenticator =
    passkeys === 'none'
      ? undefined
      : await addAuthenticator(await context.newCDPSession(page), passkeys === 'prf')
  const elsewhere = (): string[] => {
    const own = new URL(page.url()).host
    return requests
      .filter(({ url }) => /^(https?|wss?):/.test(url) && own !== '' && new URL(url).host !== own)
      .map(({ url }) => `request to elsewhere: ${url}`)
  }
  return {
    ...{ page, context, requests, authenticator },
    complaints: async () => {
      const forbidden = await page.evaluate(
        () => (globalThis as unknown as { policyViolations?: string[] }).policyViolations ?? [],
      )
      const spoken = heard.filter((text) => !tolerated.some((pattern) => pattern.test(text)))
      return [...spoken, ...forbidden, ...elsewhere()]
    },
    tolerate: (pattern) => void tolerated.push(pattern),
    axe: async (rules = 'all') => {
      await stillness(page)
      return axeFindings(page, rules)
    },
    overflow: () => overflowing(page),
    shot: async (name) => {
      const folder = process.env['HEARTHOLD_TEST_SHOTS']
      if (folder !== undefined) await page.screenshot({ path: join(folder, `${name}.png`) })
    },
    close: () => context.close(),
  }
}
