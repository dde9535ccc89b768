import { copyFile, mkdir, open, readdir, stat } from 'node:fs/promises'
import { homedir } from 'node:os'
import { dirname, extname, join } from 'node:path'

/** What a package manager keeps, where there is any: archives that nothing makes smaller. */
const archives = [join(homedir(), '.npm/_cacache/content-v2'), '/var/cache/apt/archives']
/** Every kind of file that a system has. */
const places = ['/usr/share', '/usr/lib']
/** Of those, what is packed already: pictures, sound, archives, fonts for the web. */
const packedEndings = new Set(
  '.png .jpg .jpeg .webp .gif .ogg .mp3 .mp4 .webm .pdf .gz .xz .bz2 .zst .br .zip .jar .whl .tgz .deb .woff .woff2'.split(
    ' ',
  ),
)

export type RealFiles = {
  readonly files: number
  readonly bytes: number
  /** Of what nothing makes smaller, as the photos, videos and archives that households mostly keep. */
  readonly packedBytes: number
}

/** Files below a folder; none where it is missing. Links are not followed: some lead back up, round and round. */
async function* filesOf(folder: string): AsyncGenerator<string> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => [])
  for (const entry of entries) {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) yield* filesOf(path)
    else if (entry.isFile()) yield path
  }
}

const isPacked = (path: string): boolean =>
  archives.some((place) => path.startsWith(`${place}/`)) || packedEndings.has(extname(path))

/** What is in a folder. Throws where nothing is. */
export const countRealFiles = async (folder: string): Promise<RealFiles> => {
  let counted = { files: 0, bytes: 0, packedBytes: 0 }
  for await (const path of filesOf(folder)) {
    const { size } = await stat(path)
    const { files, bytes, packedBytes } = counted
    counted = {
      files: files + 1,
      bytes: bytes + size,
      packedBytes: packedBytes + (isPacked(path) ? size : 0),
    }
  }
  if (counted.bytes === 0) throw new Error(`${folder} holds no files`)
  return counted
}

/** Reads all of it, so that whoever comes first does not wait for the disk where the others find it in memory. */
export const warmUp = async (folder: string): Promise<void> => {
  const buffer = Buffer.allocUnsafe(1024 * 1024)
  for await (const path of filesOf(folder)) {
    const file = await open(path)
    try {
      while ((await file.read(buffer)).bytesRead > 0);
    } finally {
      await file.close()
    }
  }
}

/**
 * Copies real files of this machine until they are so many bytes: half of them packed, as far as it has such, half of
 * them of every kind. Throws where there are not enough.
 */
export const copyRealFiles = async (target: string, sizeBytes: number): Promise<RealFiles> => {
  const copied = new Set<string>()
  let bytes = 0
  const copyUntil = async (
    limitBytes: number,
    from: readonly string[],
    isWanted: (path: string) => boolean,
  ): Promise<void> => {
    for (const place of from)
      for await (const path of filesOf(place)) {
        if (bytes >= limitBytes) return
        if (copied.has(path) || !isWanted(path)) continue
        const copy = join(target, path)
        await mkdir(dirname(copy), { recursive: true })
        await copyFile(path, copy)
        copied.add(path)
        bytes += (await stat(copy)).size
      }
  }
  await copyUntil(sizeBytes / 2, [...archives, ...places], isPacked)
  const packedBytes = bytes
  await copyUntil(sizeBytes, places, (path) => !isPacked(path))
  if (bytes >= sizeBytes) return { files: copied.size, bytes, packedBytes }
  throw new Error(`${places.join(' and ')} hold ${bytes} bytes: give a smaller --size-mib`)
}
