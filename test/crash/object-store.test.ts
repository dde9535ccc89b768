import { describe, expect, test } from 'vitest'
import type { FileSystem } from '../../apps/server/src/platform/objects/index.ts'
import { type Between, kept, outcomeOf, seeds } from './lives.ts'
import { Violation } from './object-store-oracle.ts'
import { liveAndCrash, shortWork } from './object-store-workload.ts'
import { survivals } from './simulated-file.ts'

describe('the object store over a disk that loses what was not synced', () => {
  test(`keeps its promises over ${seeds.length} seeds from ${seeds[0]}`, async () => {
    for (const seed of seeds)
      expect(await outcomeOf(`HEARTHOLD_CRASH_SEED=${seed}`, () => liveAndCrash(seed))).toBe(kept)
  })

  test.each([
    ['through the page cache', Number.POSITIVE_INFINITY],
    ['past it', 4096],
  ])(
    'keeps them wherever the power goes, call by call, and the upload can go on: written %s',
    async (_, directFromBytes) => {
      const { callsToOpen, calls } = await shortWork({ survival: 'everything', directFromBytes })
      expect(calls - callsToOpen).toBeGreaterThan(40)
      for (let cutAt = 0; cutAt < calls; cutAt++)
        for (const survival of cutAt < callsToOpen ? (['subset'] as const) : survivals)
          expect(
            await outcomeOf(`${survival} at ${cutAt}`, () =>
              shortWork({ cutAt, survival, directFromBytes }),
            ),
          ).toBe(kept)
    },
  )
})

/** Folders are opened to be synced, everything else is a file. */
const knowingFolders = (fs: FileSystem): { fs: FileSystem; isFolder(file: number): boolean } => {
  const folders = new Set<number>()
  return {
    isFolder: (file) => folders.has(file),
    fs: {
      ...fs,
      openSync: (path, flags) => {
        const file = fs.openSync(path, flags)
        if (/\.(enc|part|marks)$/.test(path)) folders.delete(file)
        else folders.add(file)
        return file
      },
    },
  }
}

const mutants: Record<string, Between> = {
  'renames before it syncs the file': (real) => {
    const { fs, isFolder } = knowingFolders(real)
    const unsynced = new Set<string>()
    const syncLate = async (): Promise<void> => {
      for (const path of unsynced) {
        unsynced.delete(path)
        const file = real.openSync(path, 'r')
        await real.fsync(file)
        real.closeSync(file)
      }
    }
    return {
      ...fs,
      renameSync: (from, to) => {
        unsynced.add(to)
        fs.renameSync(from, to)
      },
      fsync: async (file) => {
        if (!isFolder(file)) return
        await syncLate()
        await fs.fsync(file)
      },
    }
  },
  'never syncs the file': (real) => {
    const { fs, isFolder } = knowingFolders(real)
    return { ...fs, fsync: async (file) => (isFolder(file) ? fs.fsync(file) : undefined) }
  },
  'never syncs the folder': (real) => {
    const { fs, isFolder } = knowingFolders(real)
    return { ...fs, fsync: async (file) => (isFolder(file) ? undefined : fs.fsync(file)) }
  },
  'acknowledges although the sync failed': (fs) => ({
    ...fs,
    fsync: (file) =>
      fs.fsync(file).catch((error: unknown) => {
        if (!(error instanceof Error && 'code' in error && error.code === 'EIO')) throw error
      }),
  }),
  'takes a short write for a whole one': (fs) => ({
    ...fs,
    writeSync: (file, bytes, position) => {
      fs.writeSync(file, bytes, position)
      return bytes.length
    },
    writev: async (file, parts, position) => {
      await fs.writev(file, parts, position)
      return parts.reduce((sum, { length }) => sum + length, 0)
    },
  }),
}

const half = 'half an object is visible under its final name'
const gone = 'an acknowledged object is gone'
const other = 'an acknowledged object has other bytes'

describe('the oracle', () => {
  test.each([
    ['renames before it syncs the file', half],
    ['never syncs the file', other],
    ['never syncs the folder', gone],
    ['acknowledges although the sync failed', gone],
    ['takes a short write for a whole one', other],
  ])('convicts a store that %s: %s', async (name, expected) => {
    const mutant = mutants[name]
    const violations = new Set<string>()
    for (let seed = 1; seed <= 300 && !violations.has(expected); seed++)
      await liveAndCrash(seed, mutant).catch((error: unknown) => {
        violations.add(error instanceof Violation ? error.message : String(error))
      })
    expect(violations).toContain(expected)
  })
})
