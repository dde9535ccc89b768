import { expect, it } from 'vitest'
import { killFirstStart, runRounds, runWithLoss, seedFor } from './server-rounds.ts'

it('a server killed under load keeps what it acknowledged, whole, and forgets nothing that was used', async () => {
  const { output, ...counts } = await runRounds(
    Number(process.env['HEARTHOLD_CRASH_ROUNDS'] ?? 4),
    seedFor('HEARTHOLD_CRASH_SEED'),
  )
  // A run in which little happened would prove little.
  for (const [what, count] of Object.entries(counts))
    expect([what, count > 0]).toEqual([what, true])
  process.stdout.write(`${JSON.stringify(counts)}\n`)
  expect(output).not.toMatch(/request failed|does not list it/)
})

it('the check notices a server that forgets', async () => {
  expect(await runWithLoss(1)).toBeInstanceOf(Error)
})

it('killed in its very first start, it starts and can be set up', async () => {
  await expect(killFirstStart(4, seedFor('HEARTHOLD_CRASH_SEED'))).resolves.toBeUndefined()
})
