import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type App, createApp, loadConfig } from '@hearthold/server'

const silentLog = { debug() {}, info() {}, warn() {}, error() {} }

/** The real server in this process on a folder of its own; what it serves as its web app can change between starts. */
export class BenchServer {
  readonly folder = mkdtempSync(join(tmpdir(), 'hearthold-bench-browser-'))
  port = 0
  #app: App | undefined

  get origin(): string {
    return `http://localhost:${this.port}`
  }

  get setUpToken(): string | undefined {
    return this.#app?.setUpToken()
  }

  /** Starts it on the port it had, with the web app of that folder. */
  async start(webFolder: string): Promise<void> {
    await this.#app?.stop()
    this.port ||= 20_000 + Math.floor(Math.random() * 20_000)
    const argv = ['--listen', `127.0.0.1:${this.port}`, '--public-url', this.origin]
    const { config, secrets } = loadConfig({ argv, env: {}, folder: this.folder })
    this.#app = await createApp(config, secrets, silentLog, { webFolder })
    await this.#app.start()
  }

  /** A folder for a browser's profile. */
  profile(name: string): string {
    return join(this.folder, name)
  }

  async dispose(): Promise<void> {
    await this.#app?.stop()
    rmSync(this.folder, { recursive: true, force: true })
  }
}
