import type { Client } from '@hearthold/client'
import { readLog } from '@hearthold/contract'
import { expect, it } from 'vitest'
import { unlock } from '../account/unlock.ts'
import { makeFolder } from '../files/changes.ts'
import { createShare } from '../files/share-writer.ts'
import { openShare } from '../files/share.ts'
import { MemoryServer } from '../memory-server.oracle.ts'
import { signUp } from '../test-member.oracle.ts'
import { memoryHeads } from './known-heads.ts'
import { type LogAnswer, logPages } from './log-pages.ts'

type Question = { params: { log: string }; query: { after: number } }

/** The same client with another way to read logs. */
const readingBy = (client: Client, read: (question: Question) => Promise<unknown>): Client => ({
  ...client,
  call: ((endpoint: { name: string }, question: Question) =>
    endpoint.name === readLog.name
      ? read(question)
      : client.call(endpoint as never, question as never)) as Client['call'],
})

it('are all there is of a log, whatever their number, and enough to read it again', async () => {
  const server = new MemoryServer()
  const ada = await signUp(server)
  const { client } = ada.context
  const share = await createShare(ada.member, 'docs')
  for (let i = 0; i < 7; i++) await makeFolder(share, `/${i}`)
  const { log } = share
  const inFours = readingBy(client, (question) =>
    client.call(readLog, { ...question, query: { ...question.query, limit: 4 } }),
  )

  const kept = new Map<string, Uint8Array>()
  const keep = async (of: string): Promise<LogAnswer[]> => {
    const pages = await Array.fromAsync(logPages(inFours, of, 0))
    for (const { after, bytes } of pages) kept.set(`${of} ${after}`, bytes)
    return pages
  }
  const pages = await keep(log)
  expect(pages.map(({ after }) => after)).toEqual([0, 4])
  await keep(ada.member.account.log)

  const fromKept = readingBy(client, ({ params, query }) => {
    const bytes = kept.get(`${params.log} ${query.after}`)
    return bytes ? Promise.resolve(bytes) : Promise.reject(new Error('It was not kept.'))
  })
  const context = { ...ada.context, client: fromKept, heads: memoryHeads() }
  const alone = await unlock(context, ada.created, ada.created.unlockBy, ada.created.device)
  const { view } = await openShare(alone, log)
  expect([...view.nodes.keys()]).toEqual([...share.view.nodes.keys()])

  // From the last page on, which has grown; and behind the end, where there is nothing.
  await makeFolder(share, '/8')
  const rest = await Array.fromAsync(logPages(inFours, log, 4))
  expect(rest.map(({ after }) => after)).toEqual([4, 8])
  const { seq } = share.replica.position
  expect(await Array.fromAsync(logPages(client, log, seq))).toHaveLength(1)
})

it('end with what the server refuses, and with bytes that are no page', async () => {
  const ada = await signUp(new MemoryServer())
  const { client } = ada.context
  await expect(Array.fromAsync(logPages(client, 'ab'.repeat(16), 0))).rejects.toMatchObject({
    code: 'not_found',
  })
  const lying = readingBy(client, () => Promise.resolve(new Uint8Array(40)))
  await expect(Array.fromAsync(logPages(lying, 'ab'.repeat(16), 0))).rejects.toMatchObject({
    code: 'malformed',
  })
})
