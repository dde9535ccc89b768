import type { IncomingMessage, ServerResponse } from 'node:http'
import { writePieces } from '../http/pieces.ts'
import type { ObjectRef, OpenedObject } from '../storage/storage.ts'
import { answerStatus } from './answers.ts'
import type { RepositoryCaller } from './policy.ts'
import { type ByteRange, rangeOf } from './ranges.ts'
import { largestHold, type ReadBudget, readerOf, readsOfProcess } from './read-budget.ts'

const octets = 'application/octet-stream'
/** Up to here the system mostly takes an answer at once, and nothing of it is held. */
const smallBytes = 64 * 1024

/** GET of an object. Restic sends a Range each time. @throws what the storage throws before the answer begins */
export const sendObject = async (
  req: IncomingMessage,
  res: ServerResponse,
  ref: ObjectRef,
  caller: RepositoryCaller,
): Promise<void> => {
  const { reads = readsOfProcess } = caller
  // The rare case first: nothing is opened before there is room.
  if (reads.isTight) return (await reads.wait(req, res)) ? send(req, res, ref, caller) : undefined
  return send(req, res, ref, caller, reads)
}

/** @param reads where no room was taken yet */
const send = async (
  req: IncomingMessage,
  res: ServerResponse,
  ref: ObjectRef,
  caller: RepositoryCaller,
  reads?: ReadBudget,
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
  const bytes = wanted.end - wanted.start
  const isLarge = bytes > smallBytes
  if (isLarge && reads && !reads.hold(res, readerOf(req), Math.min(bytes, largestHold))) {
    object.close()
    return (await reads.wait(req, res)) ? send(req, res, ref, caller) : undefined
  }
  await sendRange(res, object, wanted, range !== 'whole')
  // Mostly the system has taken all of it.
  if (!isLarge && reads && res.writableLength > 0) reads.holdUnsent(res, readerOf(req), bytes)
  caller.onEvent({ act: 'read', type: ref.type, bytes })
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
