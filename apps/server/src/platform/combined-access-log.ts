import { mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import type { Clock } from './clock.ts'
import { openCombinedLog } from './combined-log.ts'
import { type FileLog, type LogFields, noLog } from './log.ts'

const textOf = (value: unknown): string | undefined =>
  typeof value === 'string' ? value : undefined
const numberOf = (value: unknown): number => (typeof value === 'number' ? value : 0)

/**
 * The access log of the server as tools for Apache's read it: `info` takes the fields of one request, with the details
 * (HttpDeps). Paths come without queries, and where a page came from is not written: both could tell more than a log may.
 */
export const openCombinedAccessLog = (path: string, clock: Clock): FileLog => {
  mkdirSync(dirname(path), { recursive: true })
  const file = openCombinedLog(path, clock)
  const info = (fields: LogFields): void =>
    file.write({
      address: textOf(fields['address']),
      user: textOf(fields['account']),
      at: clock.now() - numberOf(fields['ms']),
      method: textOf(fields['method']) ?? '-',
      url: textOf(fields['path']) ?? '-',
      httpVersion: textOf(fields['httpVersion']) ?? '1.1',
      status: numberOf(fields['status']),
      bodyBytes: numberOf(fields['bodyBytes']),
      referrer: undefined,
      userAgent: textOf(fields['client']),
    })
  return { log: { ...noLog, info }, reopen: () => file.reopen(), close: () => file.close() }
}
