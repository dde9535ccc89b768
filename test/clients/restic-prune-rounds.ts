/** The server is killed while restic forgets and prunes; the bin must bring back all that there was. */
import { randomBytes } from 'node:crypto'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import {
  createRepository,
  createRepositoryCredential,
  getRepository,
  restoreBin,
} from '@hearthold/contract'
import type { Restic } from '../../tools/demo/restic.ts'
import { seededRandom } from '../crash/seeded-random.ts'
import { ServerProcess } from '../crash/server-process.ts'
import { newFolder, removeFolder, resticFor } from './restic-places.ts'

export type PruneCounts = {
  readonly rounds: number
  /** Kills at which something was in the bin already, and restic was not yet done. */
  readonly inMidPrune: number
  /** Objects that the bin brought back. */
  readonly broughtBack: number
}

const mebibyte = 2 ** 20
const snapshotCount = 3

/** Backups that each hold something that no other has. */
const backUp = async (restic: Restic, source: string): Promise<string[]> => {
  mkdirSync(source)
  for (let at = 0; at < snapshotCount; at++) {
    writeFileSync(join(source, 'film'), randomBytes(6 * mebibyte))
    writeFileSync(join(source, 'letter'), `letter ${at}`)
    await restic.must('backup', source)
  }
  return (await restic.snapshots()).map(({ id }) => id)
}

/** What restic has of each snapshot, read through the server. */
const lettersOf = async (
  restic: Restic,
  source: string,
  snapshots: readonly string[],
): Promise<string[]> => {
  const letters: string[] = []
  for (const id of snapshots) letters.push(await restic.must('dump', id, join(source, 'letter')))
  return letters
}

/**
 * Rounds of forgetting all, kill, start, bringing back and `check --read-data` on one repository.
 * @throws Error where anything did not come back
 */
export const runPruneRounds = async (rounds: number, seed: number): Promise<PruneCounts> => {
  const random = seededRandom(seed)
  const folder = newFolder()
  const server = await ServerProcess.create(join(folder, 'data'))
  let inMidPrune = 0
  let broughtBack = 0
  try {
    await server.start()
    const { token } = await server.person('Ada').setUp()
    const made = await server.must(createRepository, { token, body: { name: 'laptop' } })
    const params = { repository: String(made.json['repository']) }
    const body = { label: 'laptop', scope: 'maintain', validDays: null }
    const { json } = await server.must(createRepositoryCredential, { token, params, body })
    const { credential } = json['credential'] as { credential: string }
    const user = `${credential}:${String(json['secret'])}`
    const address = `rest:http://${user}@localhost:${server.port}${String(made.json['path'])}`
    const restic = resticFor(join(folder, 'restic'), address)
    await restic.must('init')
    const source = join(folder, 'source')
    const snapshots = await backUp(restic, source)
    const binned = async (): Promise<number> =>
      Number((await server.must(getRepository, { token, params })).json['binObjects'])
    for (let round = 0; round < rounds; round++) {
      const { child, ended } = restic.start('forget', ...snapshots, '--prune')
      const wanted = 1 + random.below(9)
      while (child.exitCode === null && (await binned()) < wanted) await delay(2)
      const wasDone = child.exitCode !== null
      await server.end('SIGKILL')
      child.kill('SIGKILL')
      await ended
      await server.start()
      const back = await server.must(restoreBin, { token, params, body: {} })
      broughtBack += Number(back.json['objects'])
      inMidPrune += Number(!wasDone)
      await restic.must('unlock')
      const found = (await restic.snapshots()).map(({ id }) => id)
      if (found.join() !== snapshots.join())
        throw new Error(`round ${round + 1} of seed ${seed}: snapshots ${found.join()}`)
      await restic.checkAll()
    }
    const letters = await lettersOf(restic, source, snapshots)
    const last = readFileSync(join(source, 'letter'), 'utf8')
    if (letters.join() !== 'letter 0,letter 1,letter 2' || letters.at(-1) !== last)
      throw new Error(`letters came back as ${letters.join()}`)
    return { rounds, inMidPrune, broughtBack }
  } finally {
    await server.end('SIGKILL')
    removeFolder(folder)
  }
}
