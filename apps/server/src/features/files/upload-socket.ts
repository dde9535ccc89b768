import {
  uploadFrameLimitBytes,
  uploadReceivedEveryBytes,
  type UploadServerFrame,
  uploadSocketProtocol,
  writeUploadBySocket,
} from '@hearthold/contract'
import {
  bindUpgrade,
  type HandlerInput,
  type Http,
  problemBody,
  problemFrom,
} from '#platform/http/index.ts'
import { ByteSocket, upgradeAnswer } from '#platform/socket/index.ts'
import type { UploadService } from './uploads.ts'

export type UploadSocketLimits = { readonly idleMs: number; readonly lingerMs: number }

/** As for every other connection. */
const standardLimits: UploadSocketLimits = { idleMs: 120_000, lingerMs: 2_000 }
const closeCodes = { normal: 1000, policy: 1008 } as const

type Input = HandlerInput<typeof writeUploadBySocket>

/** Binds writing by a socket: the same as writeUpload from the first byte to the last, brought by frames. */
export const bindUploadSocket = (
  http: Http,
  uploads: UploadService,
  limits: UploadSocketLimits = standardLimits,
): void => {
  const open = new Set<ByteSocket>()

  const serve = async (input: Input, socket: ByteSocket): Promise<void> => {
    const { session, params, query, request } = input
    const told = { ...query, upload: params.upload, body: socket.body, pastCache: true }
    try {
      const state = await uploads.write(session, told)
      socket.end({ frame: 'written', state } satisfies UploadServerFrame, closeCodes.normal)
    } catch (error) {
      const problem = problemFrom(error)
      const { code, cause, retryAfterSeconds } = problem
      const where = { requestId: request.id, route: writeUploadBySocket.path, code }
      if (problem.status >= 500) http.log.error({ ...where, err: cause }, 'upload by socket failed')
      const after = retryAfterSeconds === undefined ? {} : { retryAfterSeconds }
      socket.end(
        { frame: 'problem', ...problemBody(problem, request.id), ...after },
        closeCodes.policy,
      )
    }
  }

  bindUpgrade(
    http,
    writeUploadBySocket,
    ({ session, params, query }) => uploads.check(session, { upload: params.upload, ...query }),
    (input, request) => {
      const answer = upgradeAnswer(request, uploadSocketProtocol)
      return () => {
        const onReceived = (bytes: number): void =>
          socket.send({
            frame: 'received',
            offset: input.query.offset + bytes,
          } satisfies UploadServerFrame)
        const socket = new ByteSocket(request.socket, answer, {
          sizeBytes: input.query.sizeBytes,
          frameLimitBytes: uploadFrameLimitBytes,
          everyBytes: uploadReceivedEveryBytes,
          onReceived,
          ...limits,
        })
        open.add(socket)
        request.socket.once('close', () => open.delete(socket))
        void serve(input, socket)
      }
    },
  )
  // A server that stops keeps what has come, and says so.
  http.fastify.addHook('preClose', async () => {
    for (const socket of open) socket.cut()
  })
}
