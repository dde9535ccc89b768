import { Type, type Static } from 'typebox'
import { UploadState } from './objects.ts'
import { Exact, Size } from './schemas.ts'

/** Asked for in the upgrade of `writeUploadBySocket`, and named in its answer (docs/formats/upload-socket.md). */
export const uploadSocketProtocol = 'hearthold.upload.1'
/** Payload of the longest frame; a message may have any number of them. */
export const uploadFrameLimitBytes = 4 * 1024 * 1024
/** The server says after each so many bytes how far it has come. */
export const uploadReceivedEveryBytes = 1024 * 1024

/** Bytes up to `offset` have been taken; they count as `offset` of the upload only in `written`. */
export const UploadReceivedFrame = Exact({ frame: Type.Literal('received'), offset: Size })
/** The answer that `writeUpload` would have given; nothing follows. */
export const UploadWrittenFrame = Exact({ frame: Type.Literal('written'), state: UploadState })
/** What the server sends, besides a problem: its body with `"frame":"problem"`, and `retryAfterSeconds` where it has that. */
export const UploadServerFrame = Type.Union([UploadReceivedFrame, UploadWrittenFrame])
export type UploadServerFrame = Static<typeof UploadServerFrame>
