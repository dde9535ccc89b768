import { fullStorage, redirected } from '../remote/failures.ts'
import type { TextAnswer } from '../remote/remote-client.ts'
import { childOf, parseXml, textOf } from '../remote/xml.ts'
import { StorageError } from '../storage.ts'

const words: Readonly<Record<string, string>> = {
  RequestTimeTooSkewed:
    'The clock of this server and that of the storage differ by more than 15 minutes: set this one right.',
  SignatureDoesNotMatch: 'The storage does not accept the secret key, or the region is another.',
  InvalidAccessKeyId: 'The storage does not know the access key.',
  AuthorizationHeaderMalformed: 'The storage is in another region than the one set.',
  AccessDenied:
    'The storage does not let the access key do that: it needs to list, read, write and delete.',
  NoSuchBucket: 'The storage has no bucket of this name.',
  SlowDown: 'The storage is too busy.',
  ObjectLocked: 'The storage keeps this object until its lock ends.',
}
const fullCodes = new Set([
  'QuotaExceeded',
  'StorageFull',
  'XMinioStorageFull',
  'InsufficientCapacity',
])
const skewLimitMs = 15 * 60_000

/** The stable code of an error's XML; undefined where the answer holds none. */
export const codeOf = (text: string): string | undefined => {
  try {
    const code = textOf(childOf(parseXml(text), 'Error', 'Code'))
    return code !== undefined && /^\w{1,60}$/.test(code) ? code : undefined
  } catch {
    return undefined
  }
}

/** Whether the store's own clock, as its answer tells it, is too far from ours for a signature to hold. */
const isSkewed = (date: string | undefined, now: number): boolean =>
  Math.abs(Date.parse(date ?? '') - now) > skewLimitMs

/** What an answer that refuses means, in words without secrets or names. */
export const s3Failure = ({ status, headers, text }: TextAnswer, now: number): StorageError => {
  const code = codeOf(text)
  if (status >= 300 && status < 400) return redirected()
  if (status === 507 || (code !== undefined && fullCodes.has(code))) return fullStorage()
  if (status === 403 && isSkewed(headers.date, now))
    return new StorageError('unavailable', words['RequestTimeTooSkewed'] ?? '')
  const known = code === undefined ? undefined : words[code]
  const said = code === undefined ? String(status) : `${status} ${code}`
  if (known === undefined && (status === 401 || status === 403))
    return new StorageError('unavailable', `${words['AccessDenied']} (${said})`)
  return new StorageError('unavailable', known ?? `The storage answered ${said}.`)
}
