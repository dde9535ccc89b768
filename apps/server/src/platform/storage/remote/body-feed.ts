import type { Readable } from 'node:stream'
import { StorageError } from '../storage.ts'

export type BodySink = {
  data(chunk: Buffer): void
  end(): void
  /** It closed before its end, or failed. */
  cut(): void
}

/**
 * Drives a body by events until it ends. It is paused and never destroyed by us: whoever sends it still waits for an
 * answer.
 * @returns what stops listening, and leaves it paused
 */
export const feed = (body: Readable, sink: BodySink): (() => void) => {
  let over = false
  const stop = (): void => {
    if (over) return
    over = true
    body.off('data', onData).off('end', onEnd).off('close', onClose)
    body.pause()
  }
  const onData = (chunk: Buffer): void => {
    // What `data` throws is for whoever waits, not for the body.
    if (!over) sink.data(chunk)
  }
  const onEnd = (): void => {
    stop()
    sink.end()
  }
  const onClose = (): void => {
    if (over) return
    stop()
    sink.cut()
  }
  // A connection that drops shows as an error and a close.
  body.on('error', () => undefined)
  body.on('end', onEnd).on('close', onClose)
  if (body.destroyed) queueMicrotask(onClose)
  else body.on('data', onData)
  return stop
}

export const shortBody = (): StorageError =>
  new StorageError('short', 'The body ended before its declared length.')
export const longBody = (): StorageError =>
  new StorageError('too-long', 'The body is longer than declared or allowed.')

/**
 * Reads a body to its end, giving each piece to `onChunk`; what that throws ends the reading.
 * @throws StorageError `short` where it is cut
 */
export const drain = (body: Readable, onChunk: (chunk: Buffer) => void): Promise<void> =>
  new Promise((resolve, reject) => {
    const stop = feed(body, {
      data: (chunk) => {
        try {
          onChunk(chunk)
        } catch (error) {
          stop()
          reject(error)
        }
      },
      end: resolve,
      cut: () => reject(shortBody()),
    })
  })
