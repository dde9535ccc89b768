/**
 * Bytes through a port, pulled: `{ pull: true }` is answered by `{ chunk }`, `{ end: true }` or `{ error }`, one for one,
 * so that no more is ever read, opened and in memory than what was asked for. `{ cancel: true }` ends it.
 */
import { errorOnWire } from './errors.ts'

type Asked = { readonly pull?: true; readonly cancel?: true }
type Answer =
  | { readonly chunk: ArrayBuffer }
  | { readonly end: true }
  | { readonly error: { readonly code: string; readonly message: string } }

/** Exactly the bytes of a view, to be given away. */
const ownBuffer = (bytes: Uint8Array): ArrayBuffer =>
  bytes.byteOffset === 0 && bytes.byteLength === bytes.buffer.byteLength
    ? (bytes.buffer as ArrayBuffer)
    : bytes.slice().buffer

/** Serves `source` at the port; `stop` is called where the reader cancels. Resolves at the end, rejects with what failed. */
export const servePulls = (
  port: MessagePort,
  source: AsyncIterable<Uint8Array>,
  stop: () => void,
): Promise<void> =>
  new Promise((resolve, reject) => {
    const iterator = source[Symbol.asyncIterator]()
    let turn: Promise<unknown> = Promise.resolve()
    let closed = false
    const close = (): void => {
      closed = true
      port.close()
    }
    const answer = async (): Promise<void> => {
      if (closed) return
      try {
        const { done, value } = await iterator.next()
        if (done) {
          port.postMessage({ end: true } satisfies Answer)
          close()
          return resolve()
        }
        const chunk = ownBuffer(value)
        port.postMessage({ chunk } satisfies Answer, [chunk])
      } catch (error) {
        const { code, message } = errorOnWire(error)
        port.postMessage({ error: { code, message } } satisfies Answer)
        close()
        reject(error)
      }
    }
    const cancel = async (): Promise<void> => {
      stop()
      close()
      await iterator.return?.().catch(() => undefined)
      reject(new DOMException('The reader stopped.', 'AbortError'))
    }
    port.addEventListener('message', ({ data }: MessageEvent<Asked>) => {
      if (closed) return
      if (data.cancel === true) void cancel()
      else if (data.pull === true) turn = turn.then(answer)
    })
    port.start()
  })
