import { randomBytes } from 'node:crypto'
import { readdirSync } from 'node:fs'
import { homedir } from 'node:os'
import { join, resolve } from 'node:path'
import { CliError } from '../cli-error.ts'
import { withLock } from './home-lock.ts'
import {
  checkPrivateFolder,
  makePrivateFolder,
  readPrivate,
  removePrivate,
  writePrivate,
} from './private-files.ts'
import { parseJson, serverHome, type ServerHome, type ServerRecord } from './server-home.ts'

/**
 * The command line's own folder (HEARTHOLD_HOME): the device's key, and a folder for each server.
 * It is what makes this a device; a copy of it on another computer would be the same device twice, which the logs' own-chains notice.
 */
export type Home = {
  readonly path: string
  /** The seed of this device's signing key (32 bytes); made at the first call and kept across sign-outs. */
  deviceSeed(): Promise<Uint8Array<ArrayBuffer>>
  findDeviceSeed(): Uint8Array<ArrayBuffer> | undefined
  /** After this device was forgotten or revoked: the next `deviceSeed` makes a new one. */
  removeDeviceSeed(): Promise<void>
  /** Public URL of the server that commands mean when none is named. */
  findCurrentServer(): string | undefined
  selectServer(url: string): Promise<void>
  listServers(): ServerRecord[]
  server(url: string): ServerHome
  /** Runs `work` while no other process of this home does the same; for work of several steps, under a name of its own. */
  withLock<T>(name: string, work: () => Promise<T>): Promise<T>
}

const seedBytes = 32

/** Where the home is: HEARTHOLD_HOME, or `.config/hearthold` in the user's folder. */
export const homePath = (env: Readonly<Record<string, string | undefined>>): string => {
  const named = env['HEARTHOLD_HOME']
  return named === undefined || named === ''
    ? join(homedir(), '.config', 'hearthold')
    : resolve(named)
}

const readSeed = (path: string): Uint8Array<ArrayBuffer> | undefined => {
  const text = readPrivate(path)?.toString('utf8').trim()
  if (text === undefined) return undefined
  if (!/^[0-9a-f]{64}$/.test(text)) {
    throw new CliError(
      'failure',
      `${path} is damaged.`,
      'Bring it back from a copy; otherwise move it away and enrol this device anew.',
    )
  }
  return Uint8Array.from(Buffer.from(text, 'hex'))
}

const listFolders = (path: string): string[] => {
  try {
    return readdirSync(path, { withFileTypes: true })
      .flatMap((entry) => (entry.isDirectory() ? [entry.name] : []))
      .toSorted()
  } catch {
    return []
  }
}

/** Opens the home at `path` without creating it: the first change does. Throws `CliError` where others can get at it. */
export const openHome = (path: string): Home => {
  const exists = checkPrivateFolder(path)
  const servers = join(path, 'servers')
  if (exists) checkPrivateFolder(servers)
  const paths = { seed: join(path, 'device-key'), settings: join(path, 'home.json') }
  const lockPath = (name: string) => join(path, `${name}.lock`)
  const prepare = () => {
    makePrivateFolder(path)
    makePrivateFolder(servers)
  }
  const change = <T>(work: () => T): Promise<T> => {
    prepare()
    return withLock(lockPath('home'), work)
  }
  const server = (url: string) => serverHome(path, url, lockPath('home'), prepare)
  return {
    path,
    deviceSeed: async () =>
      readSeed(paths.seed) ??
      change(() => {
        const seed = readSeed(paths.seed) ?? Uint8Array.from(randomBytes(seedBytes))
        writePrivate(paths.seed, `${Buffer.from(seed).toString('hex')}\n`)
        return seed
      }),
    findDeviceSeed: () => readSeed(paths.seed),
    removeDeviceSeed: () => change(() => removePrivate(paths.seed)),
    findCurrentServer: () => {
      const bytes = readPrivate(paths.settings)
      const current = bytes && parseJson(paths.settings, bytes)['currentServer']
      return typeof current === 'string' ? current : undefined
    },
    selectServer: (url) =>
      change(() =>
        writePrivate(paths.settings, `${JSON.stringify({ version: 1, currentServer: url })}\n`),
      ),
    listServers: () =>
      listFolders(servers).flatMap((name) => {
        const file = join(servers, name, 'server.json')
        const bytes = readPrivate(file)
        const url = bytes && parseJson(file, bytes)['url']
        const record = typeof url === 'string' ? server(url).findRecord() : undefined
        return record ? [record] : []
      }),
    server,
    withLock: (name, work) => {
      if (!/^[a-z0-9-]{1,80}$/.test(name))
        throw new RangeError('A lock is named by letters, digits and hyphens')
      prepare()
      return withLock(lockPath(name), work)
    },
  }
}
