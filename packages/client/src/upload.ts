import {
  createUpload,
  getUpload,
  ProblemError,
  writeUpload,
  writeUploadBySocket,
  type AnswerOf,
} from '@hearthold/contract'
import { type Client, urlOf } from './client.ts'
import { NetworkError } from './network-error.ts'
import { readAnswer } from './answer-schema.ts'
import { createPatience, type Patience } from './patience.ts'
import { cutPieces, oneAhead, pieceLength } from './upload-pieces.ts'

export { storedSegmentBytes } from './upload-pieces.ts'

const uploadAnswerLimitBytes = 64 * 1024

export type UploadState = AnswerOf<typeof getUpload>

export type UploadOptions = {
  /** 32 hex digits, chosen by the writer. */
  readonly object: string
  /** Stored bytes of the whole sealed object. */
  readonly sizeBytes: number
  /**
   * The stored bytes from `offset` (a whole number of segments) to the end. Called again after each drop;
   * may throw, for instance because the source changed: that error ends the upload and comes out unchanged.
   */
  readonly open: (offset: number) => AsyncIterable<Uint8Array>
  /** An upload begun earlier, to be gone on with; a new one is begun where the server no longer knows it. */
  readonly upload?: string
  /** Told once the server has given an upload id, so that it can be kept for later. */
  readonly onUpload?: (upload: string) => void | Promise<void>
  /** Bytes of the object that have been handed to the network or are known to the server; can go back after a drop. */
  readonly onProgress?: (doneBytes: number) => void
  readonly signal?: AbortSignal
}

/** `open` gave another number of bytes than `sizeBytes` says. */
export class SourceLengthError extends Error {
  constructor() {
    super('The source has another length than announced')
    this.name = 'SourceLengthError'
  }
}

const isGone = (error: unknown): boolean =>
  error instanceof ProblemError && (error.code === 'upload_expired' || error.code === 'not_found')

const begin = async (client: Client, options: UploadOptions): Promise<UploadState> => {
  const { object, sizeBytes, signal } = options
  const state = await client.call(createUpload, { body: { object, sizeBytes }, signal })
  await options.onUpload?.(state.upload)
  return state
}

const beginOrResume = async (client: Client, options: UploadOptions): Promise<UploadState> => {
  if (options.upload === undefined) return begin(client, options)
  try {
    const state = await client.call(getUpload, {
      params: { upload: options.upload },
      signal: options.signal,
    })
    if (state.object === options.object && state.sizeBytes === options.sizeBytes) return state
  } catch (error) {
    if (!isGone(error)) throw error
  }
  return begin(client, options)
}

/** Passes the source on, counts, and holds it to the announced length. */
async function* counted(options: UploadOptions, offset: number): AsyncGenerator<Uint8Array> {
  let position = offset
  for await (const chunk of options.open(offset)) {
    // Once it is given away, its memory is the transport's.
    const { length } = chunk
    if (position + length > options.sizeBytes) throw new SourceLengthError()
    yield chunk
    position += length
    options.onProgress?.(position)
  }
  if (position !== options.sizeBytes) throw new SourceLengthError()
}

const write = async (
  client: Client,
  options: UploadOptions,
  upload: string,
  offset: number,
  body: Uint8Array | Blob | AsyncIterable<Uint8Array>,
  bodyLength: number,
): Promise<UploadState> => {
  const response = await client.open(writeUpload, {
    params: { upload },
    query: { offset },
    body,
    bodyLength,
    signal: options.signal,
  })
  const bytes = await response.bytes(uploadAnswerLimitBytes)
  try {
    return readAnswer(
      writeUpload.answer as object,
      JSON.parse(new TextDecoder().decode(bytes)),
    ) as UploadState
  } catch {
    throw new NetworkError(
      'protocol',
      "The server's answer to an upload is not of the form that this version expects.",
    )
  }
}

/** What becomes known while bytes are sent. */
type Sending = UploadOptions & {
  /** The last byte has been handed to the network. */
  readonly onAllSent: () => void
  readonly onState: (state: UploadState) => void
}

/** A piece counts as progress once the server has it: on a slow line it is made long before it has travelled. */
const sendPieces = async (client: Client, options: Sending, from: UploadState): Promise<void> => {
  const length = pieceLength()
  const source = counted({ ...options, onProgress: () => undefined }, from.offset)
  let position = from.offset
  for await (const piece of oneAhead(cutPieces(source, length))) {
    const began = performance.now()
    const end = position + piece.size
    if (end === options.sizeBytes) options.onAllSent()
    const state = await write(client, options, from.upload, position, piece, piece.size)
    length.took(piece.size, performance.now() - began)
    options.onState(state)
    options.onProgress?.(state.offset)
    position = end
    if (state.offset !== position) return
  }
}

/** True where a socket could be had, and all that can be said of the upload by it is said. */
const sendBySocket = async (
  client: Client,
  options: Sending,
  { upload, offset }: UploadState,
): Promise<boolean> => {
  const { sizeBytes, signal, onAllSent, onState, onProgress } = options
  const rest = sizeBytes - offset
  const path = urlOf(writeUploadBySocket, { upload }, { offset, sizeBytes: rest })
  const connection = await client.uploadSockets?.connect(path, rest, signal)
  if (!connection) return false
  const onTaken = (doneBytes: number): void => void (doneBytes === sizeBytes && onAllSent())
  const body = counted({ ...options, onProgress: onTaken }, offset)
  onState(await connection.write(body, offset, (received) => onProgress?.(received)))
  return true
}

/** Sends from the server's offset to the end; each state that the server answers is told at once. */
const sendRest = async (client: Client, options: Sending, from: UploadState): Promise<void> => {
  const { onAllSent, onState, onProgress, sizeBytes } = options
  const rest = sizeBytes - from.offset
  if (rest === 0)
    return onState(await write(client, options, from.upload, from.offset, new Uint8Array(0), 0))
  if (await sendBySocket(client, options, from)) return
  if (!client.streamsBodies) return sendPieces(client, options, from)
  const watched: UploadOptions = {
    ...options,
    onProgress: (doneBytes) => {
      if (doneBytes === sizeBytes) onAllSent()
      onProgress?.(doneBytes)
    },
  }
  const body = counted(watched, from.offset)
  onState(await write(client, options, from.upload, from.offset, body, rest))
}

/** Where the server stands after a failure; a vanished upload is begun anew. */
const findAgain = async (
  client: Client,
  options: UploadOptions,
  state: UploadState,
  sentAll: boolean,
): Promise<UploadState> => {
  try {
    return await client.call(getUpload, {
      params: { upload: state.upload },
      signal: options.signal,
    })
  } catch (error) {
    if (!isGone(error)) throw error
  }
  try {
    return await begin(client, options)
  } catch (error) {
    // Everything was sent and the object is there: only the answer was lost. Ids are random, so nobody else wrote it.
    const kept = sentAll && error instanceof ProblemError && error.code === 'object_exists'
    if (kept) return { ...state, offset: state.sizeBytes, done: true }
    throw error
  }
}

const canGoOn = (error: unknown): boolean => {
  if (error instanceof NetworkError) return error.passing
  if (!(error instanceof ProblemError)) return false
  return [
    'offset_mismatch',
    'upload_expired',
    'unavailable',
    'rate_limited',
    'internal',
    'unauthenticated',
  ].includes(error.code)
}

const stalled = () =>
  new NetworkError('protocol', "The server accepts the upload's bytes but never counts them.")

/**
 * Uploads one sealed object and resolves when it is durable. After a dropped connection it asks the server for its offset and goes on from there,
 * as long as some progress is made; after `client.retry.attempts` failures without any it throws the last one.
 * Throws `ProblemError` (`over_quota`, `disk_full`, `object_exists`, `object_invalid` ...), `NetworkError`, `SourceLengthError`, or what `open` threw.
 */
export const uploadObject = async (
  client: Client,
  options: UploadOptions,
): Promise<UploadState> => {
  let state = await beginOrResume(client, options)
  options.onProgress?.(state.offset)
  const patience: Patience = createPatience(client, state.offset)
  let sentAll = false
  const sending: Sending = {
    ...options,
    onAllSent: () => (sentAll = true),
    onState: (next) => (state = next),
  }
  while (!state.done) {
    try {
      const before = state.offset
      await sendRest(client, sending, state)
      if (!state.done && state.offset <= before) throw stalled()
    } catch (error) {
      if (options.signal?.aborted || !canGoOn(error)) throw error
      await patience.wait(error, state.offset, options.signal)
      state = await findAgain(client, options, state, sentAll)
      patience.reached(state.offset)
      options.onProgress?.(state.offset)
    }
  }
  return state
}
