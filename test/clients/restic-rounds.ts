/** The server is killed while the real restic backs up to it, again and again; what it acknowledged must be there. */
import { createHash, randomBytes } from 'node:crypto'
import { createReadStream, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { setTimeout as delay } from 'node:timers/promises'
import { createRepository, createRepositoryCredential } from '@hearthold/contract'
import type { Person } from '../../apps/server/src/features/identity/test-person.ts'
import { differences, digestTree } from '../../tools/demo/compare.ts'
import { Restic } from '../../tools/demo/restic.ts'
import { type SeededRandom, seededRandom } from '../crash/seeded-random.ts'
import { ServerProcess } from '../crash/server-process.ts'
import { newFolder, removeFolder, resticFor } from './restic-places.ts'
import { ResticProxy } from './restic-proxy.ts'

export type Counts = {
  readonly rounds: number
  /** Kills at which restic had been answered, and was not yet done. */
  readonly inMidBackup: number
  /** Backups that went on over the kill and succeeded. */
  readonly wentOn: number
  readonly acknowledged: number
  readonly snapshots: number
}

const mebibyte = 2 ** 20
const mebibytesPerRound = 10
/** A repository of its own for so many rounds: reading all of it would take longer and longer. */
const roundsPerRepository = 12

const sha256Of = async (path: string): Promise<string> => {
  const hash = createHash('sha256')
  await pipeline(createReadStream(path), hash)
  return hash.digest('hex')
}

/** One repository with what is known of it. */
type Work = {
  readonly place: string
  readonly proxy: ResticProxy
  readonly restic: Restic
  readonly source: string
  /** Objects whose bytes were compared with their names. */
  readonly compared: Set<string>
  snapshots: number
}

const pathOf = (place: string, object: string): string => {
  const [type = '', id = ''] = object.split('/')
  return type === 'data' ? join(place, type, id.slice(0, 2), id) : join(place, object)
}

/**
 * Everything that was acknowledged is there byte for byte, and nothing that is there under a name is anything else.
 * Locks go again; all other objects stay, since the credential may only append.
 */
const compare = async (work: Work): Promise<void> => {
  const { place, proxy, compared } = work
  const named = readdirSync(place, { recursive: true, encoding: 'utf8' })
    .filter((path) => /^(data\/[0-9a-f]{2}|index|keys|snapshots)\/[0-9a-f]{64}$/.test(path))
    .map((path) => path.replace(/^data\/../, 'data'))
  const owed = [...proxy.acknowledged].filter(
    (object) => !object.startsWith('locks/') && object !== 'config',
  )
  const missing = owed.filter((object) => !named.includes(object))
  if (missing.length > 0) throw new Error(`acknowledged and lost: ${missing.join(', ')}`)
  for (const object of named) {
    if (compared.has(object)) continue
    const hash = await sha256Of(pathOf(place, object))
    if (hash !== object.split('/')[1]) throw new Error(`${object} hashes to ${hash}`)
    compared.add(object)
  }
}

const begin = async (
  server: ServerProcess,
  owner: Person,
  folder: string,
  name: string,
): Promise<Work> => {
  const { token } = owner
  const made = await server.must(createRepository, { token, body: { name } })
  const repository = String(made.json['repository'])
  const path = String(made.json['path'])
  const { json } = await server.must(createRepositoryCredential, {
    token,
    params: { repository },
    body: { label: 'laptop', scope: 'append', validDays: null },
  })
  const { credential } = json['credential'] as { credential: string }
  const host = `localhost:${server.port}`
  const proxy = await ResticProxy.start({ port: server.port, host })
  const address = `rest:http://${credential}:${String(json['secret'])}@${host}${path}`
  const restic = resticFor(join(folder, name), proxy.address(address))
  await restic.must('init')
  const source = join(folder, `${name}-source`)
  mkdirSync(source)
  const place = join(server.dataFolder, ...path.split('/').slice(1, -1))
  return { place, proxy, restic, source, compared: new Set(), snapshots: 0 }
}

const packsOf = ({ proxy }: Work): number =>
  [...proxy.acknowledged].filter((object) => object.startsWith('data/')).length

type RoundOutcome = { readonly inMidBackup: boolean; readonly wentOn: boolean }

const killOnce = async (
  server: ServerProcess,
  work: Work,
  random: SeededRandom,
): Promise<RoundOutcome> => {
  const { restic, source } = work
  const fresh = join(source, `round ${randomBytes(4).toString('hex')}`)
  writeFileSync(fresh, randomBytes(mebibytesPerRound * mebibyte))
  const before = packsOf(work)
  // Slow enough that a kill finds it at work.
  const { child, ended } = restic.start('backup', source, '--limit-upload', '8000')
  const isDone = (): boolean => child.exitCode !== null
  // Until it has locked the repository restic asks for nothing twice: then it may give up.
  const isEarly = random.chance(0.2)
  const wanted = isEarly ? 0 : before + 1 + random.below(2)
  if (isEarly) await delay(random.below(1200))
  while (!isDone() && packsOf(work) < wanted) await delay(5)
  await delay(random.below(150))
  const inMidBackup = !isDone() && packsOf(work) > before
  await server.end('SIGKILL')
  const killsRestic = random.chance(0.5)
  if (killsRestic) {
    child.kill('SIGKILL')
    await ended
  }
  await server.start()
  await compare(work)
  const { code, stderr } = await ended
  if (code !== 0 && !killsRestic && !isEarly) throw new Error(`restic gave up: ${stderr}`)
  if (code === 0) work.snapshots++
  else await restic.must('unlock')
  await restic.checkAll()
  return { inMidBackup, wentOn: inMidBackup && code === 0 }
}

/** The last backup, whole; then all that is owed once more. */
const finish = async (work: Work, folder: string): Promise<number> => {
  const { restic, source, proxy } = work
  await restic.must('backup', source)
  const { length } = await restic.snapshots()
  if (length < work.snapshots + 1) throw new Error('a snapshot was acknowledged and is lost')
  await compare(work)
  const target = join(folder, 'target')
  await restic.must('restore', 'latest', '--target', target)
  const [before, after] = [await digestTree(source), await digestTree(join(target, source))]
  const found = differences(before.tree, after.tree)
  if (found.length > 0) throw new Error(`restored otherwise: ${found.join(', ')}`)
  rmSync(target, { recursive: true })
  rmSync(source, { recursive: true })
  await proxy.stop()
  return length
}

/**
 * Rounds of backup, kill, start and `check --read-data`.
 * @throws Error where anything that was acknowledged is not there, or is not what it was
 */
export const runResticRounds = async (rounds: number, seed: number): Promise<Counts> => {
  const random = seededRandom(seed)
  const folder = newFolder()
  const server = await ServerProcess.create(join(folder, 'data'))
  let work: Work | undefined
  let inMidBackup = 0
  let wentOn = 0
  let acknowledged = 0
  let snapshots = 0
  try {
    await server.start()
    const owner = await server.person('Ada').setUp()
    for (let round = 0; round < rounds; round++) {
      work ??= await begin(server, owner, folder, `laptop-${round}`)
      const outcome = await killOnce(server, work, random).catch((error: unknown) => {
        throw new Error(`round ${round + 1} of seed ${seed}`, { cause: error })
      })
      inMidBackup += Number(outcome.inMidBackup)
      wentOn += Number(outcome.wentOn)
      if ((round + 1) % roundsPerRepository !== 0 && round + 1 < rounds) continue
      snapshots += await finish(work, folder)
      acknowledged += work.proxy.acknowledged.size
      work = undefined
    }
    return { rounds, inMidBackup, wentOn, acknowledged, snapshots }
  } finally {
    await work?.proxy.stop()
    await server.end('SIGKILL')
    removeFolder(folder)
  }
}
