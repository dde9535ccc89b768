import { chmodSync } from 'node:fs'
import { type Writable } from 'node:stream'
import pino from 'pino'

export type LogFields = Readonly<Record<string, unknown>>

/**
 * What the server's parts may write to. Fields are ids, counts, sizes and codes: never bodies, headers, names,
 * tokens, or a URL with its query. An error goes under `err`.
 */
export type Log = {
  debug(fields: LogFields, message: string): void
  info(fields: LogFields, message: string): void
  warn(fields: LogFields, message: string): void
  error(fields: LogFields, message: string): void
}

/** For tests and tools that want silence. */
export const noLog: Log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} }

/** A last net under the rule above: fields of these names never reach the log, at the top or one level down. */
const neverLogged = [
  'token',
  'tokenB64',
  'password',
  'secret',
  'authorization',
  'cookie',
  'headers',
  'body',
  'query',
  'key',
  'keyPem',
  'rootKey',
]
const redactPaths = neverLogged.flatMap((name) => [name, `*.${name}`])

/** Tokens, keys and hashes in base64url or hex are at least 32 characters long; no word or path segment of ours is. */
const withoutSecrets = (text: string): string =>
  text.replace(/[A-Za-z0-9_-]{40,}/g, '[removed]').replace(/\?[^\s'")]*/g, '?[removed]')

type LoggedError = {
  type: string
  message: string
  code?: string
  stack?: string
  cause?: LoggedError
}

/** An error as the log keeps it: name, code, message and stack without what looks like a secret, and its causes. */
export const loggedError = (error: unknown, depth = 0): LoggedError => {
  if (!(error instanceof Error)) return { type: typeof error, message: 'not an error object' }
  const code = 'code' in error && typeof error.code === 'string' ? error.code : undefined
  return {
    type: error.name,
    message: withoutSecrets(error.message),
    ...(code === undefined ? {} : { code }),
    ...(error.stack === undefined ? {} : { stack: withoutSecrets(error.stack) }),
    ...(error.cause === undefined || depth >= 4
      ? {}
      : { cause: loggedError(error.cause, depth + 1) }),
  }
}

const levelNames: Readonly<Record<number, string>> = {
  20: 'debug',
  30: 'info',
  40: 'WARN',
  50: 'ERROR',
  60: 'FATAL',
}

const plain = (value: unknown): string => {
  const text = typeof value === 'string' ? value : JSON.stringify(value)
  return /^[\w./:@%+-]+$/.test(text) ? text : JSON.stringify(text)
}

/** A line of JSON as a person reads it: time, level, message, fields; the stack of an error below it. */
export const humanLine = (line: string): string => {
  const { level, time, msg, err, ...fields } = JSON.parse(line) as Record<string, unknown>
  const error = err as LoggedError | undefined
  const at = new Date(typeof time === 'number' ? time : 0).toTimeString().slice(0, 8)
  const pairs = Object.entries(fields).map(([name, value]) => ` ${name}=${plain(value)}`)
  const stack = error === undefined ? '' : `\n${error.stack ?? `${error.type}: ${error.message}`}`
  const name = levelNames[Number(level)] ?? 'info'
  return `${at} ${name.padEnd(5)} ${typeof msg === 'string' ? msg : ''}${pairs.join('')}${stack}\n`
}

export type LogOptions = {
  readonly level: 'debug' | 'info' | 'warn' | 'error'
  /** `auto`: text where a person reads along, JSON lines otherwise. */
  readonly format: 'auto' | 'json' | 'text'
  /** Standard error unless told otherwise: standard output is for what `serve` prints. */
  readonly stream?: Writable & { isTTY?: boolean }
}

const pinoOptions = (level: string): pino.LoggerOptions => ({
  level,
  base: null,
  redact: { paths: redactPaths, censor: '[removed]' },
  serializers: { err: loggedError },
})

/** Opens the server's log. Writing is synchronous, so that the last words before an exit are not lost. */
export const openLog = ({ level, format, stream }: LogOptions): Log => {
  const target = stream ?? process.stderr
  const human = format === 'text' || (format === 'auto' && target.isTTY === true)
  if (human)
    return pino(pinoOptions(level), { write: (line: string) => void target.write(humanLine(line)) })
  return pino(pinoOptions(level), stream ?? pino.destination({ dest: 2, sync: true }))
}

/** A log in a file of its own that can be opened anew after a rotation. */
export type FileLog = { readonly log: Log; reopen(): void; close(): void | Promise<void> }

/** Appends JSON lines to a file with mode 0640, so that a log reader's group may be given it. */
export const openFileLog = (path: string): FileLog => {
  const destination = pino.destination({
    dest: path,
    append: true,
    mkdir: true,
    sync: false,
    minLength: 0,
  })
  destination.on('ready', () => chmodSync(path, 0o640))
  // A full disk must not end the server; the ordinary log tells of it.
  destination.on('error', () => {})
  return {
    log: pino(pinoOptions('info'), destination),
    reopen: () => destination.reopen(),
    close: () => destination.end(),
  }
}
