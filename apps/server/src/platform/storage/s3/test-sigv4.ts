/**
 * AWS Signature Version 4, checked: written from the specification and apart from the signer that the driver uses, so
 * that a mistake of one is not a mistake of both.
 */
import { createHash, createHmac } from 'node:crypto'
import type { IncomingMessage } from 'node:http'

const hmac = (key: Buffer | string, text: string): Buffer =>
  createHmac('sha256', key).update(text).digest()

const strict = (text: string): string =>
  [...Buffer.from(text)]
    .map((byte) => {
      const one = String.fromCharCode(byte)
      return /[A-Za-z0-9._~-]/.test(one)
        ? one
        : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`
    })
    .join('')

const byCodePoint = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)

const canonicalQuery = (search: string): string =>
  search === ''
    ? ''
    : search
        .split('&')
        .map((pair) => {
          const [name = '', value = ''] = pair.split('=', 2)
          return `${strict(decodeURIComponent(name))}=${strict(decodeURIComponent(value))}`
        })
        .sort(byCodePoint)
        .join('&')

export type SignatureFault =
  | 'AccessDenied'
  | 'InvalidAccessKeyId'
  | 'AuthorizationHeaderMalformed'
  | 'RequestTimeTooSkewed'
  | 'SignatureDoesNotMatch'

/** What is wrong with a request's signature; undefined for a good one. `now` in ms. */
export const signatureFault = (
  request: IncomingMessage,
  keys: { accessKey: string; secretKey: string; region: string },
  now: number,
): SignatureFault | undefined => {
  const { headers, method = '', url = '' } = request
  const form =
    /^AWS4-HMAC-SHA256 Credential=([^/]+)\/(\d{8})\/([^/]+)\/s3\/aws4_request, ?SignedHeaders=([a-z0-9;-]+), ?Signature=([0-9a-f]{64})$/
  const [, key, day = '', region = '', names = '', signature] =
    form.exec(headers.authorization ?? '') ?? []
  if (signature === undefined) return 'AccessDenied'
  if (key !== keys.accessKey) return 'InvalidAccessKeyId'
  if (region !== keys.region) return 'AuthorizationHeaderMalformed'
  const date = String(headers['x-amz-date'])
  const [, y, mo, d, h, mi, s] = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(date) ?? []
  const at = Date.parse(`${y}-${mo}-${d}T${h}:${mi}:${s}Z`)
  if (!(Math.abs(at - now) <= 15 * 60_000)) return 'RequestTimeTooSkewed'
  const signed = names.split(';')
  // Whatever begins with x-amz-, and the host, must be signed.
  const must = Object.keys(headers).filter((name) => name.startsWith('x-amz-') || name === 'host')
  if (must.some((name) => !signed.includes(name)) || !date.startsWith(day)) return 'AccessDenied'
  const [path = '', search = ''] = url.split('?', 2)
  const canonical = [
    method,
    path
      .split('/')
      .map((part) => strict(decodeURIComponent(part)))
      .join('/'),
    canonicalQuery(search),
    ...signed.map((name) => `${name}:${String(headers[name]).trim().replaceAll(/ +/g, ' ')}`),
    '',
    names,
    String(headers['x-amz-content-sha256']),
  ].join('\n')
  const scope = `${day}/${region}/s3/aws4_request`
  const hashed = createHash('sha256').update(canonical).digest('hex')
  const derived = [day, region, 's3', 'aws4_request'].reduce<Buffer | string>(
    hmac,
    `AWS4${keys.secretKey}`,
  )
  const right = hmac(derived, ['AWS4-HMAC-SHA256', date, scope, hashed].join('\n'))
  return right.toString('hex') === signature ? undefined : 'SignatureDoesNotMatch'
}
