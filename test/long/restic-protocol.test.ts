/** The random sequences of requests of test/repositories at length: 64 of 2,000 instead of 8 of 150. */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { seed } from '../fuzz/seed.ts'
import { startRestServer, stopAll } from '../repositories/rest-server-process.ts'
import { flagsFor, ours, runSequence, settingsOf } from '../repositories/sequence-run.ts'

const folder = mkdtempSync(join(tmpdir(), 'hearthold-fuzz-'))
afterEach(async () => {
  await stopAll()
  rmSync(folder, { recursive: true, force: true })
})

const first = seed - (seed % 8)
test.each(Array.from({ length: 64 }, (_, at) => first + at))('sequence %i', async (own) => {
  const data = join(folder, 'data')
  mkdirSync(data, { recursive: true })
  const { ask } = await startRestServer(flagsFor(settingsOf(own), data))
  const met = await runSequence({ seed: own, steps: 2000, folder: data }, ours, ask)
  expect(met).toContain('same-again')
})
