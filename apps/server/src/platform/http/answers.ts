import type { FastifyReply, FastifyRequest } from 'fastify'
import { writePieces } from './pieces.ts'

/**
 * The answer of an endpoint whose answer is bytes: all at once, or piece by piece.
 *
 * [Note: pieces] Pieces are written straight to the socket with back-pressure, without streams: those cost two to three
 * times the CPU. At most two pieces are under way, so a source may use two buffers in turn: the bytes of a piece must
 * stay as they are until the piece after the next is asked for. `sizeBytes` is the sum of all pieces; if it is not reached the connection is cut, so that the
 * client never takes half for whole.
 */
export type BytesAnswer = {
  readonly status?: number
  readonly headers?: Readonly<Record<string, string>>
} & (
  | { readonly bytes: Uint8Array }
  | {
      readonly pieces: AsyncIterable<Uint8Array>
      readonly sizeBytes: number
      /** Called once when nobody reads on, whether all was sent, the client left, or only the head was asked for. */
      readonly close?: () => void | Promise<void>
    }
)

const octets = 'application/octet-stream'

const asBuffer = (bytes: Uint8Array): Buffer =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)

/**
 * Sends a bytes answer.
 * @param onBroken told when an answer that had begun could not be finished; the connection is cut then
 */
export const sendBytes = async (
  request: FastifyRequest,
  reply: FastifyReply,
  answer: BytesAnswer | Uint8Array,
  onBroken: (error: unknown) => void,
): Promise<unknown> => {
  if (answer instanceof Uint8Array)
    return reply.header('content-type', octets).send(asBuffer(answer))
  reply
    .code(answer.status ?? 200)
    .header('content-type', octets)
    .headers({ ...answer.headers })
  if ('bytes' in answer) return reply.send(asBuffer(answer.bytes))
  const { pieces, sizeBytes } = answer
  reply.header('content-length', String(sizeBytes)).hijack()
  const response = reply.raw
  response.writeHead(reply.statusCode, reply.getHeaders() as Record<string, string | string[]>)
  try {
    if (request.method !== 'HEAD') await writePieces(response, pieces, sizeBytes)
    response.end()
  } catch (error) {
    // A client that left is no fault worth a line in the log.
    if (!response.destroyed) onBroken(error)
    response.destroy()
  } finally {
    await answer.close?.()
  }
  return reply
}
