import { readFileSync, statSync } from 'node:fs'
import type { Clock } from '#platform/clock.ts'
import type { Log } from '#platform/log.ts'
import { bcryptWorker, type BcryptWorker } from './bcrypt-worker.ts'
import { fairQueue } from './fair-queue.ts'
import {
  type HtpasswdTable,
  isSha1Of,
  readHtpasswd,
  type StoredPassword,
} from './htpasswd-lines.ts'
import { rightPairs } from './right-pairs.ts'

export type HtpasswdDeps = {
  readonly file: string
  readonly clock: Clock
  readonly log: Log
  /** For tests. */
  readonly worker?: BcryptWorker
}

/** 'busy': too many wrong passwords wait to be looked at; ask again later. */
export type PasswordAnswer = boolean | 'busy'

export type Htpasswd = {
  /**
   * Is this the user's password? Synchronous for a pair that was right within a minute.
   * @param from the address that asks, one lane of the queue
   */
  check(user: string, password: Uint8Array, from: string): PasswordAnswer | Promise<PasswordAnswer>
  /** Reads the file again; where that fails, what was read before stays in force. */
  reload(): void
  close(): Promise<void>
}

const lookEveryMs = 30_000
const fileLimitBytes = 16 * 2 ** 20
/** A comparison takes 60 ms at bcrypt's usual cost: the last of these waits some seconds. */
const limits = { all: 64, perLane: 8 }
const stampOf = (file: string): string => {
  const { mtimeMs, size, ino } = statSync(file)
  return `${ino}:${mtimeMs}:${size}`
}

const readFile = (file: string): HtpasswdTable => {
  if (statSync(file).size > fileLimitBytes) throw new Error(`${file} is larger than 16 MiB`)
  return readHtpasswd(readFileSync(file, 'utf8'))
}

/** What a name is compared with that is no user, so that the answer takes as long: nothing in particular. */
const strangersHash = (table: HtpasswdTable): string => {
  const costs = [...table.users.values()].map(({ kind, hash }) =>
    kind === 'bcrypt' ? hash.slice(4, 6) : '00',
  )
  const cost = costs.sort().at(-1) ?? '00'
  return `$2b$${cost === '00' ? '10' : cost}$${'.'.repeat(53)}`
}

/** The file as it is now, looked at again from time to time. */
const openTable = ({ file, clock, log }: HtpasswdDeps) => {
  const told = new Set<string>()
  const tell = (table: HtpasswdTable): HtpasswdTable => {
    for (const { line, reason } of table.broken) {
      const words = `${file}, line ${line} is ignored: ${reason}`
      if (!told.has(words)) log.warn({}, words)
      told.add(words)
    }
    return table
  }
  let stamp = stampOf(file)
  let table = tell(readFile(file))
  let lookedAt = clock.now()
  const reload = (force: boolean): void => {
    try {
      const now = stampOf(file)
      if (!force && now === stamp) return
      table = tell(readFile(file))
      // Remembered only once reading worked.
      stamp = now
      log.info({ users: table.users.size }, 'the htpasswd file was read again')
    } catch (error) {
      log.error(
        { err: error },
        'the htpasswd file cannot be read; the users of before stay in force',
      )
    }
  }
  return {
    find: (user: string): StoredPassword | undefined => {
      const now = clock.now()
      if (Math.abs(now - lookedAt) >= lookEveryMs) {
        lookedAt = now
        reload(false)
      }
      return table.users.get(user)
    },
    reload: () => reload(true),
    strangersHash: () => strangersHash(table),
  }
}

/** Passwords come as bytes; what is no UTF-8 matches no bcrypt hash. */
const textOf = (password: Uint8Array): string | undefined => {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(password)
  } catch {
    return undefined
  }
}

type Asked = {
  readonly user: string
  readonly stored: StoredPassword | undefined
  readonly password: string | undefined
  readonly verifier: Buffer
  readonly from: string
}

/**
 * Opens an htpasswd file.
 * @throws the file's error where it cannot be read
 */
export const openHtpasswd = (deps: HtpasswdDeps): Htpasswd => {
  const { clock, log } = deps
  const table = openTable(deps)
  const worker = deps.worker ?? bcryptWorker()
  const queue = fairQueue(limits)
  const pairs = rightPairs(clock)
  const underWay = new Map<string, Promise<PasswordAnswer>>()

  const compare = async (asked: Asked): Promise<PasswordAnswer> => {
    const { user, stored, password, verifier } = asked
    const matches = await worker.matches(password ?? '', stored?.hash ?? table.strangersHash())
    if (stored === undefined || !matches || password === undefined) return false
    // The file may have been read again meanwhile.
    return table.find(user)?.hash === stored.hash && pairs.believe(user, verifier, stored.hash)
  }
  const queued = (asked: Asked): PasswordAnswer | Promise<PasswordAnswer> => {
    const { user, stored, verifier, from } = asked
    // Behind a proxy all come from one address: guesses at one user delay no other user there.
    const lane = stored === undefined ? from : `${from} ${user}`
    const same = `${lane} ${verifier.toString('base64')}`
    const before = underWay.get(same)
    if (before !== undefined) return before
    const wasRight = stored !== undefined && pairs.wasRight(user, verifier, stored.hash)
    const answer = queue.run(lane, wasRight, () => compare(asked))
    if (answer === 'full') return 'busy'
    const kept = answer
      .catch((error: unknown): PasswordAnswer => {
        log.error({ err: error }, 'a password could not be compared')
        return 'busy'
      })
      .finally(() => underWay.delete(same))
    underWay.set(same, kept)
    return kept
  }
  return {
    check: (user, password, from) => {
      const stored = table.find(user)
      const verifier = pairs.verifierOf(user, password)
      if (stored !== undefined && pairs.isBelieved(user, verifier, stored.hash))
        return pairs.believe(user, verifier, stored.hash)
      if (stored?.kind === 'sha1')
        return isSha1Of(stored.hash, password) && pairs.believe(user, verifier, stored.hash)
      return queued({ user, stored, verifier, password: textOf(password), from })
    },
    reload: table.reload,
    close: () => worker.close(),
  }
}
