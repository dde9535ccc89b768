import { isProblemCode, ProblemError, type ProblemExtra } from '@hearthold/contract'
import type { TransportResponse } from './transport.ts'

const problemLimitBytes = 64 * 1024
const detailLimit = 500

/**
 * An error answer whose code this version does not know, or that is no problem document at all (a proxy's page).
 * Its `code` is `internal`, so that every caller can handle it; `status` is what was really answered.
 */
export class UnknownProblemError extends ProblemError {
  override readonly status: number

  constructor(
    status: number,
    detail: string,
    options: { extra?: ProblemExtra; retryAfterSeconds?: number } = {},
  ) {
    super('internal', detail, options)
    this.name = 'UnknownProblemError'
    this.status = status
  }
}

/** Seconds of a Retry-After header (seconds or a date); undefined where it is absent or makes no sense. */
export const retryAfterSeconds = (
  header: string | undefined,
  nowMs: number,
): number | undefined => {
  if (header === undefined) return undefined
  if (/^\d{1,9}$/.test(header)) return Number(header)
  const at = Date.parse(header)
  return Number.isNaN(at) ? undefined : Math.max(0, Math.ceil((at - nowMs) / 1000))
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const readExtra = (body: Record<string, unknown>): ProblemExtra | undefined => {
  const extra: Record<string, string | number | boolean> = {}
  const given = isRecord(body['extra']) ? body['extra'] : {}
  for (const [name, value] of Object.entries(given).slice(0, 32)) {
    if (name === '__proto__') continue
    if (typeof value === 'number' || typeof value === 'boolean') extra[name] = value
    if (typeof value === 'string') extra[name] = value.slice(0, detailLimit)
  }
  // Kept so that a member can tell a host which line of the log to look for.
  const requestId = body['requestId']
  if (typeof requestId === 'string' && /^[\w-]{1,64}$/.test(requestId))
    extra['requestId'] = requestId
  return Object.keys(extra).length > 0 ? extra : undefined
}

const readBody = async (
  response: TransportResponse,
): Promise<Record<string, unknown> | undefined> => {
  const type = response.headers['content-type'] ?? ''
  if (!/^application\/(problem\+)?json\b/i.test(type)) {
    response.discard()
    return undefined
  }
  try {
    const body: unknown = JSON.parse(
      new TextDecoder().decode(await response.bytes(problemLimitBytes)),
    )
    return isRecord(body) ? body : undefined
  } catch {
    // The status alone says enough; a broken problem document must not hide it behind another error.
    return undefined
  }
}

/** Reads an error answer (status 400 and above) into the error to throw. Never throws itself. */
export const readProblem = async (
  response: TransportResponse,
  nowMs: number,
): Promise<ProblemError> => {
  const wait = retryAfterSeconds(response.headers['retry-after'], nowMs)
  const body = await readBody(response)
  const extra = body && readExtra(body)
  const options = {
    ...(extra === undefined ? {} : { extra }),
    ...(wait === undefined ? {} : { retryAfterSeconds: wait }),
  }
  const code = body?.['code']
  if (!body || !isProblemCode(code)) {
    const detail = body
      ? `The server answered with a problem that this version does not know (status ${response.status}).`
      : `The server answered with status ${response.status} and no explanation.`
    return new UnknownProblemError(response.status, detail, options)
  }
  const detail = body['detail']
  return new ProblemError(
    code,
    typeof detail === 'string' ? detail.slice(0, detailLimit) : undefined,
    options,
  )
}
