import type { ClientRequest } from 'node:http'
import type { TransportRequest } from '@hearthold/client'
import { releaseBuffer } from './release-buffer.ts'

export type SendingBody = {
  /** True while the next chunk is being read or sealed: the silence on the line is then our own. */
  waitsForSource(): boolean
  /** Ends the sending; true when all had been sent. */
  stop(): boolean
  /** What the source threw, if it did. */
  failure(): unknown
}

const otherLength = () => new TypeError('A body has another length than announced')

const drained = (request: ClientRequest): Promise<void> =>
  new Promise((resolve) => {
    const done = () => {
      request.off('drain', done).off('close', done)
      resolve()
    }
    request.on('drain', done).on('close', done)
  })

/**
 * Writes a body at the pace of the connection. A chunk goes to the socket as it is, uncopied, which is why its memory is the transport's from then on.
 * An error of the source destroys the request, so that the server never takes a part for the whole.
 */
export const sendBody = (
  request: ClientRequest,
  { body, bodyLength }: Pick<TransportRequest, 'body' | 'bodyLength'>,
): SendingBody => {
  let waits = false
  let stopped = false
  let whole = false
  let failure: unknown

  const finish = (last?: Uint8Array) => {
    whole = true
    request.end(last)
  }
  const pump = async (source: AsyncIterable<Uint8Array>) => {
    let sizeBytes = 0
    waits = true
    for await (const chunk of source) {
      waits = false
      sizeBytes += chunk.length
      if (bodyLength !== undefined && sizeBytes > bodyLength) throw otherLength()
      if (stopped || request.destroyed) return
      if (!request.write(chunk, () => releaseBuffer(chunk))) await drained(request)
      if (stopped || request.destroyed) return
      waits = true
    }
    waits = false
    if (sizeBytes !== bodyLength) throw otherLength()
    finish()
  }
  if (body === undefined) finish()
  else if (body instanceof Uint8Array) finish(body)
  else if (body instanceof Blob)
    throw new TypeError('Blobs are sent by transports that do not stream')
  else {
    pump(body).catch((error: unknown) => {
      waits = false
      // Once the server has answered, what the source still has to say no longer matters.
      if (stopped) return
      failure = error
      request.destroy()
    })
  }
  return {
    waitsForSource: () => waits,
    stop: () => {
      stopped = true
      return whole
    },
    failure: () => failure,
  }
}
