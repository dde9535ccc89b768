/** The real restic, run as a person would run it: address and password in files, a cache of its own. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { Run } from './instance.ts'

/** How to get restic where it is missing. */
export const resticMissing =
  'restic is missing. Install it: apt-get install -y restic, brew install restic, or https://restic.net'

/** The version line, or undefined where restic is not installed. */
export const resticVersion = (): string | undefined => {
  try {
    return execFileSync('restic', ['version'], { encoding: 'utf8' }).trim()
  } catch {
    return undefined
  }
}

export type ResticOptions = {
  /** For password and cache, and for the address where no file has it; made when missing. */
  readonly folder: string
  /** What `-r` takes, or a file that holds it. */
  readonly repository: string | { readonly file: string }
  /** A file of certificates to believe. */
  readonly cacert?: string | undefined
  /** The password file of somebody else of the same repository. */
  readonly passwordFile?: string | undefined
  /** Further variables, such as RESTIC_PACK_SIZE. */
  readonly env?: Readonly<Record<string, string>>
}

/** A restic that is under way; `said` is what it wrote on standard error until now. */
export type RunningRestic = {
  readonly child: ChildProcess
  readonly ended: Promise<Run>
  readonly said: () => string
}

export type Snapshot = { readonly id: string; readonly tree: string; readonly paths: string[] }

export class Restic {
  readonly passwordFile: string
  readonly repositoryFile: string
  readonly #flags: readonly string[]
  readonly #env: NodeJS.ProcessEnv

  constructor({ folder, repository, cacert, passwordFile, env }: ResticOptions) {
    mkdirSync(folder, { recursive: true, mode: 0o700 })
    this.passwordFile = passwordFile ?? join(folder, 'restic-password')
    if (passwordFile === undefined)
      writeFileSync(this.passwordFile, randomBytes(18).toString('base64url'), { mode: 0o600 })
    this.repositoryFile =
      typeof repository === 'string' ? join(folder, 'restic-repository') : repository.file
    if (typeof repository === 'string')
      writeFileSync(this.repositoryFile, `${repository}\n`, { mode: 0o600 })
    this.#flags = cacert === undefined ? [] : ['--cacert', cacert]
    const kept = Object.entries(process.env).filter(([name]) => !name.startsWith('RESTIC_'))
    this.#env = {
      ...Object.fromEntries(kept),
      RESTIC_REPOSITORY_FILE: this.repositoryFile,
      RESTIC_PASSWORD_FILE: this.passwordFile,
      RESTIC_CACHE_DIR: join(folder, 'restic-cache'),
      ...env,
    }
  }

  start(...args: readonly string[]): RunningRestic {
    const child = spawn('restic', [...this.#flags, ...args], {
      env: this.#env,
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    let stdout = ''
    let stderr = ''
    child.stdout.on('data', (text: Buffer) => (stdout += text.toString()))
    child.stderr.on('data', (text: Buffer) => (stderr += text.toString()))
    const ended = new Promise<Run>((done, fail) => {
      child.once('error', () => fail(new Error(resticMissing)))
      child.once('close', (code) => done({ code: code ?? -1, stdout, stderr }))
    })
    return { child, ended, said: () => stderr }
  }

  /** Runs to its end, whatever that is. Throws where restic is missing. */
  run(...args: readonly string[]): Promise<Run> {
    return this.start(...args).ended
  }

  /** What it printed. Throws with what it said where it failed. */
  async must(...args: readonly string[]): Promise<string> {
    const { code, stdout, stderr } = await this.run(...args)
    if (code !== 0) throw new Error(`restic ${args[0]} ended with ${code}.\n${stderr}${stdout}`)
    return stdout
  }

  /**
   * Runs what the server must refuse with this status. Restic asks again for most of a minute before it gives up, so it
   * is interrupted at the first refusal. True if it was refused and did not succeed.
   */
  async isRefused(status: 401 | 403, ...args: readonly string[]): Promise<boolean> {
    const { child, ended, said } = this.start(...args)
    const wasRefused = (): boolean => new RegExp(`\\b${status}\\b`).test(said())
    while (child.exitCode === null && child.signalCode === null && !wasRefused()) await delay(20)
    // Interrupted, it would still ask to have its lock removed: again and again, where it may do nothing at all.
    child.kill(status === 401 ? 'SIGKILL' : 'SIGINT')
    const { code } = await ended
    return code !== 0 && wasRefused()
  }

  /** Oldest first. */
  async snapshots(): Promise<Snapshot[]> {
    return JSON.parse(await this.must('snapshots', '--json')) as Snapshot[]
  }

  /** Reads every byte of the repository. Throws where anything is not as it should be. */
  async checkAll(): Promise<string> {
    const said = await this.must('check', '--read-data')
    if (!said.includes('no errors were found')) throw new Error(`restic check said:\n${said}`)
    return said
  }
}
