/** Uploads and downloads of single objects at several numbers of connections; lists, and adding to what is large. */
import { execFileSync } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { get } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Contender, Missing, Running } from './contenders.ts'
import { cpuOf, peakMib } from './process-cost.ts'
import { askAll, prepare, type Prepared } from './raw-client.ts'
import { inRounds, note, tell, type Values } from './rounds.ts'

const mebibyte = 2 ** 20
const connectionCounts = [1, 4, 8]

export type Size = { readonly label: string; readonly sizeBytes: number; readonly count: number }
export const objectSizes: readonly Size[] = [
  { label: '4 KiB', sizeBytes: 4096, count: 3000 },
  { label: '16 MiB', sizeBytes: 16 * mebibyte, count: 12 },
]

export type ObjectsWork = {
  readonly contenders: readonly Contender[]
  readonly missing: Missing
  readonly rounds: number
}

const serversOf = ({ contenders }: ObjectsWork): readonly Contender[] =>
  contenders.filter(({ isLocal }) => !isLocal)

type Made = { readonly puts: readonly Prepared[]; readonly gets: readonly Prepared[] }

const makeObjects = (address: string, { sizeBytes, count }: Size): Made => {
  const puts: Prepared[] = []
  const gets: Prepared[] = []
  for (let at = 0; at < count; at++) {
    const bytes = randomBytes(sizeBytes)
    const path = `data/${createHash('sha256').update(bytes).digest('hex')}`
    puts.push(prepare(address, 'POST', path, bytes))
    gets.push(prepare(address, 'GET', path, undefined, [200, 206], 'Range: bytes=0-\r\n'))
  }
  return { puts, gets }
}

const createRepository = (address: string): Promise<number> =>
  askAll(address, [prepare(address, 'POST', '?create=true', Buffer.alloc(0))], 1)

/** Megabytes a second for large objects, requests a second for small ones. */
const rateOf = ({ sizeBytes, count }: Size, seconds: number): number =>
  sizeBytes >= mebibyte ? (sizeBytes * count) / mebibyte / seconds : count / seconds

const withServer = async (
  contender: Contender,
  work: (running: Running, folder: string) => Promise<void>,
): Promise<void> => {
  const folder = await mkdtemp(join(tmpdir(), 'hearthold-bench-'))
  const running = await contender.start(folder, undefined)
  try {
    await work(running, folder)
  } finally {
    await running.stop()
    await rm(folder, { recursive: true, force: true })
  }
}

/** PUT and GET of objects of one size. */
export const runObjects = async (work: ObjectsWork, size: Size): Promise<void> => {
  const values = new Map<string, Values>()
  await inRounds(serversOf(work), work.rounds, (contender) =>
    withServer(contender, async ({ address, pid }) => {
      const { name } = contender
      await createRepository(address)
      // Code that is hot and folders that are made: what a server is after its first minute.
      const { sizeBytes } = size
      const warmUp = { ...size, count: sizeBytes >= mebibyte ? 2 : 600 }
      for (const list of Object.values(makeObjects(address, warmUp))) await askAll(address, list, 4)
      for (const connections of connectionCounts) {
        const { puts, gets } = makeObjects(address, size)
        execFileSync('sync')
        for (const [verb, list] of [
          ['PUT', puts],
          ['GET', gets],
        ] as const) {
          // Small ones are had again and again: a tenth of a second would measure one garbage collection.
          const times = verb === 'GET' && sizeBytes < mebibyte ? 8 : 1
          const asked = Array.from({ length: times }, () => list).flat()
          const all = { ...size, count: size.count * times }
          const cpu = cpuOf(pid)
          const act = `${verb}, ${connections} ${connections === 1 ? 'connection' : 'connections'}`
          note(values, act, name, rateOf(all, await askAll(address, asked, connections)))
          note(values, `${act}, server CPU`, name, ((cpuOf(pid).all - cpu.all) / all.count) * 1000)
        }
      }
      note(values, 'server memory at most', name, peakMib(pid))
    }),
  )
  const unit = size.sizeBytes >= mebibyte ? 'MiB/s' : 'requests/s'
  for (const [act, ofThis] of values) {
    const isRate = /^(PUT|GET), \d+ connections?$/.test(act)
    const bar = act.startsWith('GET') || act.includes('8 conn') ? '>= 1.0 x rest-server' : undefined
    tell({
      ...{ workload: `objects of ${size.label}`, act, values: ofThis, missing: work.missing },
      unit: isRate ? unit : act.endsWith('CPU') ? 'ms per request' : 'MiB',
      kind: isRate ? 'more is better' : 'less is better',
      ...(isRate && bar ? { bar } : {}),
    })
  }
}

/** Files with names of objects; lists open none of them. */
const plantObjects = (folder: string, count: number): void => {
  for (let shard = 0; shard < 256; shard++)
    mkdirSync(join(folder, 'data', shard.toString(16).padStart(2, '0')), { recursive: true })
  for (let at = 0; at < count; at++) {
    const id = randomBytes(32).toString('hex')
    writeFileSync(join(folder, 'data', id.slice(0, 2), id), id.slice(0, 20))
  }
}

/** Seconds until the whole list is here. @throws Error where it does not name so many */
const listOnce = (address: string, least: number): Promise<number> => {
  const { host, hostname, port, pathname, username, password } = new URL(address)
  const started = performance.now()
  return new Promise((done, fail) => {
    get(
      {
        ...{ host: hostname === 'localhost' ? '127.0.0.1' : hostname, port, agent: false },
        path: `${pathname}data/`,
        headers: { host, accept: 'application/vnd.x.restic.rest.v2' },
        ...(username === '' ? {} : { auth: `${username}:${password}` }),
      },
      (answer) => {
        const parts: Buffer[] = []
        answer.on('error', fail)
        answer.on('data', (part: Buffer) => parts.push(part))
        answer.on('end', () => {
          const seconds = (performance.now() - started) / 1000
          const list = JSON.parse(Buffer.concat(parts).toString()) as unknown[]
          if (list.length >= least) done(seconds)
          else fail(new Error(`a list of ${list.length} objects instead of ${least}`))
        })
      },
    ).on('error', fail)
  })
}

const appended: Size = { label: '4 KiB', sizeBytes: 4096, count: 1000 }

/** The first list of a server, the ones after it, and what adding does to it. */
export const runLists = async (work: ObjectsWork, count: number): Promise<void> => {
  const values = new Map<string, Values>()
  await inRounds(serversOf(work), work.rounds, (contender) =>
    withServer(contender, async (running, place) => {
      const { address, folder, pid } = running
      const { name } = contender
      await createRepository(address)
      plantObjects(folder, count)
      execFileSync('sync')
      note(values, 'first list', name, await listOnce(address, count))
      for (let again = 0; again < 5; again++)
        note(values, 'list again', name, await listOnce(address, count))
      const { puts } = makeObjects(address, appended)
      const seconds = await askAll(address, puts, 8)
      note(values, `adding ${appended.count} objects, 8 connections`, name, seconds)
      note(values, 'list after adding', name, await listOnce(address, count + appended.count))
      note(values, 'server memory at most', name, peakMib(pid))
      if (!contender.canRestart) return
      await running.stop()
      const again = await contender.start(place, undefined)
      try {
        const listed = await listOnce(again.address, count + appended.count)
        note(values, 'list after a restart', name, listed)
      } finally {
        await again.stop()
      }
    }),
  )
  for (const [act, ofThis] of values)
    tell({
      ...{ workload: `list of ${count} objects`, act, values: ofThis, missing: work.missing },
      ...{ unit: act.startsWith('server') ? 'MiB' : 's', kind: 'less is better' as const },
      ...(act.startsWith('list') ? { bar: '3 times as fast as rest-server' } : {}),
    })
}
