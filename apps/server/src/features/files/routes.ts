import {
  createUpload,
  getBundle,
  getObject,
  getUpload,
  getUsage,
  ProblemError,
  putBundle,
  removeUpload,
  writeUpload,
} from '@hearthold/contract'
import { bind, bindStream, type Http } from '#platform/http/index.ts'
import { byteRange } from '#platform/http/byte-range.ts'
import type { FilesService } from './service.ts'
import { bindUploadSocket } from './upload-socket.ts'

/** Binds the endpoints of packages/contract/src/objects.ts. */
export const bindFiles = (http: Http, { uploads, bundles, open, usage }: FilesService): void => {
  bind(http, createUpload, ({ session, body }) => uploads.create(session, body))
  bind(http, getUpload, ({ session, params }) => uploads.get(session, params.upload))
  bindStream(http, writeUpload, ({ session, params, query, body }) =>
    uploads.write(session, {
      upload: params.upload,
      offset: query.offset,
      body,
      sizeBytes: Number(body.headers['content-length']),
    }),
  )
  bindUploadSocket(http, uploads)
  bind(http, removeUpload, async ({ session, params }) => ({
    removed: await uploads.remove(session, params.upload),
  }))
  bind(http, putBundle, async ({ session, body }) => ({
    stored: await bundles.put(session, body),
  }))
  bind(http, getBundle, ({ session, body }) => bundles.read(session, body.objects))
  bind(http, getObject, async ({ session, params, request, response }) => {
    const object = await open(session, params.object)
    const { sizeBytes } = object
    try {
      const range = byteRange(request.header('range'), sizeBytes)
      const headers = { 'accept-ranges': 'bytes' }
      if (!range) return { headers, ...object.read({ start: 0, end: sizeBytes }) }
      const contentRange = `bytes ${range.start}-${range.end - 1}/${sizeBytes}`
      return {
        status: 206,
        headers: { ...headers, 'content-range': contentRange },
        ...object.read(range),
      }
    } catch (error) {
      object.close()
      if (error instanceof ProblemError && error.code === 'range_not_satisfiable')
        response.header('content-range', `bytes */${sizeBytes}`)
      throw error
    }
  })
  bind(http, getUsage, ({ session }) => usage(session))
  refuseBeforeReading(http, bundles.checkRoom)
}

/** A bundle over the quota is refused before its body is read (FILE-7); it is the one that is read before its handler. */
const refuseBeforeReading = (http: Http, checkRoom: FilesService['bundles']['checkRoom']): void => {
  http.fastify.addHook('preParsing', async (request, _reply, payload) => {
    if (request.routeOptions.url !== putBundle.path || request.method !== putBundle.method)
      return payload
    const { session } = http.callerOf(request)
    const sizeBytes = Number(request.headers['content-length'] ?? 0)
    if (session && Number.isSafeInteger(sizeBytes)) await checkRoom(session, sizeBytes)
    return payload
  })
}
