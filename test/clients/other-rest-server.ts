/** rest-server itself, where REST_SERVER names its binary: the original of what `hearthold rest-server` takes the place of. */
import {
  type RawAnswer,
  type RawRequest,
  type Started,
  startRestServer,
} from '../repositories/rest-server-process.ts'

/** Undefined where there is none on this machine. */
export const restServerBinary = process.env['REST_SERVER']

/**
 * Go's ways as in the releases of rest-server, which are built as a module. A build outside of Go's modules has those of an
 * older Go: it tidies `%2e%2e` in paths, and shows headers of a range in its refusal.
 */
const asReleased = { GODEBUG: 'httpmuxgo121=0,httpservecontentkeepheaders=0,tls10server=0' }

/** To HEAD of a path that it cannot read Go answers with a body, which Node's client takes for a fault. */
const headWithBody = (error: unknown): RawAnswer => {
  if (!(error instanceof Error && 'rawPacket' in error && Buffer.isBuffer(error.rawPacket)))
    throw error
  const [, status] = /^HTTP\/1\.1 (\d{3}) /.exec(error.rawPacket.toString('latin1')) ?? []
  if (status === undefined) throw error
  return { status: Number(status), headers: {}, body: Buffer.alloc(0) }
}

/** Starts rest-server on a free port. @throws Error where REST_SERVER names none, or it does not start */
export const startOriginal = async (
  argv: readonly string[],
  options: { readonly tls?: boolean } = {},
): Promise<Started> => {
  if (restServerBinary === undefined) throw new Error('REST_SERVER names no rest-server')
  const started = await startRestServer(argv, {
    ...options,
    binary: restServerBinary,
    env: asReleased,
  })
  const ask = async (input: RawRequest): Promise<RawAnswer> => {
    const answer = await started.ask(input).catch(headWithBody)
    // A version built with a newer Go redirects with 307.
    return answer.status === 307 ? { ...answer, status: 301 } : answer
  }
  return { ...started, ask }
}
