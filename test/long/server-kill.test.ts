import { expect, it } from 'vitest'
import { runRounds, seedFor } from '../crash/server-rounds.ts'

it('a server killed hundreds of times under load keeps what it acknowledged', async () => {
  const rounds = Number(process.env['HEARTHOLD_CRASH_ROUNDS'] ?? 300)
  const { output, ...counts } = await runRounds(rounds, seedFor('HEARTHOLD_CRASH_SEED'))
  process.stdout.write(`${JSON.stringify({ rounds, ...counts })}\n`)
  for (const [what, count] of Object.entries(counts))
    expect([what, count > 0]).toEqual([what, true])
  expect(output).not.toMatch(/request failed|does not list it/)
})
