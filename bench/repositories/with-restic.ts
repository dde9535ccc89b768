/** The real restic against each server: backup, a second one, check of every byte, restore. */
import { execFileSync } from 'node:child_process'
import { mkdtemp, readdir, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Restic } from '../../tools/demo/restic.ts'
import { type Certificates, type Contender, type Missing, type Running } from './contenders.ts'
import { cpuOf, peakMib } from './process-cost.ts'
import { warmUp } from './real-files.ts'
import { inRounds, note, tell, type Values } from './rounds.ts'

const gibibyte = 2 ** 30

export type ResticWork = {
  readonly workload: string
  readonly source: string
  readonly contenders: readonly Contender[]
  readonly missing: Missing
  readonly rounds: number
  readonly tls: Certificates | undefined
}

/** Of a repository in a folder as many as of one behind a server. */
const localConnections = ['-o', 'local.connections=5']

const bytesIn = async (folder: string): Promise<number> => {
  let bytes = 0
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true }))
    if (entry.isFile()) bytes += (await stat(join(entry.parentPath, entry.name))).size
  return bytes
}

/** One act must not pay for what another left unwritten. */
const settle = (): void => void execFileSync('sync')

type Acts = readonly (readonly [string, readonly string[]])[]

const measure = async (
  work: ResticWork,
  { name, isLocal }: Contender,
  running: Running,
  folder: string,
  values: Map<string, Values>,
): Promise<void> => {
  const cacert = work.tls?.authority
  const repository = isLocal ? running.address : `rest:${running.address}`
  const restic = new Restic({ folder: join(folder, 'restic'), repository, cacert })
  await restic.must('init')
  const target = join(folder, 'target')
  const acts: Acts = [
    ['backup', ['backup', work.source]],
    ['second backup', ['backup', '--force', work.source]],
    ['check --read-data', ['check', '--read-data']],
    ['restore', ['restore', 'latest', '--target', target]],
  ]
  await warmUp(work.source)
  for (const [act, words] of acts) {
    settle()
    const before = cpuOf(running.pid)
    const started = performance.now()
    await restic.must(...words, ...(isLocal ? localConnections : []))
    note(values, `${act}, wall`, name, (performance.now() - started) / 1000)
    const after = cpuOf(running.pid)
    const storedGib = (await bytesIn(running.folder)) / gibibyte
    if (act === 'backup') note(values, 'stored', name, storedGib)
    // What goes through the server once in these, and not at all in the second backup.
    if (isLocal || act === 'second backup') continue
    note(values, `${act}, server CPU`, name, (after.all - before.all) / storedGib)
    // A virtual machine whose host takes back free memory pays for getting it again, and that changes from run to run.
    note(values, `${act}, server CPU in user mode`, name, (after.user - before.user) / storedGib)
  }
  if (!isLocal) note(values, 'server memory at most', name, peakMib(running.pid))
}

const units = (act: string): string => {
  if (act === 'stored') return 'GiB'
  return act.endsWith('wall') ? 's' : act.includes('CPU') ? 's per GiB stored' : 'MiB'
}

const barOf = (act: string, tls: boolean): string | undefined => {
  if (act.endsWith('CPU')) return tls ? '< 1.0 x rest-server' : '<= 1.25 x rest-server'
  if (!act.endsWith('wall')) return undefined
  return tls ? '<= 0.9 x rest-server' : '<= 1.0 x rest-server'
}

/** Prints a line for each act. */
export const runRestic = async (work: ResticWork): Promise<void> => {
  const values = new Map<string, Values>()
  const able = work.contenders.filter(({ hasTls }) => hasTls || !work.tls)
  await inRounds(able, work.rounds, async (contender) => {
    const folder = await mkdtemp(join(tmpdir(), 'hearthold-bench-'))
    const running = await contender.start(folder, work.tls)
    try {
      await measure(work, contender, running, folder, values)
    } finally {
      await running.stop()
      await rm(folder, { recursive: true, force: true })
    }
  })
  for (const [act, ofThis] of values) {
    const bar = barOf(act, work.tls !== undefined)
    tell({
      ...{ workload: work.workload, act, unit: units(act), kind: 'less is better' as const },
      ...{ values: ofThis, missing: work.missing, ...(bar ? { bar } : {}) },
    })
  }
}
