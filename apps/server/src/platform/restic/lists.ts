import type { IncomingMessage, ServerResponse } from 'node:http'
import type { ListedObject, ObjectType } from '../storage/storage.ts'
import { answerStatus } from './answers.ts'
import type { RepositoryCaller } from './policy.ts'
import { readerOf, readsOfProcess } from './read-budget.ts'

const mediaTypes = {
  v1: 'application/vnd.x.restic.rest.v1',
  v2: 'application/vnd.x.restic.rest.v2',
} as const

/** Handed to the socket at a time, so that it shows whether the reader takes anything. */
const batchBytes = 1024 * 1024

/** GET of a list. v2 is what asks for exactly that, v1 everything else. @throws what the storage throws */
export const sendList = async (
  req: IncomingMessage,
  res: ServerResponse,
  type: ObjectType,
  { store, reads = readsOfProcess }: RepositoryCaller,
): Promise<void> => {
  if (reads.isTight && !(await reads.wait(req, res))) return
  const version = req.headers.accept === mediaTypes.v2 ? 'v2' : 'v1'
  const headers = { 'content-type': mediaTypes[version] }
  if (store.listJson !== undefined) {
    const parts = await store.listJson(type, version)
    if (parts === undefined) return answerStatus(req, res, 404)
    let length = 0
    for (const part of parts) length += part.length
    res.writeHead(200, { ...headers, 'content-length': length })
    const sending = sendParts(res, parts)
    if (length > batchBytes || res.writableLength > 0) reads.holdUnsent(res, readerOf(req), length)
    return sending
  }
  const listing = await store.list(type)
  if (listing === undefined) return answerStatus(req, res, 404)
  await streamList(res, headers, listing, version)
}

const sendParts = async (res: ServerResponse, parts: readonly Uint8Array[]): Promise<void> => {
  let batched = 0
  res.cork()
  for (const part of parts) {
    batched += part.length
    if (batched < batchBytes) {
      res.write(part)
      continue
    }
    const sent = written(res, part)
    res.uncork()
    await sent
    res.cork()
    batched = 0
  }
  res.end()
}

const entryOf = ({ id, sizeBytes }: ListedObject, version: 'v1' | 'v2'): string =>
  version === 'v1' ? `"${id}"` : `{"name":"${id}","size":${sizeBytes}}`

/** In chunks, because nobody knows its length before its end; begun only when the storage has answered once. */
const streamList = async (
  res: ServerResponse,
  headers: Record<string, string>,
  listing: AsyncIterable<readonly ListedObject[]>,
  version: 'v1' | 'v2',
): Promise<void> => {
  let text = '['
  let isFirst = true
  for await (const objects of listing) {
    for (const object of objects) {
      text += `${isFirst ? '' : ','}${entryOf(object, version)}`
      isFirst = false
    }
    if (!res.headersSent) res.writeHead(200, headers)
    await written(res, text)
    text = ''
  }
  if (!res.headersSent) res.writeHead(200, headers)
  res.end(`${text}]`)
}

const written = (res: ServerResponse, text: string | Uint8Array): Promise<void> =>
  new Promise((resolve, reject) => {
    if (text.length === 0) return resolve()
    res.write(text, 'latin1', (error) => (error == null ? resolve() : reject(error)))
  })
