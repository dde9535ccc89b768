import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Log } from '../log.ts'
import { type ObjectRef, StorageError, type StorageFailure } from '../storage/storage.ts'
import { answerStatus, signInHeaders } from './answers.ts'
import { sendObject } from './download.ts'
import { sendList } from './lists.ts'
import type { ResticTarget } from './paths.ts'
import type { RepositoryAct, RepositoryCaller } from './policy.ts'
import { receiveObject } from './upload.ts'

/** The answers to what a storage refuses. 400, 500 and 503 are sent again by restic, the others end its work. */
const statusOf: Readonly<Record<StorageFailure, number>> = {
  exists: 403,
  mismatch: 400,
  short: 400,
  'too-long': 400,
  'length-required': 411,
  full: 507,
  unavailable: 503,
}

const methodsOf: Readonly<Record<ResticTarget['kind'], string>> = {
  repository: 'POST',
  list: 'GET',
  object: 'HEAD, GET, POST, DELETE',
}

/**
 * Answers one request of the restic protocol, whatever becomes of it; the caller is known and was let in to this
 * repository. Never rejects.
 * @param log told of faults, which the client only sees as 500
 */
export const handleRestic = async (
  req: IncomingMessage,
  res: ServerResponse,
  target: ResticTarget,
  caller: RepositoryCaller,
  log?: Log,
): Promise<void> => {
  try {
    await answer(req, res, target, caller)
  } catch (error) {
    if (error instanceof StorageError) {
      if (error.failure === 'unavailable') log?.warn({ err: error }, 'a storage is unavailable')
      answerStatus(req, res, statusOf[error.failure], { text: error.message })
      return
    }
    // A client that left is no fault worth a line in the log.
    if (!res.destroyed && !req.destroyed) log?.error({ err: error }, 'a repository request failed')
    answerStatus(req, res, 500)
  }
}

const answer = (
  req: IncomingMessage,
  res: ServerResponse,
  target: ResticTarget,
  caller: RepositoryCaller,
): Promise<void> | void => {
  const method = req.method ?? ''
  if (!methodsOf[target.kind].split(', ').includes(method))
    return answerStatus(req, res, 405, { headers: { allow: methodsOf[target.kind] } })
  if (target.kind === 'repository') return create(req, res, caller)
  const type = target.kind === 'list' ? target.type : target.ref.type
  const act = actOf(method)
  const may = caller.may(act, type)
  if (may === 'gone') return answerStatus(req, res, 401, { headers: signInHeaders })
  if (!may) {
    if (act === 'remove') caller.onEvent({ act: 'refused-removal', type, bytes: 0 })
    return answerStatus(req, res, 403)
  }
  if (target.kind === 'list') return sendList(req, res, target.type, caller)
  return objectAnswers[method]?.(req, res, target.ref, caller)
}

const actOf = (method: string): RepositoryAct => {
  if (method === 'POST') return 'create'
  return method === 'DELETE' ? 'remove' : 'read'
}

const create = async (
  req: IncomingMessage,
  res: ServerResponse,
  caller: RepositoryCaller,
): Promise<void> => {
  const url = req.url ?? ''
  const query = url.includes('?') ? url.slice(url.indexOf('?') + 1) : ''
  if (new URLSearchParams(query).get('create') !== 'true') return answerStatus(req, res, 400)
  const may = caller.may('create', 'config')
  if (may === 'gone') return answerStatus(req, res, 401, { headers: signInHeaders })
  if (!may) return answerStatus(req, res, 403)
  await caller.store.create()
  answerStatus(req, res, 200)
}

type ObjectAnswer = (
  req: IncomingMessage,
  res: ServerResponse,
  ref: ObjectRef,
  caller: RepositoryCaller,
) => Promise<void>

const objectAnswers: Readonly<Record<string, ObjectAnswer>> = {
  GET: sendObject,
  POST: receiveObject,
  HEAD: async (req, res, ref, caller) => {
    const stat = await caller.store.stat(ref)
    if (stat === undefined) return answerStatus(req, res, 404)
    res.writeHead(200, { 'content-length': stat.sizeBytes, 'accept-ranges': 'bytes' })
    res.end()
  },
  DELETE: async (req, res, ref, caller) => {
    const removed = await caller.remove(ref)
    if (removed !== undefined)
      caller.onEvent({ act: 'remove', type: ref.type, bytes: removed.sizeBytes })
    answerStatus(req, res, 200)
  },
}
