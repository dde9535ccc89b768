import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'

/** rclone's crypt remote over its own WebDAV server: what a person would set up instead. */
export class RclonePeer {
  readonly #server: ChildProcess
  readonly #env: NodeJS.ProcessEnv

  private constructor(server: ChildProcess, env: NodeJS.ProcessEnv) {
    this.#server = server
    this.#env = env
  }

  /** rclone's version line, or undefined where it is not installed. */
  static version(): string | undefined {
    try {
      return execFileSync('rclone', ['version'], { encoding: 'utf8' }).split('\n')[0]
    } catch {
      return undefined
    }
  }

  static async start(folder: string, port: number): Promise<RclonePeer> {
    const store = join(folder, 'rclone-store')
    await mkdir(store, { recursive: true })
    await writeFile(join(folder, 'rclone.conf'), '')
    const password = execFileSync('rclone', ['obscure', 'bench password of no value'], {
      encoding: 'utf8',
    }).trim()
    const env = {
      ...process.env,
      RCLONE_CONFIG: join(folder, 'rclone.conf'),
      RCLONE_CONFIG_DAV_TYPE: 'webdav',
      RCLONE_CONFIG_DAV_URL: `http://127.0.0.1:${port}`,
      RCLONE_CONFIG_SEALED_TYPE: 'crypt',
      RCLONE_CONFIG_SEALED_REMOTE: 'dav:',
      RCLONE_CONFIG_SEALED_PASSWORD: password,
    }
    const server = spawn('rclone', ['serve', 'webdav', store, '--addr', `127.0.0.1:${port}`], {
      env,
      stdio: 'ignore',
    })
    const peer = new RclonePeer(server, env)
    for (let tries = 0; tries < 200; tries++) {
      const answer = await fetch(`http://127.0.0.1:${port}/`).catch(() => undefined)
      if (answer) return peer
      await delay(50)
    }
    throw new Error('rclone serve webdav did not start')
  }

  /** `rclone copy FROM TO` with its defaults; `sealed:` is the crypt remote. Seconds of wall time. */
  copy(from: string, to: string): number {
    const started = performance.now()
    execFileSync('rclone', ['copy', from, to], {
      env: this.#env,
      stdio: ['ignore', 'ignore', 'inherit'],
    })
    return (performance.now() - started) / 1000
  }

  /** Removes a folder and all below it. */
  remove(target: string): void {
    execFileSync('rclone', ['purge', target], {
      env: this.#env,
      stdio: ['ignore', 'ignore', 'inherit'],
    })
  }

  stop(): void {
    this.#server.kill('SIGTERM')
  }
}
