import { closeSync, openSync } from 'node:fs'
import type { IncomingMessage, ServerResponse } from 'node:http'
import pino from 'pino'
import type { Clock } from './clock.ts'

const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']
const two = (number: number): string => String(number).padStart(2, '0')

/** `21/Nov/2026:13:05:09 +0000`, in the time of this machine. */
const apacheTime = (ms: number): string => {
  const at = new Date(ms)
  const minutes = -at.getTimezoneOffset()
  const zone = `${minutes < 0 ? '-' : '+'}${two(Math.floor(Math.abs(minutes) / 60))}${two(Math.abs(minutes) % 60)}`
  const day = `${two(at.getDate())}/${months[at.getMonth()] ?? ''}/${at.getFullYear()}`
  return `${day}:${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())} ${zone}`
}

/**
 * What a client chose can end no field and no line.
 * @param encoding `latin1` for headers, of which Node makes each byte a character
 */
const quoted = (text: string, encoding: 'utf8' | 'latin1' = 'utf8'): string =>
  text.replace(/["\\]|[^ -~]/g, (character) =>
    character === '"' || character === '\\'
      ? `\\${character}`
      : [...Buffer.from(character, encoding)]
          .map((byte) => `\\x${byte.toString(16).padStart(2, '0')}`)
          .join(''),
  )

/** A field without quotes: blanks are written as \x20, nothing at all as `-`. */
const bare = (text: string | undefined): string =>
  text === undefined || text === '' ? '-' : quoted(text).replaceAll(' ', '\\x20')

export type CombinedEntry = {
  readonly address: string | undefined
  readonly user: string | undefined
  /** When the request came, in ms since 1970. */
  readonly at: number
  readonly method: string
  readonly url: string
  readonly httpVersion: string
  readonly status: number
  readonly bodyBytes: number
  readonly referrer: string | undefined
  readonly userAgent: string | undefined
}

/** One line of Apache's combined format, its end included. */
export const combinedLine = (entry: CombinedEntry): string => {
  const request = `${entry.method} ${entry.url} HTTP/${entry.httpVersion}`
  const header = (text: string | undefined): string => quoted(text ?? '', 'latin1')
  return (
    `${bare(entry.address)} - ${bare(entry.user)} [${apacheTime(entry.at)}] "${quoted(request)}" ` +
    `${entry.status} ${entry.bodyBytes} "${header(entry.referrer)}" "${header(entry.userAgent)}"\n`
  )
}

export type CombinedLog = {
  /**
   * Writes a line when the answer is over, also where it was cut off.
   * @param user asked then: the authenticated name, undefined where there is none
   */
  watch(req: IncomingMessage, res: ServerResponse, user: () => string | undefined): void
  /** Writes the line of an answer that somebody else has watched. */
  write(entry: CombinedEntry): void
  /** After a rotation: goes on in a new file of the old name. */
  reopen(): void
  /** Writes what is left. */
  close(): Promise<void>
}

/** Counts the bytes of the body as they are handed over; Node itself only counts those of the connection. */
const countBody = (req: IncomingMessage, res: ServerResponse): (() => number) => {
  if (req.method === 'HEAD') return () => 0
  let bytes = 0
  const add = (chunk: unknown, encoding: unknown): void => {
    if (typeof chunk === 'string')
      bytes += Buffer.byteLength(
        chunk,
        typeof encoding === 'string' ? (encoding as 'utf8') : 'utf8',
      )
    else if (chunk instanceof Uint8Array) bytes += chunk.byteLength
  }
  const { write, end } = res
  res.write = ((...args: Parameters<typeof write>) => {
    add(args[0], args[1])
    return write.apply(res, args)
  }) as typeof write
  // Node's own `end` does not call the method above: nothing is counted twice.
  res.end = ((...args: Parameters<typeof end>) => {
    add(args[0], args[1])
    return end.apply(res, args)
  }) as typeof end
  return () => bytes
}

/** A file that is there keeps its mode: whoever reads it may need that. */
const newFileMode = 0o640

/**
 * Opens an access log that tools for Apache's can read. Lines hold addresses, names of users and paths: a new file has mode 0640.
 * @param file its path, or `-` for standard output
 * @throws the file's error where it cannot be written
 */
export const openCombinedLog = (file: string, clock: Clock): CombinedLog => {
  const isFile = file !== '-'
  // The destination below tells of a failure only later.
  if (isFile) closeSync(openSync(file, 'a', newFileMode))
  const destination = pino.destination({
    dest: isFile ? file : 1,
    append: true,
    sync: false,
    minLength: 0,
    mode: newFileMode,
  })
  // A full disk must not end the server.
  destination.on('error', () => {})
  return {
    watch: (req, res, user) => {
      const at = clock.now()
      const address = req.socket.remoteAddress?.replace(/^::ffff:(?=\d+\.)/, '')
      const bodyBytes = countBody(req, res)
      res.once('close', () => {
        const { method = '', url = '', httpVersion, headers } = req
        destination.write(
          combinedLine({
            ...{ at, address, user: user(), method, url, httpVersion, bodyBytes: bodyBytes() },
            status: res.statusCode,
            referrer: headers.referer,
            userAgent: headers['user-agent'],
          }),
        )
      })
    },
    write: (entry) => void destination.write(combinedLine(entry)),
    reopen: () => isFile && destination.reopen(),
    close: () =>
      new Promise((resolve) => {
        destination.once('close', resolve)
        destination.once('error', () => resolve())
        destination.end()
      }),
  }
}
