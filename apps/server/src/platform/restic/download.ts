import type { IncomingMessage, ServerResponse } from 'node:http'
import { writePieces } from '../http/pieces.ts'
import type { ObjectRef, OpenedObject } from '../storage/storage.ts'
import { answerStatus } from './answers.ts'
import type { RepositoryCaller } from './policy.ts'
import { type ByteRange, rangeOf } from './ranges.ts'

const octets = 'application/octet-stream'

/** GET of an object. Restic sends a Range each time. @throws what the storage throws before the answer begins */
export const sendObject = async (
  req: IncomingMessage,
  res: ServerResponse,
  ref: ObjectRef,
  caller: RepositoryCaller,
): Promise<void> => {
  const opening = caller.store.open(ref)
  const object = opening instanceof Promise ? await opening : opening
  if (object === undefined) return answerStatus(req, res, 404)
  const { sizeBytes } = object
  // There is nothing to compare an If-Range with, so that it never holds.
  const asked = req.headers['if-range'] === undefined ? req.headers.range : undefined
  const range = rangeOf(asked, sizeBytes)
  if (range === 'beyond' || range === 'malformed') {
    object.close()
    const headers = range === 'beyond' ? { 'content-range': `bytes */${sizeBytes}` } : {}
    return answerStatus(req, res, 416, { headers })
  }
  const wanted = range === 'whole' ? { start: 0, end: sizeBytes } : range
  await sendRange(res, object, wanted, range !== 'whole')
  caller.onEvent({ act: 'read', type: ref.type, bytes: wanted.end - wanted.start })
}

const sendRange = async (
  res: ServerResponse,
  object: OpenedObject,
  { start, end }: ByteRange,
  isPart: boolean,
): Promise<void> => {
  const read = object.read({ start, end })
  const headers = {
    'content-type': octets,
    'content-length': end - start,
    'accept-ranges': 'bytes',
    ...(isPart ? { 'content-range': `bytes ${start}-${end - 1}/${object.sizeBytes}` } : {}),
  }
  res.writeHead(isPart ? 206 : 200, headers)
  if ('bytes' in read) {
    res.end(read.bytes)
    return
  }
  try {
    await writePieces(res, read.pieces, read.sizeBytes)
    res.end()
  } finally {
    read.close()
  }
}
