import { expect, it } from 'vitest'
import { seedFor } from '../crash/server-rounds.ts'
import { runPruneRounds } from './restic-prune-rounds.ts'
import { runResticRounds } from './restic-rounds.ts'

it('a server killed while restic backs up keeps every object that it acknowledged', async () => {
  const rounds = Number(process.env['HEARTHOLD_CRASH_ROUNDS'] ?? 3)
  const counts = await runResticRounds(rounds, seedFor('HEARTHOLD_CRASH_SEED'))
  process.stdout.write(`${JSON.stringify(counts)}\n`)
  // A kill of an idle server would prove nothing.
  expect(counts.inMidBackup).toBeGreaterThan(0)
  expect(counts.acknowledged).toBeGreaterThan(rounds)
  expect(counts.snapshots).toBeGreaterThan(0)
})

it('killed while restic forgets and prunes, the bin brings back all that there was', async () => {
  const rounds = Number(process.env['HEARTHOLD_CRASH_ROUNDS'] ?? 2)
  const counts = await runPruneRounds(rounds, seedFor('HEARTHOLD_CRASH_SEED'))
  process.stdout.write(`${JSON.stringify(counts)}\n`)
  expect(counts.broughtBack).toBeGreaterThan(0)
  expect(counts.inMidPrune).toBeGreaterThan(0)
})
