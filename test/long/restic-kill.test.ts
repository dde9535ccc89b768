import { expect, it } from 'vitest'
import { runPruneRounds } from '../clients/restic-prune-rounds.ts'
import { runResticRounds } from '../clients/restic-rounds.ts'
import { seedFor } from '../crash/server-rounds.ts'

it('a server killed hundreds of times under restic keeps every object that it acknowledged', async () => {
  const rounds = Number(process.env['HEARTHOLD_CRASH_ROUNDS'] ?? 200)
  const counts = await runResticRounds(rounds, seedFor('HEARTHOLD_CRASH_SEED'))
  process.stdout.write(`${JSON.stringify(counts)}\n`)
  expect(counts.inMidBackup).toBeGreaterThan(rounds / 3)
  expect(counts.wentOn).toBeGreaterThan(rounds / 10)
  expect(counts.acknowledged).toBeGreaterThan(rounds)
})

it('killed a hundred times while restic prunes, the bin brings back all that there was', async () => {
  const rounds = Number(process.env['HEARTHOLD_CRASH_ROUNDS'] ?? 100)
  const counts = await runPruneRounds(rounds, seedFor('HEARTHOLD_CRASH_SEED'))
  process.stdout.write(`${JSON.stringify(counts)}\n`)
  expect(counts.inMidPrune).toBeGreaterThan(rounds / 3)
  expect(counts.broughtBack).toBeGreaterThan(rounds)
})
