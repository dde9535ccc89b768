import { createHash, timingSafeEqual } from 'node:crypto'

/** A user's line: bcrypt, or the SHA-1 of `htpasswd -s`. */
export type StoredPassword = { readonly kind: 'bcrypt' | 'sha1'; readonly hash: string }

/** A line that lets nobody in. It holds a hash, so that only its number is told. */
export type BrokenLine = { readonly line: number; readonly reason: string }

export type HtpasswdTable = {
  readonly users: ReadonlyMap<string, StoredPassword>
  readonly broken: readonly BrokenLine[]
}

/** As rest-server: letters of any script, digits, and @ . _ - */
const userForm = /^[\p{L}\d@._-]+$/u
const bcryptForm = /^\$2[aby]\$(\d\d)\$[./A-Za-z0-9]{53}/
/** What follows them does not count, as in Go: a blank at the end of a line locks nobody out. */
const bcryptLength = 60
/** Cost 17 takes some ten seconds of a processor for each sign-in. */
const greatestCost = 17

/** A field as CSV has it: blanks before it do not count, and it may stand in quotes. */
const fieldsOf = (line: string): string[] | undefined => {
  const fields: string[] = []
  const form = /[^\S\r\n]*(?:"((?:[^"]|"")*)"|([^":]*))(:|$)/y
  for (let end = ':'; end === ':';) {
    const match = form.exec(line)
    if (match === null) return undefined
    fields.push(match[1]?.replaceAll('""', '"') ?? match[2] ?? '')
    end = match[3] ?? ''
  }
  return fields
}

const storedPassword = (hash: string): StoredPassword | string => {
  if (hash.startsWith('{SHA}'))
    return /^[A-Za-z0-9+/]{27}=$/.test(hash.slice(5))
      ? { kind: 'sha1', hash: hash.slice(5) }
      : 'its {SHA} hash is damaged'
  const [, cost] = bcryptForm.exec(hash) ?? []
  if (cost === undefined)
    return /^\$2[aby]\$/.test(hash)
      ? 'its bcrypt hash is damaged'
      : 'its hash is neither bcrypt nor {SHA}: make one with "htpasswd -B"'
  if (Number(cost) < 4) return 'its bcrypt hash is damaged'
  return Number(cost) > greatestCost
    ? `its bcrypt cost is above ${greatestCost}: no client waits that long`
    : { kind: 'bcrypt', hash: hash.slice(0, bcryptLength) }
}

/**
 * Reads an htpasswd file. A broken line lets nobody in and spoils no other; of two lines with one name the last counts,
 * also if it is broken.
 */
export const readHtpasswd = (text: string): HtpasswdTable => {
  const users = new Map<string, StoredPassword>()
  const broken: BrokenLine[] = []
  for (const [at, raw] of text.split('\n').entries()) {
    const line = raw.replace(/\r$/, '')
    if (line.startsWith('#') || line.trim() === '') continue
    const refuse = (reason: string): void => void broken.push({ line: at + 1, reason })
    const [user, hash] = fieldsOf(line) ?? []
    if (user === undefined || hash === undefined) {
      refuse('it is not "user:hash"')
      continue
    }
    if (!userForm.test(user)) {
      refuse('a user has letters, digits and @ . _ - only')
      continue
    }
    users.delete(user)
    const stored = storedPassword(hash)
    if (typeof stored === 'string') refuse(stored)
    else users.set(user, stored)
  }
  return { users, broken }
}

/** True if this is the password behind a {SHA} hash; takes the same time for all. */
export const isSha1Of = (hash: string, password: Uint8Array): boolean => {
  const wanted = Buffer.from(hash, 'latin1')
  const found = Buffer.from(createHash('sha1').update(password).digest('base64'), 'latin1')
  return wanted.length === found.length && timingSafeEqual(wanted, found)
}
