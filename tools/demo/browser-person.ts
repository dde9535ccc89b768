/** One person at a real browser: a profile of its own in a folder, and a device that makes passkeys with PRF. */
import { type BrowserContext, chromium, type ConsoleMessage, type Page } from 'playwright-core'
import { chromiumLaunch } from '../chromium.ts'

export type BrowserOptions = {
  /** Default 1280 x 800. */
  readonly viewport?: { readonly width: number; readonly height: number }
  readonly colorScheme?: 'light' | 'dark'
  /** False: a browser on a device without passkeys. */
  readonly passkeys?: boolean
  readonly deviceScaleFactor?: number
}

/** Runs before any script of a page, and tells what the content security policy forbade. */
const watchPolicy = (): void => {
  addEventListener('securitypolicyviolation', ({ violatedDirective, blockedURI, sourceFile }) => {
    console.error(`policy: ${violatedDirective} ${blockedURI} ${sourceFile}`)
  })
}

const addAuthenticator = async (context: BrowserContext, page: Page): Promise<void> => {
  const cdp = await context.newCDPSession(page)
  await cdp.send('WebAuthn.enable')
  await cdp.send('WebAuthn.addVirtualAuthenticator', {
    options: {
      protocol: 'ctap2',
      ctap2Version: 'ctap2_1',
      transport: 'internal',
      hasResidentKey: true,
      hasUserVerification: true,
      isUserVerified: true,
      hasPrf: true,
      automaticPresenceSimulation: true,
    },
  })
}

/** Refusals that are an ordinary answer; the browser prints a line for each. */
const ordinary = /^Failed to load resource: the server responded with a status of (?:4\d\d|503)/

export class BrowserPerson {
  readonly origin: string
  readonly context: BrowserContext
  readonly page: Page
  readonly #heard: string[] = []

  private constructor(origin: string, context: BrowserContext, page: Page) {
    this.origin = origin
    this.context = context
    this.page = page
    context.on('console', (message: ConsoleMessage) => {
      if (message.type() === 'error' || message.type() === 'warning')
        this.#heard.push(`${message.text()} (${message.location().url})`)
    })
    context.on('weberror', (error) => this.#heard.push(`uncaught: ${String(error.error())}`))
    context.on('request', (request) => {
      const { protocol, origin: asked } = new URL(request.url())
      if (/^(https?|wss?):$/.test(protocol) && asked.replace(/^ws/, 'http') !== origin)
        this.#heard.push(`request to elsewhere: ${asked}`)
    })
  }

  /** Opens a browser whose profile is kept in `profile`. It shows nothing yet. */
  static async open(
    origin: string,
    profile: string,
    { viewport = { width: 1280, height: 800 }, ...options }: BrowserOptions = {},
  ): Promise<BrowserPerson> {
    const context = await chromium.launchPersistentContext(profile, {
      ...(await chromiumLaunch()),
      viewport,
      colorScheme: options.colorScheme ?? 'light',
      deviceScaleFactor: options.deviceScaleFactor ?? 1,
      hasTouch: viewport.width < 560,
      reducedMotion: 'reduce',
      locale: 'en-GB',
      timezoneId: 'Europe/Stockholm',
      acceptDownloads: true,
    })
    await context.addInitScript(watchPolicy)
    const page = context.pages()[0] ?? (await context.newPage())
    const person = new BrowserPerson(origin, context, page)
    if (options.passkeys !== false) await addAuthenticator(context, page)
    return person
  }

  /** What went wrong that must not: violations of the policy, errors, requests to elsewhere. */
  complaints(): string[] {
    return this.#heard.filter((text) => !ordinary.test(text))
  }

  /** Goes to a path of the app as a link in it does: without a reload. */
  async visit(path: string): Promise<void> {
    await this.page.evaluate((to) => {
      history.pushState(null, '', to)
      dispatchEvent(new PopStateEvent('popstate'))
    }, path)
  }

  /** Ends the browser; its profile is then whole on the disk. */
  close(): Promise<void> {
    return this.context.close()
  }
}
