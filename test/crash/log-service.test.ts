import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { decodePage, LogVerifier, signingPublicKey, toHex } from '@hearthold/crypto'
import { type AccountView, deviceAt, logKinds, type ShareView } from '@hearthold/model'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { LogService } from '../../apps/server/src/platform/logs/index.ts'
import type { Database } from '../../apps/server/src/platform/db/index.ts'
import { instanceSeed, openLogs, type Tables } from './log-parts.ts'

const rounds = Number(process.env['HEARTHOLD_CRASH_ROUNDS'] ?? 5)
const instanceKey = signingPublicKey(instanceSeed)
let folder = ''
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'hearthold-log-crash-'))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

type Acknowledged = { readonly log: string; readonly seq: number; readonly chain: string }

/** Lets a writer run and kills it some time after its first acknowledgement. Answers all that it acknowledged. */
const killedWriter = async (afterMs: number): Promise<Acknowledged[]> => {
  const writer = join(import.meta.dirname, 'log-writer.ts')
  const child = spawn(process.execPath, [writer, folder], { stdio: ['ignore', 'pipe', 'pipe'] })
  const said = text(child.stdout)
  const complaints = text(child.stderr)
  const ended = once(child, 'exit')
  await Promise.race([once(child.stdout, 'data'), ended])
  await new Promise((resolve) => setTimeout(resolve, afterMs))
  child.kill('SIGKILL')
  const [, signal] = (await ended) as [number | null, string | null]
  if (signal !== 'SIGKILL') throw new Error(`the writer ended by itself: ${await complaints}`)
  const lines = (await said).split('\n').slice(0, -1)
  return lines.map((line) => {
    const [log, seq, chain] = line.split(' ')
    return { log: log!, seq: Number(seq), chain: chain! }
  })
}

/** All that a client checks of a log; answers its newest number. */
const verifyWhole = async (
  logs: LogService,
  log: string,
  account: AccountView,
): Promise<number> => {
  const first = decodePage((await logs.readPage({ log, after: 0, limit: 1 }))!.bytes)
  const strict = first.genesis.kind === logKinds.account
  const verifier = new LogVerifier(first.log, first.genesis, { strict })
  for (let after = 0; ;) {
    const { bytes, lastSeq, headSeq } = (await logs.readPage({ log, after }))!
    const page = decodePage(bytes)
    verifier.acceptPage(page)
    after = lastSeq
    if (lastSeq < headSeq) continue
    await verifier.verifySignatures((_author, device, gov) =>
      strict ? account.devices.get(device)?.publicKey : deviceAt(account, device, gov)?.publicKey,
    )
    await verifier.checkReceipt(page.receipt, instanceKey)
    return lastSeq
  }
}

/** Logs, rows beside and sums tell one story: nothing of an append is there without the rest. */
const checkWhole = async (db: Database<Tables>, logs: LogService): Promise<number> => {
  let entries = 0
  const accounts = await db
    .selectFrom('logs')
    .select('id')
    .where('kind', '=', logKinds.account)
    .execute()
  for (const { id } of accounts) {
    const account = (await logs.accountView(id))!
    const heads = await logs.listFor(id)
    for (const head of heads) {
      expect(await verifyWhole(logs, head.log, account)).toBe(head.seq)
      entries += head.seq
    }
    const usage = await db
      .selectFrom('account_usage')
      .select('entry_bytes')
      .where('account', '=', toHex(account.accountId!))
      .executeTakeFirstOrThrow()
    expect(usage.entry_bytes).toBe(heads.reduce((sum, { entryBytes }) => sum + entryBytes, 0))
    const shares = heads.filter(({ kind }) => kind === logKinds.share)
    if (shares.length < 3) continue
    const nodes = []
    for (const { log } of shares.slice(0, 2)) {
      nodes.push([...((await logs.view(log)) as ShareView).nodes.keys()].toSorted())
    }
    const beside = await db
      .selectFrom('beside')
      .select('node')
      .where('log', '=', shares[0]!.log)
      .orderBy('node')
      .execute()
    expect(nodes[0]).toEqual(nodes[1])
    expect(nodes[0]).toEqual(beside.map(({ node }) => node))
  }
  return entries
}

describe('a log service that is killed under load', () => {
  it(`keeps all that it acknowledged, whole, ${rounds} times in a row`, async () => {
    const promised: Acknowledged[] = []
    let entries = 0
    for (let round = 0; round < rounds; round++) {
      const fresh = await killedWriter(Math.random() * 250)
      promised.push(...fresh)
      const { db, logs } = await openLogs(join(folder, 'hearthold.db'), folder)
      const isFull = round % 5 === 4
      try {
        for (const { log, seq, chain } of isFull ? promised : fresh) {
          const found = await logs.chainAt(log, seq)
          expect(found && toHex(found)).toBe(chain)
        }
        if (isFull) entries = await checkWhole(db, logs)
      } finally {
        await db.close()
      }
    }
    // The writers did write: an empty database would pass everything above.
    expect(entries).toBeGreaterThan(rounds * 20)
  })
})
