import { copyFile, mkdir, readdir, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'

const places = ['/usr/share', '/usr/lib']

/** Copies real files of this machine until they are so many bytes: every kind that a system has. Throws where there are not enough. */
export const copyRealFiles = async (
  target: string,
  sizeBytes: number,
): Promise<{ files: number; bytes: number }> => {
  let files = 0
  let bytes = 0
  for (const place of places) {
    const entries = await readdir(place, { recursive: true, withFileTypes: true })
    for (const entry of entries) {
      if (bytes >= sizeBytes) return { files, bytes }
      if (!entry.isFile()) continue
      const path = join(entry.parentPath, entry.name)
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
