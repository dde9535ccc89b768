/** The shared suite on the disk; storages over a network run it in their own folders. */
import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, relative } from 'node:path'
import { afterAll, describe, expect, it, vi } from 'vitest'
import { openDiskStorage } from './disk/index.ts'
import { storageSuite } from './storage-suite.ts'
import type { SuiteWorld } from './test-storage.ts'

// On a busy machine they take a while.
vi.setConfig({ testTimeout: 60_000 })

const root = mkdtempSync(join(tmpdir(), 'hearthold-storage-suite-'))
const storage = openDiskStorage({ folder: root })
afterAll(async () => {
  await storage.close()
  rmSync(root, { recursive: true, force: true })
  // Thousands of folders, which a busy disk takes its time for.
}, 60_000)

const filesBelow = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((path) =>
    statSync(join(folder, path)).isFile(),
  )

const world: SuiteWorld = {
  storage,
  takesUnknownLength: true,
  plant: async (folder, path, bytes) => {
    const file = join(root, ...folder, path)
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 })
    writeFileSync(file, bytes)
  },
  paths: async (folder) => {
    const at = join(root, ...folder)
    try {
      return filesBelow(at).map((path) => relative(at, join(at, path)))
    } catch (error) {
      // Destroyed.
      if ((error as { code?: unknown }).code === 'ENOENT') return []
      throw error
    }
  },
}

describe('the disk', () => {
  it.each(storageSuite)('$name', async ({ run }) => {
    await expect(run(world)).resolves.toBeUndefined()
  })
})
