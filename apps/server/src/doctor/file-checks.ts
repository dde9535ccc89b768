import { existsSync, lstatSync, readdirSync, statfsSync } from 'node:fs'
import { dirname, isAbsolute, join, relative } from 'node:path'
import { isLooserThan } from '#platform/file-modes.ts'
import type { LoadedConfig } from '../config/load.ts'
import { attention, type Check, ok, problem } from './check.ts'

const isInside = (path: string, folder: string): boolean => {
  const way = relative(folder, path)
  return way === '' || (!way.startsWith('..') && !isAbsolute(way))
}

type Looser = { path: string; remedy: string }

/** Looser entries of a folder, itself included, `depth` levels down; links are not followed. */
const looserIn = (path: string, depth: number): Looser[] => {
  const stat = lstatSync(path)
  if (stat.isSymbolicLink() || stat.isSocket()) return []
  const isFolder = stat.isDirectory()
  const own = isLooserThan(stat.mode, isFolder ? 0o700 : 0o600)
    ? [{ path, remedy: `chmod ${isFolder ? '700' : '600'} '${path}'` }]
    : []
  if (!isFolder || depth === 0) return own
  return [...own, ...readdirSync(path).flatMap((name) => looserIn(join(path, name), depth - 1))]
}

/** Objects are sealed, and a hundred thousand of them; their folders decide who comes near. */
const shownLimit = 5

export const fileModes: Check = {
  name: 'file modes',
  look: ({ config }) => {
    if (process.platform === 'win32')
      return ok("Windows has no such modes; the data folder's access list decides.")
    const folders = [config.dataDir, config.keysDir].filter((folder) => existsSync(folder))
    if (folders.length === 0) return ok('There is no data yet.')
    const found = new Map(
      folders.flatMap((folder) => looserIn(folder, 2)).map((looser) => [looser.path, looser]),
    )
    if (config.accessLog.kind === 'file') found.delete(config.accessLog.path)
    if (found.size === 0) return ok("Only the server's user can read its files.")
    const remedies = [...found.values()].slice(0, shownLimit).map(({ remedy }) => remedy)
    const count = found.size === 1 ? '1 file or folder is' : `${found.size} files or folders are`
    return problem(`${count} open to others on this machine.`, remedies.join(' && '))
  },
}

const setApart =
  'Keep it on another disk or in a systemd credential, name it with HEARTHOLD_ROOT_KEY_FILE, and remove it here.'

export const keyApart: Check = {
  name: 'root key kept apart',
  look: ({ config, secrets, inForce }) => {
    const file = join(config.keysDir, 'root-key')
    const here = existsSync(file)
    if (secrets.rootKey !== undefined) {
      if (here)
        return attention(
          `The root key comes from outside, and a copy is still in ${file}.`,
          `Compare the two, then remove ${file}.`,
        )
      const source = inForce.find(({ name }) => name === 'rootKey')?.source ?? 'outside'
      return ok(`It comes from outside the data folder (${source}).`)
    }
    if (!here) return ok('There is none yet; the first start makes it.')
    if (isInside(config.keysDir, config.dataDir)) {
      return attention(
        'It lies in the data folder: whoever copies that folder has the key too.',
        setApart,
      )
    }
    return ok(`It lies in ${config.keysDir}, outside the data folder.`)
  },
}

const gib = 2 ** 30
const inWords = (bytes: number): string =>
  bytes >= gib ? `${(bytes / gib).toFixed(1)} GiB` : `${(bytes / 2 ** 20).toFixed(0)} MiB`

/** The folder or the nearest one above it that exists: its disk is the one that will be used. */
const nearest = (path: string): string =>
  existsSync(path) || dirname(path) === path ? path : nearest(dirname(path))

/** Below this the object store takes nothing more (defaultReserveBytes of platform/objects). */
const reserveBytes = 128 * 2 ** 20

export const diskSpace: Check = {
  name: 'disk space',
  look: ({ config }: LoadedConfig) => {
    const { bavail, blocks, bsize } = statfsSync(nearest(config.dataDir))
    const free = bavail * bsize
    const finding = `${inWords(free)} free of ${inWords(blocks * bsize)}.`
    const remedy = 'Make room, or move the data folder to a larger disk (HEARTHOLD_DATA).'
    if (free < 2 * reserveBytes) return problem(finding, remedy)
    return free < 2 * gib || bavail / blocks < 0.05 ? attention(finding, remedy) : ok(finding)
  },
}
