import { isIP } from 'node:net'
import { isAbsolute, resolve } from 'node:path'
import type { Setting } from './settings.ts'

export type Listen =
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number }
  | { readonly kind: 'unix'; readonly path: string }

export type AccessLog =
  | { readonly kind: 'off' }
  | { readonly kind: 'log' }
  | { readonly kind: 'file'; readonly path: string }

/** What is wrong with a setting's text, as the end of a sentence about it; never holds the text itself. */
export class SettingTextError extends Error {}

const refuse = (message: string): never => {
  throw new SettingTextError(message)
}

const listOf = (text: string): string[] =>
  text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '')

/** `host:port`, `[v6]:port`, `:port`, or `unix:/path`. Port 0 lets the system choose. */
export const parseListen = (text: string, folder: string): Listen => {
  if (text.startsWith('unix:')) {
    const path = text.slice('unix:'.length)
    return path === ''
      ? refuse('needs a path after unix:')
      : { kind: 'unix', path: resolve(folder, path) }
  }
  const match = /^(?:\[(?<v6>[0-9a-fA-F:.]+)\]|(?<host>[^:[\]\s/]*)):(?<port>[0-9]{1,5})$/.exec(
    text,
  )
  const { v6, host, port } = match?.groups ?? {}
  if (port === undefined || Number(port) > 65_535)
    return refuse('must be host:port, :port or unix:/path')
  if (v6 !== undefined && isIP(v6) !== 6)
    return refuse('has brackets around something that is no IPv6 address')
  return { kind: 'tcp', host: v6 ?? (host || '::'), port: Number(port) }
}

/** A web origin: scheme, host and port only. Returned as browsers write it (lower case, default port left out). */
export const parseOrigin = (text: string): string => {
  if (!URL.canParse(text)) return refuse('must be a URL such as https://home.example.org')
  const url = new URL(text)
  if (url.protocol !== 'http:' && url.protocol !== 'https:')
    return refuse('must begin with https:// or http://')
  if (url.username !== '' || url.password !== '')
    return refuse('must not carry a user name or password')
  if (url.pathname !== '/' || url.search !== '' || url.hash !== '')
    return refuse('must be only scheme, host and port: no path')
  return url.origin
}

const parseOrigins = (text: string): string[] =>
  listOf(text).map((part) =>
    part.includes('*')
      ? refuse(
          'must name each origin: "*" would let every web page call this server, and is not accepted',
        )
      : parseOrigin(part),
  )

const parseProxy = (text: string): string => {
  if (text === 'unix') return text
  const [address = '', prefix, ...more] = text.split('/')
  const family = isIP(address)
  if (family === 0 || more.length > 0)
    return refuse('must list addresses, networks such as 10.0.0.0/8, or "unix"')
  if (
    prefix !== undefined &&
    !(/^[0-9]{1,3}$/.test(prefix) && Number(prefix) <= (family === 4 ? 32 : 128))
  ) {
    return refuse('has a network with an impossible prefix length')
  }
  if (prefix !== undefined && Number(prefix) === 0) return refuse('must not trust every address')
  return text
}

const unitBytes: Readonly<Record<string, number>> = {
  '': 1,
  b: 1,
  kb: 1e3,
  mb: 1e6,
  gb: 1e9,
  tb: 1e12,
  pb: 1e15,
  kib: 2 ** 10,
  mib: 2 ** 20,
  gib: 2 ** 30,
  tib: 2 ** 40,
  pib: 2 ** 50,
  k: 2 ** 10,
  m: 2 ** 20,
  g: 2 ** 30,
  t: 2 ** 40,
}

/** A size in bytes: `1048576`, `5GB` (10^9), `100GiB` (2^30), `2.5T` (2^40). */
export const parseSize = (text: string): number => {
  const match = /^(?<number>[0-9]+(?:\.[0-9]+)?) ?(?<unit>[A-Za-z]*)$/.exec(text)
  const unit = unitBytes[match?.groups?.['unit']?.toLowerCase() ?? 'none']
  if (match === null || unit === undefined) return refuse('must be a size such as 500MB or 100GiB')
  const bytes = Math.round(Number(match.groups?.['number']) * unit)
  return Number.isSafeInteger(bytes) && bytes > 0
    ? bytes
    : refuse('must be a size above zero and below 8 PiB')
}

/** 32 bytes as base64url without padding; a newline at the end is ignored. */
export const parseKey = (text: string): Uint8Array => {
  const trimmed = text.trim()
  if (!/^[A-Za-z0-9_-]{43}$/.test(trimmed))
    return refuse('must be 32 bytes as base64url: 43 characters')
  return new Uint8Array(Buffer.from(trimmed, 'base64url'))
}

/** At least 16 printable characters; a newline at the end is ignored. */
const parseToken = (text: string): string => {
  const trimmed = text.trim()
  return /^[!-~]{16,512}$/.test(trimmed)
    ? trimmed
    : refuse('must be 16 to 512 printable characters without blanks')
}

const parseAccessLog = (text: string, folder: string): AccessLog => {
  if (text === 'off' || text === 'log') return { kind: text }
  return /[/\\]/.test(text) || text.endsWith('.log')
    ? { kind: 'file', path: isAbsolute(text) ? text : resolve(folder, text) }
    : refuse('must be off, log, or the path of a file')
}

const parseChoice = (text: string, choices: readonly string[]): string =>
  choices.includes(text) ? text : refuse(`must be one of ${choices.join(', ')}`)

export type SettingValue = string | number | readonly string[] | Listen | AccessLog | Uint8Array

/**
 * Reads the text of a setting; relative paths count from `folder`.
 * @throws SettingTextError whose message says what is wrong without repeating the text
 */
export const parseSetting = (setting: Setting, text: string, folder: string): SettingValue => {
  if (text.includes('\0')) return refuse('must not hold a NUL character')
  switch (setting.kind) {
    case 'path':
      return resolve(folder, text)
    case 'listen':
      return parseListen(text, folder)
    case 'origin':
      return parseOrigin(text)
    case 'origins':
      return parseOrigins(text)
    case 'proxies':
      return listOf(text).map(parseProxy)
    case 'size':
      return parseSize(text)
    case 'choice':
      return parseChoice(text, setting.choices ?? [])
    case 'access-log':
      return parseAccessLog(text, folder)
    case 'key':
      return parseKey(text)
    case 'token':
      return parseToken(text)
  }
}
