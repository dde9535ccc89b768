import {
  type AnswerOf,
  type listRepositoryObjects,
  type ParamsOf,
  ProblemError,
  type readRepositoryObject,
} from '@hearthold/contract'
import type { SessionContext } from '#platform/access/session.ts'
import { byteRange } from '#platform/http/byte-range.ts'
import type { BytesAnswer } from '#platform/http/index.ts'
import type { ObjectRef, OpenedObject } from '#platform/storage/storage.ts'
import type { Parts } from './parts.ts'

/** The id under which `config`, which has none, is asked for. */
const configId = '0'.repeat(64)

/** Some ten MB of answer; no repository of restic's comes near. Else a member could have the server hold any amount. */
const listedLimit = 100_000

/** Names and sizes of the objects of one type. @throws ProblemError `too_large` */
export const listObjects = async (
  { catalogue }: Parts,
  session: SessionContext,
  { repository, type }: ParamsOf<typeof listRepositoryObjects>,
): Promise<AnswerOf<typeof listRepositoryObjects>> => {
  const live = catalogue.own(session, repository)
  const objects: { id: string; sizeBytes: number }[] = []
  await live.guard(async () => {
    const parts = await (await live.store()).list(type)
    if (parts === undefined) return
    for await (const part of parts) {
      if (objects.length + part.length > listedLimit)
        throw new ProblemError('too_large', 'There are more objects of this type than are listed.')
      for (const { id, sizeBytes } of part) objects.push({ id, sizeBytes })
    }
  })
  return { objects }
}

const refOf = ({ type, id }: ParamsOf<typeof readRepositoryObject>): ObjectRef => {
  if (type !== 'config') return { type, id }
  if (id !== configId) throw unknown()
  return { type, id: '' }
}

const unknown = (): ProblemError => new ProblemError('not_found', 'There is no such object.')

/** The bytes of an object, or of a range of it, as restic sealed them. */
export const readObject = async (
  { catalogue }: Parts,
  session: SessionContext,
  params: ParamsOf<typeof readRepositoryObject>,
  rangeHeader: string | undefined,
  setHeader: (name: string, value: string) => void,
): Promise<BytesAnswer> => {
  const live = catalogue.own(session, params.repository)
  const ref = refOf(params)
  return live.guard(async () => {
    const object = await (await live.store()).open(ref)
    if (object === undefined) throw unknown()
    try {
      return answerOf(object, rangeHeader)
    } catch (error) {
      object.close()
      if (error instanceof ProblemError && error.code === 'range_not_satisfiable')
        setHeader('content-range', `bytes */${object.sizeBytes}`)
      throw error
    }
  })
}

const answerOf = (object: OpenedObject, rangeHeader: string | undefined): BytesAnswer => {
  const { sizeBytes } = object
  const headers = { 'accept-ranges': 'bytes' }
  const range = byteRange(rangeHeader, sizeBytes)
  if (!range) return { headers, ...object.read({ start: 0, end: sizeBytes }) }
  const contentRange = `bytes ${range.start}-${range.end - 1}/${sizeBytes}`
  return {
    status: 206,
    headers: { ...headers, 'content-range': contentRange },
    ...object.read(range),
  }
}
