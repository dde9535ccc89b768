/**
 * Writes a download into a file that only this origin sees (OPFS), for where no service worker can stream it to the
 * disk: behind a certificate that the browser was told to accept, for instance. Memory stays at one segment.
 */

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
/** What the page sends; answered by `{ file }` or `{ error }`. */
type Order = { readonly port: MessagePort; readonly id: string }

const folderName = 'staged-downloads'
/** What the browser has surely saved, or was closed before it could. */
const staleMs = 60 * 60 * 1000

const removeStale = async (folder: FileSystemDirectoryHandle): Promise<void> => {
  for await (const [name, handle] of folder.entries()) {
    if (handle.kind !== 'file') continue
    const { lastModified } = await handle.getFile()
    // One that is being written now refuses, and stays.
    if (Date.now() - lastModified > staleMs) await folder.removeEntry(name).catch(() => undefined)
  }
}

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
  const root = await navigator.storage.getDirectory()
  const folder = await root.getDirectoryHandle(folderName, { create: true })
  await removeStale(folder)
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
    await folder.removeEntry(id).catch(() => undefined)
    throw error
  }
}

addEventListener('message', ({ data }: MessageEvent<Order>) => {
  const answer = (value: object): void => postMessage(value)
  stage(data).then(
    (file) => answer({ file }),
    (error: unknown) => answer({ error: error instanceof Error ? error.message : '' }),
  )
})
