import type { SignedEntry } from '@hearthold/crypto'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { problemOf, TestLogService } from './test-log-service.ts'
import { newNode, TestMember, type TestShare } from './test-logs.ts'

let service: TestLogService
let member: TestMember
let share: TestShare
beforeEach(async () => {
  service = await TestLogService.open()
  member = new TestMember()
  await service.found(member)
  share = await service.share(member)
})
afterEach(() => service.close())

const entries = async (count: number): Promise<SignedEntry[]> => {
  const all: SignedEntry[] = []
  while (all.length < count) all.push(await share.folder())
  return all
}
/** All in one turn of the event loop, and so in one batch. Answers the problem codes, empty for what was taken. */
const together = (all: readonly SignedEntry[]): Promise<string[]> =>
  Promise.all(
    all.map(async (entry) => {
      const problem = await problemOf(service.append(member, [share.append([entry])]))
      return problem?.code ?? ''
    }),
  )
const storedBytes = async (): Promise<number> => {
  let sum = 0
  for (const { entryBytes } of await service.logs.listFor(member.log.id)) sum += entryBytes
  return sum
}

describe('appends of one turn', () => {
  it('are counted once together', async () => {
    const counted = vi.spyOn(service.objects, 'addEntryBytes')
    expect(await together(await entries(10))).toEqual(Array.from({ length: 10 }, () => ''))
    expect(counted).toHaveBeenCalledTimes(1)
    expect(service.objects.entryBytes).toBe(await storedBytes())
  })

  it('that are retries, or refused, cost nothing', async () => {
    const [first, ...rest] = await entries(3)
    await together([first!])
    const refused = await share.change([{ op: 'add-folder', node: newNode(), parent: newNode() }])
    expect(await together([first!, ...rest, refused])).toEqual(['', '', '', 'base_stale'])
    expect((await service.logs.head(share.log.id))!.seq).toBe(4)
    expect(service.objects.entryBytes).toBe(await storedBytes())
  })

  it('are taken one by one where there is no room for all', async () => {
    const all = await entries(4)
    const before = service.objects.entryBytes
    await together([all[0]!])
    const each = service.objects.entryBytes - before
    service.objects.quotaBytes = service.objects.entryBytes + 2 * each
    expect(await together(all.slice(1))).toEqual(['', '', 'over_quota'])
    expect(service.objects.entryBytes).toBe(await storedBytes())
  })

  it('are counted one by one where one of them is not simple', async () => {
    const counted = vi.spyOn(service.objects, 'addEntryBytes')
    const [one, two, three] = await entries(3)
    const alone = together([one!])
    const pair = service.append(member, [share.append([two!, three!])])
    expect([await alone, (await pair).length]).toEqual([[''], 1])
    expect(counted).toHaveBeenCalledTimes(2)
    expect(service.objects.entryBytes).toBe(await storedBytes())
  })
})
