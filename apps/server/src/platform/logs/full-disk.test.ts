import { randomBytes } from '@hearthold/crypto'
import type { ShareView } from '@hearthold/model'
import { sql } from 'kysely'
import { expect, it } from 'vitest'
import { problemOf, TestLogService } from './test-log-service.ts'
import { TestMember } from './test-logs.ts'

/** SQLite's own limit stands for the disk: the error and its rollback are the same. */
const limitPages = async ({ db }: TestLogService, more: number): Promise<void> => {
  const { rows } = await sql<{ page_count: number }>`pragma page_count`.execute(db)
  await sql`pragma max_page_count = ${sql.lit(rows[0]!.page_count + more)}`.execute(db)
}

it('a full disk refuses the whole turn, keeps nothing of it, and the same entries go through later', async () => {
  const service = await TestLogService.open()
  const member = new TestMember()
  await service.found(member)
  const share = await service.share(member)
  const small = share.append([await share.folder()])
  const large = share.append([await share.folder({ body: randomBytes(500_000) })])
  await limitPages(service, 4)

  const turn = [service.append(member, [small]), service.append(member, [large])]
  expect(await Promise.all(turn.map(problemOf))).toMatchObject([
    { code: 'disk_full' },
    { code: 'disk_full' },
  ])
  const view = async () => (await service.logs.view(share.log.id)) as ShareView
  expect((await view()).nodes.size).toBe(0)
  expect(await service.logs.head(share.log.id)).toMatchObject({ seq: 1 })

  await limitPages(service, 100_000)
  const [first] = await service.append(member, [small])
  const [second] = await service.append(member, [large])
  expect([first!.seq, second!.seq]).toEqual([2, 3])
  await service.restart()
  expect((await view()).nodes.size).toBe(2)
  await service.close()
})
