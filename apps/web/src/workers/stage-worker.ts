/**
 * Writes a download into a file that only this origin sees (OPFS), for where no service worker can stream it to the
 * disk: behind a certificate that the browser was told to accept, for instance. Memory stays at one segment.
 */

import { removeStaged, stagedFolder } from './staged-files.ts'

type Access = {
  write(bytes: Uint8Array, options: { at: number }): number
  flush(): void
  close(): void
}
/** What TypeScript's page library leaves out: it exists in workers alone. */
type WorkerFileHandle = FileSystemFileHandle & { createSyncAccessHandle(): Promise<Access> }
type Chunk = {
  readonly chunk?: ArrayBuffer
  readonly end?: true
  readonly error?: { readonly code: string; readonly message: string }
}
/** What the page sends; answered by `{ file }` or `{ error, code }`. */
type Order = { readonly port: MessagePort; readonly id: string }

const nextOf = (port: MessagePort): Promise<Chunk> =>
  new Promise((resolve) => {
    port.addEventListener('message', ({ data }: MessageEvent<Chunk>) => resolve(data), {
      once: true,
    })
    port.postMessage({ pull: true })
  })

const writeAll = async (port: MessagePort, access: Access): Promise<void> => {
  port.start()
  for (let at = 0; ;) {
    const { chunk, error } = await nextOf(port)
    if (error) throw new Error(error.message, { cause: error.code })
    if (!chunk) return
    at += access.write(new Uint8Array(chunk), { at })
  }
}

const stage = async ({ port, id }: Order): Promise<File> => {
  const folder = await stagedFolder()
  const handle = (await folder.getFileHandle(id, { create: true })) as WorkerFileHandle
  const access = await handle.createSyncAccessHandle()
  try {
    await writeAll(port, access)
    access.flush()
    access.close()
    return await handle.getFile()
  } catch (error) {
    port.postMessage({ cancel: true })
    access.close()
    await removeStaged(id)
    throw error
  }
}

/** The code of what ended it: of the transfer, or of a disk that is full. */
const codeOf = (error: unknown): string => {
  if (!(error instanceof Error)) return 'other'
  if (error.name === 'QuotaExceededError') return 'device_full'
  return typeof error.cause === 'string' ? error.cause : 'other'
}

addEventListener('message', ({ data }: MessageEvent<Order>) => {
  const answer = (value: object): void => postMessage(value)
  stage(data).then(
    (file) => answer({ file }),
    (error: unknown) =>
      answer({ error: error instanceof Error ? error.message : '', code: codeOf(error) }),
  )
})
