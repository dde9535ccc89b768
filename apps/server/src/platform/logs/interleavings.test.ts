import type { AccountView } from '@hearthold/model'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { TestLogService } from './test-log-service.ts'
import { World } from './test-world.ts'

const anyStep = fc.record({
  device: fc.nat(3),
  share: fc.nat(1),
  what: fc.constantFrom(
    ...(['add', 'add', 'file', 'move', 'trash', 'erase', 'two', 'stale', 'catch-up'] as const),
  ),
  pick: fc.nat(1000),
})
const anyTurn = fc.array(anyStep, { minLength: 1, maxLength: 4 })
const anyBetween = fc.constantFrom(
  ...(['nothing', 'nothing', 'restart', 'forget', 'revoke'] as const),
)
const anyPlan = fc.array(fc.tuple(anyTurn, anyBetween), { minLength: 3, maxLength: 12 })

describe('any interleaving of writers, restarts and revocations', () => {
  it('gives logs that every client accepts whole, and the view that the server has', async () => {
    let accepted = 0
    await fc.assert(
      fc.asyncProperty(anyPlan, async (turns) => {
        const service = await TestLogService.open()
        try {
          const world = new World(service)
          await world.begin()
          await world.run(turns)
          accepted += world.accepted
          const account = await world.verifiedView(world.member.log.id, true)
          expect(account).toEqual(await service.logs.view(world.member.log.id))
          for (const { log } of world.shares) {
            const view = await world.verifiedView(log.id, false, account as AccountView)
            expect(view).toEqual(await service.logs.view(log.id))
            await service.restart()
            expect(view).toEqual(await service.logs.view(log.id))
          }
        } finally {
          await service.close()
        }
      }),
      { numRuns: 25 },
    )
    expect(accepted).toBeGreaterThan(100)
  }, 60_000)
})
