import {
  backoffMs,
  defaultRetry,
  NetworkError,
  realWaiting,
  type Transport,
  type TransportResponse,
} from '@hearthold/client'
import {
  readResticAnswer,
  resticBlocks,
  ResticError,
  type ResticSource,
  type ResticType,
} from '@hearthold/member'
import { CliError } from '../cli-error.ts'
import type { ResticAddress } from './restic-address.ts'

type Range = { readonly offset: number; readonly length: number }
type Listed = { readonly id: string; readonly sizeBytes: number }

const listLimitBytes = 256 * 1024 * 1024
const v2 = 'application/vnd.x.restic.rest.v2'

const unexpected = () =>
  new NetworkError('protocol', 'The server answers unlike a restic REST server.')

const refused = () =>
  new CliError(
    'notSignedIn',
    'The server does not let this credential into the repository.',
    'Check the address in the repository file, and whether the credential was revoked.',
  )

const isBusy = (status: number): boolean => [429, 500, 502, 503, 504].includes(status)

/** Throws for every status but success; undefined stands for 404. */
const checked = (response: TransportResponse): TransportResponse | undefined => {
  const { status } = response
  if (status === 200 || status === 206) return response
  response.discard()
  if (status === 401 || status === 403) throw refused()
  if (status === 404) return undefined
  if (status === 416) throw new ResticError('source', 'An object is shorter than it should be.')
  if (isBusy(status)) throw new NetworkError('refused', 'The server cannot answer at the moment.')
  if (status >= 300 && status < 400)
    throw new NetworkError('redirect', 'The address answers with a redirect.')
  throw unexpected()
}

/** Runs a read again after failures that pass. */
const patiently = async <T>(
  signal: AbortSignal | undefined,
  work: () => Promise<T>,
): Promise<T> => {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work()
    } catch (error) {
      const passing = error instanceof NetworkError && error.passing
      if (signal?.aborted || !passing || attempt >= defaultRetry.attempts) throw error
      await realWaiting.sleep(backoffMs(defaultRetry, attempt, realWaiting.random), signal)
    }
  }
}

const isName = (value: unknown): value is string =>
  typeof value === 'string' && /^[0-9a-f]{64}$/.test(value)

/** Both forms of a list: names, and names with sizes. Where no size was said it is 0. What is no name is no object. */
const parseList = (bytes: Uint8Array): Listed[] => {
  let value: unknown
  try {
    value = JSON.parse(new TextDecoder().decode(bytes))
  } catch {
    throw unexpected()
  }
  // Go writes null for an empty list.
  if (!Array.isArray(value ?? [])) throw unexpected()
  return ((value ?? []) as readonly unknown[]).flatMap((one) => {
    if (isName(one)) return [{ id: one, sizeBytes: 0 }]
    const { name, size } = (one ?? {}) as { name?: unknown; size?: unknown }
    return isName(name) ? [{ id: name, sizeBytes: typeof size === 'number' ? size : 0 }] : []
  })
}

/**
 * A repository at any restic REST server. Throws `ResticError` (`object_missing`, `source`), `NetworkError`, and
 * `CliError` where the server refuses the credential.
 */
export const restSource = (transport: Transport, address: ResticAddress): ResticSource => {
  const { path, user, secret } = address
  const credential = Buffer.from(`${user}:${secret}`, 'utf8').toString('base64')
  const authorization: Record<string, string> =
    user === '' && secret === '' ? {} : { authorization: `Basic ${credential}` }
  const get = async (
    name: string,
    headers: Readonly<Record<string, string>>,
    signal: AbortSignal | undefined,
    range?: Range,
  ) => {
    const request = { method: 'GET', url: `${path}${name}`, signal, ...resticBlocks(range) }
    return checked(
      await transport.request({ ...request, headers: { ...authorization, ...headers } }),
    )
  }
  const readOnce = async (
    type: ResticType,
    id: string,
    range: Range | undefined,
    signal: AbortSignal | undefined,
  ) => {
    const name = type === 'config' ? type : `${type}/${id}`
    const last = range ? range.offset + range.length - 1 : 0
    const headers: Record<string, string> = range ? { range: `bytes=${range.offset}-${last}` } : {}
    const response = await get(name, headers, signal, range)
    if (response) return readResticAnswer(response, range)
    throw new ResticError('object_missing', `The object ${name.slice(0, 20)} is not there.`)
  }
  return {
    list: (type, signal) =>
      patiently(signal, async () => {
        const response = await get(`${type}/`, { accept: v2 }, signal)
        return response ? parseList(await response.bytes(listLimitBytes)) : []
      }),
    read: (type, id, range, signal) => patiently(signal, () => readOnce(type, id, range, signal)),
  }
}
