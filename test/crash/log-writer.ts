/**
 * A process for log-service.test.ts to kill: the real database, objects and log service in the folder that is its
 * argument, under load until its end. Each line on standard output is something that was acknowledged.
 */
import { writeSync } from 'node:fs'
import { join } from 'node:path'
import type { Receipt } from '@hearthold/crypto'
import { toHex } from '@hearthold/crypto'
import type { Transaction } from 'kysely'
import {
  newNode,
  TestDevice,
  TestMember,
  TestShare,
} from '../../apps/server/src/platform/logs/test-logs.ts'
import { type BesideTables, openLogs } from './log-parts.ts'

const acknowledge = (receipts: readonly Receipt[]): void => {
  for (const { log, seq, chain } of receipts) writeSync(1, `${toHex(log)} ${seq} ${toHex(chain)}\n`)
}

const { logs } = await openLogs(join(process.argv[2]!, 'hearthold.db'), process.argv[2]!)

/** Two shares that are always written together, with a row beside: each folder is in all three or in none. */
const writeForEver = async (
  member: TestMember,
  device: TestDevice,
  pair: TestShare[],
): Promise<void> => {
  for (;;) {
    const node = newNode()
    const appends = []
    for (const share of pair) appends.push(share.append([await share.folder({ device, node })]))
    const within = async (trx: Transaction<unknown>): Promise<void> => {
      const on = trx as unknown as Transaction<BesideTables>
      await on.insertInto('beside').values({ node, log: pair[0]!.log.id }).execute()
    }
    acknowledge(await logs.append({ actor: member.actor, appends, within }))
  }
}

/** One entry an append and nothing beside it: the way without a savepoint. */
const writeSimply = async (
  member: TestMember,
  device: TestDevice,
  share: TestShare,
): Promise<void> => {
  for (;;) {
    acknowledge(
      await logs.append({
        actor: member.actor,
        appends: [share.append([await share.folder({ device })])],
      }),
    )
  }
}

const live = async (): Promise<void> => {
  const member = new TestMember()
  const { actor } = member
  const take = async (appends: Parameters<typeof logs.append>[0]['appends']): Promise<Receipt> => {
    const receipts = await logs.append({ actor, appends })
    acknowledge(receipts)
    return receipts[0]!
  }
  member.log.take(await take([await member.foundingAppend()]))
  const device = new TestDevice()
  member.log.take(await take([member.append([await member.enrol(device)])]))
  const shares = [new TestShare(member), new TestShare(member), new TestShare(member)]
  for (const share of shares) share.log.take(await take([await share.foundingAppend()]))
  await Promise.all([
    writeForEver(member, member.device, shares.slice(0, 2)),
    writeForEver(member, device, shares.slice(0, 2)),
    writeSimply(member, member.device, shares[2]!),
    writeSimply(member, device, shares[2]!),
  ])
}

await Promise.all([live(), live(), live()])
