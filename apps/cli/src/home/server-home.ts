import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { CliError } from '../cli-error.ts'
import type { Trust } from '../transport/dial.ts'
import type { ServerPin } from '../transport/server-pin.ts'
import { withLock } from './home-lock.ts'
import { makePrivateFolder, readPrivate, removePrivate, writePrivate } from './private-files.ts'

/** What is known of a server and of one's account there; nothing secret. */
export type ServerRecord = {
  /** Public URL (an origin): the key of everything kept for this server. */
  readonly url: string
  readonly trust: Trust
  /** 64 hex digits: the key that signs the instance's receipts, as first seen. */
  readonly instanceKey?: string
  /** Kept after signing out, so that signing in again asks for less. Ids are 32 hex digits. */
  readonly account?: { readonly id: string; readonly log: string; readonly name: string }
  /** The device method that the secret unlocks, if there is one. */
  readonly deviceMethod?: string
}

/** The newest entry of a log that this device has verified; `at` is the server's time of it. */
export type KnownHead = { readonly seq: number; readonly chain: string; readonly at: number }
export type KnownHeads = Readonly<Record<string, KnownHead>>

/** The folder of one server. Reading never creates anything; changing waits for the lock of the whole home. */
export type ServerHome = {
  readonly url: string
  findRecord(): ServerRecord | undefined
  /** Creates the record (trusting the system's authorities) where there is none. */
  updateRecord(change: (record: ServerRecord) => ServerRecord): Promise<ServerRecord>
  /** The bearer token, in a file of its own. */
  findToken(): string | undefined
  writeToken(token: string): Promise<void>
  /** The secret of this device's unlock method, after `unlock`. */
  findDeviceSecret(): Uint8Array<ArrayBuffer> | undefined
  writeDeviceSecret(secret: Uint8Array): Promise<void>
  /** Signing out: token and secret go, all else stays. */
  forgetSecrets(): Promise<void>
  /** The newest step of the authenticator that was used under a name, as far as this device knows. */
  findTotpStep(name: string): number | undefined
  writeTotpStep(name: string, step: number): Promise<void>
  knownHeads(): KnownHeads
  /** Remembers newer heads. A lower number never replaces a higher one: that would let a server roll back unnoticed. */
  raiseHeads(heads: KnownHeads): Promise<void>
  /** A private folder for what can be fetched again. Made when asked for. */
  cacheFolder(name: string): Promise<string>
}

const damaged = (path: string) =>
  new CliError(
    'failure',
    `${path} is damaged.`,
    'Move it away and sign in again; nothing on the server is lost.',
  )

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
const isHex = (value: unknown, digits: number): value is string =>
  typeof value === 'string' && value.length === digits && /^[0-9a-f]*$/.test(value)

const readTrust = (value: unknown): Trust | undefined => {
  if (!isRecord(value)) return undefined
  if (value['kind'] === 'system') return { kind: 'system' }
  if (value['kind'] === 'authority' && typeof value['pem'] === 'string')
    return { kind: 'authority', pem: value['pem'] }
  if (value['kind'] === 'pin' && isHex(value['pin'], 64))
    return { kind: 'pin', pin: value['pin'] as ServerPin }
  return undefined
}

const readAccount = (value: unknown): ServerRecord['account'] => {
  if (!isRecord(value)) return undefined
  const { id, log, name } = value
  return isHex(id, 32) && isHex(log, 32) && typeof name === 'string' ? { id, log, name } : undefined
}

/** A record as written; a damaged trust is never replaced by a weaker one. */
const readRecord = (path: string, url: string): ServerRecord | undefined => {
  const bytes = readPrivate(path)
  if (!bytes) return undefined
  const value = parseJson(path, bytes)
  const trust = readTrust(value['trust'])
  if (value['version'] !== 1 || value['url'] !== url || !trust) throw damaged(path)
  const account = readAccount(value['account'])
  const { instanceKey, deviceMethod } = value
  return {
    url,
    trust,
    ...(isHex(instanceKey, 64) ? { instanceKey } : {}),
    ...(account ? { account } : {}),
    ...(isHex(deviceMethod, 32) ? { deviceMethod } : {}),
  }
}

/** The JSON object in a private file's bytes; throws `CliError` where it is none. */
export const parseJson = (path: string, bytes: Uint8Array): Record<string, unknown> => {
  try {
    const value: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
    if (isRecord(value)) return value
  } catch {
    // The parser's message would repeat a part of the file.
  }
  throw damaged(path)
}

const readHeads = (path: string): Record<string, KnownHead> => {
  const bytes = readPrivate(path)
  const heads: Record<string, KnownHead> = {}
  for (const [log, head] of Object.entries(bytes ? parseJson(path, bytes) : {})) {
    if (
      !isHex(log, 32) ||
      !isRecord(head) ||
      !Number.isSafeInteger(head['seq']) ||
      !Number.isSafeInteger(head['at']) ||
      !isHex(head['chain'], 64)
    )
      throw damaged(path)
    heads[log] = { seq: head['seq'] as number, chain: head['chain'], at: head['at'] as number }
  }
  return heads
}

/** Losing them costs a wait of a minute at most, so that what cannot be read is left out. */
const readSteps = (path: string): Map<string, number> => {
  const bytes = readPrivate(path)
  const entries = Object.entries(bytes ? parseJson(path, bytes) : {})
  return new Map(
    entries.flatMap(([name, step]) =>
      Number.isSafeInteger(step) ? [[name, step as number] as const] : [],
    ),
  )
}

type Changing = <T>(work: () => T) => Promise<T>

const totpSteps = (
  path: string,
  change: Changing,
): Pick<ServerHome, 'findTotpStep' | 'writeTotpStep'> => ({
  findTotpStep: (name) => readSteps(path).get(name),
  writeTotpStep: (name, step) =>
    change(() => {
      const steps = readSteps(path)
      steps.set(name, Math.max(step, steps.get(name) ?? 0))
      writePrivate(path, JSON.stringify(Object.fromEntries(steps)))
    }),
})

/** A folder name that can be recognised and never collides: the host, and 12 digits of the URL's hash. */
export const serverFolderName = (url: string): string => {
  const host = new URL(url).host.replace(/[^a-z0-9.-]/g, '-').slice(0, 60)
  return `${host}-${createHash('sha256').update(url).digest('hex').slice(0, 12)}`
}

/** The home of one server below `homePath`; see `ServerHome`. `lockPath` is the lock of the whole home, and `prepare` makes its folders. */
export const serverHome = (
  homePath: string,
  url: string,
  lockPath: string,
  prepare: () => void,
): ServerHome => {
  const folder = join(homePath, 'servers', serverFolderName(url))
  const paths = {
    record: join(folder, 'server.json'),
    token: join(folder, 'token'),
    secret: join(folder, 'device-secret'),
    heads: join(folder, 'heads.json'),
    steps: join(folder, 'totp-steps.json'),
  }
  const change: Changing = (work) => {
    prepare()
    return withLock(lockPath, () => {
      makePrivateFolder(folder)
      return work()
    })
  }
  return {
    url,
    findRecord: () => readRecord(paths.record, url),
    updateRecord: (alter) =>
      change(() => {
        const record = {
          ...alter(readRecord(paths.record, url) ?? { url, trust: { kind: 'system' } }),
          url,
        }
        writePrivate(paths.record, `${JSON.stringify({ version: 1, ...record }, undefined, 2)}\n`)
        return record
      }),
    findToken: () => readPrivate(paths.token)?.toString('utf8').trim(),
    writeToken: (token) => change(() => writePrivate(paths.token, `${token}\n`)),
    findDeviceSecret: () => {
      const text = readPrivate(paths.secret)?.toString('utf8').trim()
      if (text !== undefined && !/^([0-9a-f]{2}){16,}$/.test(text)) throw damaged(paths.secret)
      return text === undefined ? undefined : Uint8Array.from(Buffer.from(text, 'hex'))
    },
    writeDeviceSecret: (secret) =>
      change(() => writePrivate(paths.secret, `${Buffer.from(secret).toString('hex')}\n`)),
    forgetSecrets: () =>
      change(() => {
        removePrivate(paths.token)
        removePrivate(paths.secret)
      }),
    ...totpSteps(paths.steps, change),
    knownHeads: () => readHeads(paths.heads),
    raiseHeads: (newer) =>
      change(() => {
        const heads = readHeads(paths.heads)
        for (const [log, head] of Object.entries(newer)) {
          if (head.seq > (heads[log]?.seq ?? -1))
            heads[log] = { seq: head.seq, chain: head.chain, at: head.at }
        }
        writePrivate(paths.heads, JSON.stringify(heads))
      }),
    cacheFolder: (name) =>
      change(() => {
        if (!/^[a-z0-9-]{1,80}$/.test(name)) {
          throw new RangeError('A cache is named by letters, digits and hyphens')
        }
        const cache = join(folder, 'cache')
        makePrivateFolder(cache)
        makePrivateFolder(join(cache, name))
        return join(cache, name)
      }),
  }
}
