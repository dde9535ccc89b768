import { copyFile, mkdir, readdir, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'

const places = ['/usr/share', '/usr/lib']

/** Files below a folder. Links are not followed: some lead back up, round and round. */
async function* filesOf(folder: string): AsyncGenerator<string> {
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) yield* filesOf(path)
    else if (entry.isFile()) yield path
  }
}

/** Copies real files of this machine until they are so many bytes: every kind that a system has. Throws where there are not enough. */
export const copyRealFiles = async (
  target: string,
  sizeBytes: number,
): Promise<{ files: number; bytes: number }> => {
  let files = 0
  let bytes = 0
  for (const place of places) {
    for await (const path of filesOf(place)) {
      if (bytes >= sizeBytes) return { files, bytes }
      const copy = join(target, path)
      await mkdir(dirname(copy), { recursive: true })
      await copyFile(path, copy)
      files++
      bytes += (await stat(copy)).size
    }
  }
  if (bytes >= sizeBytes) return { files, bytes }
  throw new Error(`${places.join(' and ')} hold ${bytes} bytes: give a smaller --size-mib`)
}
