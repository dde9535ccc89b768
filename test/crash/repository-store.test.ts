import { describe, expect, test } from 'vitest'
import type { FileSystem } from '../../apps/server/src/platform/disk/file-system.ts'
import { type Between, kept, outcomeOf, seeds } from './lives.ts'
import { Violation } from './object-store-oracle.ts'
import { liveAndCrash, shortWork } from './repository-store-workload.ts'
import { survivals } from './simulated-file.ts'

describe('a repository over a disk that loses what was not synced', () => {
  test(`keeps its promises over ${seeds.length} seeds from ${seeds[0]}`, async () => {
    for (const seed of seeds)
      expect(await outcomeOf(`HEARTHOLD_CRASH_SEED=${seed}`, () => liveAndCrash(seed))).toBe(kept)
  })

  test('keeps them wherever the power goes, call by call, and all can be done again', async () => {
    const { calls } = await shortWork({ survival: 'everything' })
    expect(calls).toBeGreaterThan(100)
    for (let cutAt = 0; cutAt < calls; cutAt++)
      for (const survival of survivals)
        expect(
          await outcomeOf(`${survival} at ${cutAt}`, () => shortWork({ cutAt, survival })),
        ).toBe(kept)
  })
})

const isFile = (path: string): boolean => /[0-9a-f]{64}|config/.test(path)

/** fsyncs of files, or of folders, do nothing. */
const without =
  (what: 'files' | 'folders'): Between =>
  (fs: FileSystem) => {
    const files = new Set<number>()
    return {
      ...fs,
      openSync: (path, flags) => {
        const file = fs.openSync(path, flags)
        if (isFile(path)) files.add(file)
        else files.delete(file)
        return file
      },
      fsync: async (file) => (files.has(file) === (what === 'files') ? undefined : fs.fsync(file)),
    }
  }

const mutants: Record<string, Between> = {
  'never syncs its files': without('files'),
  'never syncs its folders': without('folders'),
  'acknowledges although the sync failed': (fs) => ({
    ...fs,
    fsync: (file) =>
      fs.fsync(file).catch((error: unknown) => {
        if (!(error instanceof Error && 'code' in error && error.code === 'EIO')) throw error
      }),
  }),
}

describe('the oracle', () => {
  test.each([
    ['never syncs its files', 'an acknowledged object has other bytes'],
    ['never syncs its folders', 'an acknowledged object is gone'],
    ['never syncs its folders', 'a deleted object is not in the bin'],
    ['acknowledges although the sync failed', 'an acknowledged object is gone'],
  ])('convicts a storage that %s: %s', async (name, expected) => {
    const mutant = mutants[name]
    const violations = new Set<string>()
    for (let seed = 1; seed <= 300 && !violations.has(expected); seed++)
      await liveAndCrash(seed, mutant).catch((error: unknown) => {
        violations.add(error instanceof Violation ? error.message : String(error))
      })
    expect(violations).toContain(expected)
  })
})
