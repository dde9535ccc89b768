import type { IncomingMessage, ServerResponse } from 'node:http'
import { type ObjectRef, StorageError } from '../storage/storage.ts'
import { answerStatus, signInHeaders } from './answers.ts'
import type { RepositoryCaller, Reservation } from './policy.ts'

/** The right to store was taken away while the body came. */
class RevokedError extends Error {
  readonly isGone: boolean

  constructor(isGone: boolean) {
    super('The right to store was taken away')
    this.name = 'RevokedError'
    this.isGone = isGone
  }
}

/** Length as declared; undefined where the body comes in chunks. */
const declaredLength = (req: IncomingMessage): number | undefined => {
  const header = req.headers['content-length']
  if (header !== undefined) return Number(header)
  return req.headers['transfer-encoding'] === undefined ? 0 : undefined
}

/** POST of an object. @throws what the storage throws and has no status of its own */
export const receiveObject = async (
  req: IncomingMessage,
  res: ServerResponse,
  ref: ObjectRef,
  caller: RepositoryCaller,
): Promise<void> => {
  const sizeBytes = declaredLength(req)
  const room = caller.reserve(ref, sizeBytes)
  if (room === 'full') return answerStatus(req, res, 507)
  if (room === 'length-required') return answerStatus(req, res, 411)
  // Only now is the client told to send, if it asked.
  if (req.headers.expect?.toLowerCase() === '100-continue') res.writeContinue()
  try {
    await store(req, res, ref, caller, room)
  } catch (error) {
    if (!(error instanceof RevokedError)) throw error
    if (error.isGone) answerStatus(req, res, 401, { headers: signInHeaders })
    else answerStatus(req, res, 403)
  }
}

const store = async (
  req: IncomingMessage,
  res: ServerResponse,
  ref: ObjectRef,
  caller: RepositoryCaller,
  room: Reservation,
): Promise<void> => {
  let storedBytes = 0
  try {
    const { outcome, sizeBytes } = await caller.store.write(ref, req, {
      sizeBytes: declaredLength(req),
      verify: caller.verify && ref.type !== 'config',
      onBytes: (count) => {
        // Asked again with each bytes that come, the last ones too: before anything is published.
        const may = caller.may('create', ref.type)
        if (may !== true) throw new RevokedError(may === 'gone')
        room.take(count)
      },
    })
    if (outcome === 'stored') {
      storedBytes = sizeBytes
      caller.onEvent({ act: 'write', type: ref.type, bytes: sizeBytes })
    }
  } catch (error) {
    if (error instanceof StorageError && error.failure === 'mismatch')
      caller.onEvent({ act: 'failed-verification', type: ref.type, bytes: 0 })
    throw error
  } finally {
    room.settle(storedBytes)
  }
  answerStatus(req, res, 200)
}
