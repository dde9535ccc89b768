import { Type } from 'typebox'
import { endpoint } from './endpoint.ts'
import { Exact, Id, Size, Time } from './schemas.ts'

/** A bundle carries at most this many objects and bytes; each object in it at most `bundledObjectLimitBytes`. */
export const bundleLimitObjects = 512
export const bundleLimitBytes = 16 * 1024 * 1024
export const bundledObjectLimitBytes = 1024 * 1024
/** Stored bytes of the largest object: 1 TiB of plaintext and its segments' overhead. */
export const objectLimitBytes = 1_100_100_000_000

export const UploadState = Exact({
  upload: Id,
  object: Id,
  offset: Size,
  sizeBytes: Size,
  done: Type.Boolean(),
  expiresAt: Time,
})

export const createUpload = endpoint({
  name: 'createUpload',
  method: 'POST',
  path: '/api/uploads',
  access: 'member',
  summary:
    'Opens a resumable upload of one sealed object; the quota is checked here, before any byte.',
  body: Exact({ object: Id, sizeBytes: Type.Integer({ minimum: 28, maximum: objectLimitBytes }) }),
  answer: UploadState,
  problems: ['object_exists', 'over_quota', 'disk_full', 'object_invalid'],
})
/** Offset and size travel in `Upload-Offset` and `Content-Length`; offsets are whole segments (262,172 bytes). */
export const getUpload = endpoint({
  name: 'getUpload',
  method: 'GET',
  path: '/api/uploads/:upload',
  access: 'member',
  summary: 'How far an upload has come.',
  params: Exact({ upload: Id }),
  answer: UploadState,
  problems: ['upload_expired'],
})
/** Body: the bytes from `offset` on, any length up to the end. Answers when what it counts as `offset` is written; `done` after fsync and rename. */
export const writeUpload = endpoint({
  name: 'writeUpload',
  method: 'PATCH',
  path: '/api/uploads/:upload',
  access: 'member',
  summary: 'Sends bytes from an offset on.',
  params: Exact({ upload: Id }),
  query: Exact({ offset: Size }),
  body: 'bytes',
  bodyStream: true,
  bodyLimitBytes: objectLimitBytes,
  answer: UploadState,
  problems: [
    'offset_mismatch',
    'upload_expired',
    'over_quota',
    'disk_full',
    'object_invalid',
    'length_required',
  ],
})
/**
 * The same by a WebSocket, which costs a browser half of what a request body does (docs/formats/upload-socket.md): an upgrade
 * with the protocol `hearthold.upload.1`; then `sizeBytes` bytes from `offset` on in binary frames. Without an upgrade it
 * answers as `getUpload` does: browsers do not tell a page why one was refused.
 */
export const writeUploadBySocket = endpoint({
  name: 'writeUploadBySocket',
  method: 'GET',
  path: '/api/uploads/:upload/socket',
  access: 'member',
  summary: 'Sends bytes from an offset on, by a WebSocket.',
  params: Exact({ upload: Id }),
  query: Exact({
    offset: Size,
    sizeBytes: Type.Integer({ minimum: 0, maximum: objectLimitBytes }),
  }),
  answer: UploadState,
  problems: ['offset_mismatch', 'upload_expired', 'over_quota', 'disk_full', 'object_invalid'],
})
export const removeUpload = endpoint({
  name: 'removeUpload',
  method: 'DELETE',
  path: '/api/uploads/:upload',
  access: 'member',
  summary: 'Cancels an upload.',
  params: Exact({ upload: Id }),
  answer: Exact({ removed: Type.Boolean() }),
})
/** Bundle: per object id 16 bytes, length u32be, bytes. All are durable before the answer. A retry of the same bytes is accepted. */
export const putBundle = endpoint({
  name: 'putBundle',
  method: 'POST',
  path: '/api/objects/bundle',
  access: 'member',
  summary: 'Stores many small sealed objects at once.',
  body: 'bytes',
  bodyLimitBytes: bundleLimitBytes,
  answer: Exact({ stored: Type.Integer() }),
  problems: ['object_exists', 'object_invalid', 'over_quota', 'disk_full'],
})
/** Answer: the same bundle format, in the order asked. */
export const getBundle = endpoint({
  name: 'getBundle',
  method: 'POST',
  path: '/api/objects/read',
  access: 'member',
  summary: 'Reads many small sealed objects at once.',
  body: Exact({ objects: Type.Array(Id, { minItems: 1, maxItems: bundleLimitObjects }) }),
  answer: 'bytes',
  problems: ['too_large'],
})
/** Ranges by the Range header (one range). */
export const getObject = endpoint({
  name: 'getObject',
  method: 'GET',
  path: '/api/objects/:object',
  access: 'member',
  summary: "A sealed object's bytes.",
  params: Exact({ object: Id }),
  answer: 'bytes',
  problems: ['range_not_satisfiable'],
})
export const getUsage = endpoint({
  name: 'getUsage',
  method: 'GET',
  path: '/api/usage',
  access: 'member',
  summary: 'Bytes used and the quota.',
  answer: Exact({
    usedBytes: Size,
    quotaBytes: Type.Union([Size, Type.Null()]),
    /** 0, 75, 90 or 100: the highest band reached. */
    band: Type.Integer(),
  }),
})

export const objectEndpoints = [
  createUpload,
  getUpload,
  writeUpload,
  writeUploadBySocket,
  removeUpload,
  putBundle,
  getBundle,
  getObject,
  getUsage,
] as const
