import type { Readable } from 'node:stream'

export type ReadOptions = {
  readonly limitBytes: number
  readonly tooLong: () => Error
  /** Each chunk in order; what it throws ends the body. */
  readonly onChunk: (chunk: Uint8Array) => void
}

/**
 * Takes what a body sends, as it comes.
 * @returns how many bytes came, and whether the body came to its end or was cut off
 * @throws `tooLong`, and what `onChunk` throws; the body is left paused then
 */
export const readBytes = (
  body: Readable,
  { limitBytes, tooLong, onChunk }: ReadOptions,
): Promise<{ count: number; complete: boolean }> =>
  new Promise((resolve, reject) => {
    let count = 0
    const stop = (): void => {
      body.off('data', onData).off('end', onEnd).off('close', onClose)
    }
    const onData = (chunk: Uint8Array): void => {
      try {
        count += chunk.length
        if (count > limitBytes) throw tooLong()
        onChunk(chunk)
      } catch (error) {
        stop()
        body.pause()
        reject(error)
      }
    }
    const onEnd = (): void => (stop(), resolve({ count, complete: true }))
    const onClose = (): void => (stop(), resolve({ count, complete: false }))
    // A connection that drops shows as an error and a close.
    body.on('error', () => undefined)
    body.on('end', onEnd).on('close', onClose).on('data', onData)
    if (body.readableEnded) onEnd()
    else if (body.destroyed) onClose()
  })
