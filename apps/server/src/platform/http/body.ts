import { type BodyKind, ProblemError } from '@hearthold/contract'
import type { IncomingMessage } from 'node:http'

/**
 * The time in which a body that is buffered must be here: half a minute, and more for large ones at the pace of a poor
 * line (32 KiB/s), so that a client that drips holds its place only so long. Milliseconds, in whole seconds: timers of
 * one length share a list, and a length of its own for every size would make a new list for every request.
 */
export const bodyTimeMs = (sizeBytes: number): number =>
  30_000 + 1000 * Math.ceil(sizeBytes / 32_000)

/** The declared length of a body in bytes; undefined when it comes in chunks. */
export const declaredLength = (request: IncomingMessage): number | undefined => {
  const header = request.headers['content-length']
  return header === undefined ? undefined : Number(header)
}

/**
 * Refuses what is declared larger than the endpoint takes, before a byte is read.
 * @throws ProblemError too_large
 */
export const checkDeclaredLength = (request: IncomingMessage, limitBytes: number): void => {
  if ((declaredLength(request) ?? 0) > limitBytes) throw tooLarge(limitBytes)
}

const tooLarge = (limitBytes: number): ProblemError =>
  new ProblemError('too_large', 'The request is larger than this endpoint takes.', {
    extra: { limitBytes },
  })

/**
 * Reads a body of at most `limitBytes` into one buffer.
 * @throws ProblemError too_large as soon as the limit is passed, bad_request when it ends early or takes too long
 */
export const readBody = (
  request: IncomingMessage,
  limitBytes: number,
  withinMs: number = bodyTimeMs(declaredLength(request) ?? limitBytes),
): Promise<Buffer> =>
  new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    let sizeBytes = 0
    const timer = setTimeout(
      () => finish(new ProblemError('bad_request', 'The body did not arrive in time.')),
      withinMs,
    )
    const onData = (chunk: Buffer): void => {
      sizeBytes += chunk.length
      if (sizeBytes > limitBytes) finish(tooLarge(limitBytes))
      else chunks.push(chunk)
    }
    const onEnd = (): void => finish(undefined)
    const onBroken = (): void => finish(new ProblemError('bad_request', 'The body ended early.'))
    const finish = (problem: ProblemError | undefined): void => {
      clearTimeout(timer)
      request.off('data', onData).off('end', onEnd).off('error', onBroken).off('close', onBroken)
      if (problem === undefined)
        resolve(
          chunks.length === 1 && chunks[0] !== undefined
            ? chunks[0]
            : Buffer.concat(chunks, sizeBytes),
        )
      else {
        request.on('error', () => {})
        reject(problem)
      }
    }
    request.on('data', onData).on('end', onEnd).on('error', onBroken).on('close', onBroken)
  })

/** The media type of a Content-Type header, lower case, without parameters. */
const mediaType = (header: string | undefined): string =>
  header?.split(';', 1)[0]?.trim().toLowerCase() ?? ''

/**
 * Refuses a body of another kind than the endpoint takes.
 * @throws ProblemError unsupported_media_type
 */
export const checkMediaType = (
  contentType: string | undefined,
  kind: Exclude<BodyKind, undefined>,
): void => {
  const wanted = kind === 'bytes' ? 'application/octet-stream' : 'application/json'
  if (mediaType(contentType) !== wanted)
    throw new ProblemError('unsupported_media_type', `This endpoint takes ${wanted}.`)
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/**
 * Reads JSON in valid UTF-8. Names such as `__proto__` are left to the schemas, which all refuse unknown fields.
 * @throws ProblemError bad_request, without the parser's message, which would quote the input
 */
export const parseJson = (bytes: Uint8Array): unknown => {
  try {
    return JSON.parse(utf8.decode(bytes)) as unknown
  } catch {
    throw new ProblemError('bad_request', 'The body is not JSON.')
  }
}

/**
 * Path and query arrive as text. Integers and booleans that the schema asks for are read here, digits only: Ajv's own
 * coercion would also take "", " 1" and "1e3".
 */
export const coerceTexts = (schema: unknown, texts: unknown): Record<string, unknown> => {
  const properties = (schema as { properties?: Record<string, { type?: string }> }).properties ?? {}
  const entries = Object.entries(texts as Record<string, unknown>).map(
    ([name, text]): [string, unknown] => {
      const type = Object.hasOwn(properties, name) ? properties[name]?.type : undefined
      if (type === 'integer' && typeof text === 'string' && /^-?(?:0|[1-9]\d{0,15})$/.test(text))
        return [name, Number(text)]
      if (type === 'boolean' && (text === 'true' || text === 'false'))
        return [name, text === 'true']
      return [name, text]
    },
  )
  return Object.fromEntries(entries)
}
