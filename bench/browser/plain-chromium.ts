import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { chromiumLaunch } from '../../tools/chromium.ts'

type Answer = {
  readonly id?: number
  readonly result?: Record<string, unknown>
  readonly error?: { readonly message: string }
}
type Evaluated = {
  readonly result: { readonly value: unknown }
  readonly exceptionDetails?: { readonly exception?: { readonly description?: string } }
}

const startMs = 30_000

/**
 * A headless Chromium that is spoken to directly. What drives tests listens to every request, and that costs more than
 * what is measured here.
 */
export class PlainChromium {
  readonly #child: ChildProcess
  readonly #socket: WebSocket
  readonly #waiting = new Map<number, (answer: Answer) => void>()
  #count = 0

  private constructor(child: ChildProcess, socket: WebSocket) {
    this.#child = child
    this.#socket = socket
    socket.addEventListener('message', ({ data }) => {
      const answer = JSON.parse(String(data)) as Answer
      this.#waiting.get(answer.id ?? -1)?.(answer)
      this.#waiting.delete(answer.id ?? -1)
    })
  }

  /** Starts it with an empty page; `profile` is an empty folder, or one of a run before. */
  static async start(profile: string): Promise<PlainChromium> {
    const { executablePath, args, env } = await chromiumLaunch()
    const flags = [
      '--headless',
      '--no-first-run',
      '--window-size=1280,800',
      '--remote-debugging-port=0',
    ]
    const all = [...args, ...flags, `--user-data-dir=${profile}`, 'about:blank']
    const child = spawn(executablePath, all, { env: env ?? process.env, stdio: 'ignore' })
    const portFile = join(profile, 'DevToolsActivePort')
    for (let waited = 0; waited < startMs; waited += 50) {
      await delay(50)
      const port = existsSync(portFile) ? readFileSync(portFile, 'utf8').split('\n')[0] : undefined
      if (!port) continue
      const list = await fetch(`http://127.0.0.1:${port}/json/list`).catch(() => undefined)
      const pages = (await list?.json()) as
        | { type: string; webSocketDebuggerUrl: string }[]
        | undefined
      const page = pages?.find(({ type }) => type === 'page')
      if (!page) continue
      const socket = new WebSocket(page.webSocketDebuggerUrl)
      await new Promise((done) => socket.addEventListener('open', done, { once: true }))
      const browser = new PlainChromium(child, socket)
      await browser.send('Page.enable')
      return browser
    }
    child.kill()
    throw new Error('The browser did not start.')
  }

  /** One command of the DevTools protocol. */
  async send(method: string, params: object = {}): Promise<Record<string, unknown>> {
    const id = ++this.#count
    const answered = new Promise<Answer>((done) => this.#waiting.set(id, done))
    this.#socket.send(JSON.stringify({ id, method, params }))
    const { result, error } = await answered
    if (error) throw new Error(`${method}: ${error.message}`)
    return result ?? {}
  }

  /** Runs a function of this file's kind in the page, with values that JSON can carry; awaits what it returns. */
  async run<Result, Args extends readonly unknown[]>(
    work: (...args: Args) => Result | Promise<Result>,
    ...args: Args
  ): Promise<Result> {
    const expression = `(${work.toString()})(...${JSON.stringify(args)})`
    const evaluated = (await this.send('Runtime.evaluate', {
      expression,
      awaitPromise: true,
      returnByValue: true,
      userGesture: true,
    })) as unknown as Evaluated
    const thrown = evaluated.exceptionDetails
    if (thrown) throw new Error(thrown.exception?.description ?? 'The page threw.')
    return evaluated.result.value as Result
  }

  /** Waits until `condition` holds in the page. */
  async until<Args extends readonly unknown[]>(
    condition: (...args: Args) => boolean,
    ...args: Args
  ): Promise<void> {
    for (let waited = 0; waited < 600_000; waited += 20) {
      if (await this.run(condition, ...args).catch(() => false)) return
      await delay(20)
    }
    throw new Error('The page did not get there within ten minutes.')
  }

  /** Goes to an address, anew even where it is the same. */
  async visit(url: string): Promise<void> {
    await this.send('Page.navigate', { url: 'about:blank' })
    await this.send('Page.navigate', { url })
    await this.until((wanted) => location.href.startsWith(wanted), new URL(url).origin)
  }

  /** A device that makes passkeys with PRF. */
  async addPasskeys(): Promise<void> {
    await this.send('WebAuthn.enable')
    await this.send('WebAuthn.addVirtualAuthenticator', {
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

  async stop(): Promise<void> {
    const closed = new Promise((done) => this.#child.once('close', done))
    // Asked first, so that the profile is whole; a browser that does not hear is ended.
    await Promise.race([this.send('Browser.close').catch(() => undefined), delay(3000)])
    const timer = setTimeout(() => this.#child.kill(), 3000)
    await closed
    clearTimeout(timer)
    this.#socket.close()
  }
}
