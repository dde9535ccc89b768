/** Pulls out of a worker, as the service worker does: so many pieces asked for at once. */
const atOnce = 8

type Answer = {
  readonly chunk?: ArrayBuffer
  readonly error?: { readonly code: string }
}

/** Pulls all bytes that a port gives and returns how many they were. Throws the code of what went wrong. */
export const pullAll = (port: MessagePort): Promise<number> =>
  new Promise((resolve, reject) => {
    let bytes = 0
    port.addEventListener('message', ({ data }: MessageEvent<Answer>) => {
      if (data.error) reject(new Error(data.error.code))
      else if (!data.chunk) resolve(bytes)
      else {
        bytes += data.chunk.byteLength
        port.postMessage({ pull: true })
      }
    })
    port.start()
    for (let i = 0; i < atOnce; i++) port.postMessage({ pull: true })
  })
