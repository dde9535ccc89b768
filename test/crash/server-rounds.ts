import { cpSync, existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { seededRandom } from './seeded-random.ts'
import { checkAll, checkNewest, countsOf } from './server-check.ts'
import type { Ledger } from './server-ledger.ts'
import { found, load } from './server-load.ts'
import { ServerProcess } from './server-process.ts'

export type Outcome = ReturnType<typeof countsOf> & { readonly output: string }

/** Under load until a random moment, then gone without a word; sometimes it dies again while it starts. */
const killOnce = async (
  server: ServerProcess,
  ledger: Ledger,
  random: ReturnType<typeof seededRandom>,
): Promise<void> => {
  // Looked at only after the kill: until then a failure must not count as unhandled.
  const working = Promise.allSettled([load(server, ledger, random)])
  await delay(50 + random.below(700))
  // On a busy machine little has happened by then, and a kill of an idle server proves nothing.
  const wanted = 1 + random.below(6)
  const entries = (): number =>
    (ledger.rounds.at(-1)?.shares ?? []).reduce((sum, share) => sum + share.entries.size, 0)
  for (let waited = 0; waited < 500 && entries() < wanted; waited++) await delay(20)
  await server.end('SIGKILL')
  const [outcome] = await working
  if (outcome.status === 'rejected') throw outcome.reason
  if (random.chance(0.25)) {
    server.spawn()
    await delay(random.below(600))
    await server.end('SIGKILL')
  }
}

/**
 * Rounds of load, kill, start and check on one data folder.
 * @returns how much was acknowledged in all
 * @throws AssertionError where the server owes something, Error where it did not start
 */
export const runRounds = async (rounds: number, seed: number): Promise<Outcome> => {
  const random = seededRandom(seed)
  const folder = mkdtempSync(join(tmpdir(), 'hearthold-kill-'))
  const server = await ServerProcess.create(join(folder, 'data'))
  try {
    await server.start()
    const ledger = await found(server, random)
    for (let round = 0; round < rounds; round++) {
      await killOnce(server, ledger, random)
      await server.start()
      try {
        await checkNewest(server, ledger)
      } catch (error) {
        throw new Error(`round ${round + 1} of seed ${seed}`, { cause: error })
      }
    }
    await checkAll(server, ledger)
    await server.end('SIGTERM')
    return { ...countsOf(ledger), output: server.output }
  } finally {
    await server.end('SIGKILL')
    rmSync(folder, { recursive: true, force: true })
  }
}

/**
 * Killed while it starts for the first time, when it makes its keys and tables; then it must start, and be set up.
 * @throws Error where it does not
 */
export const killFirstStart = async (rounds: number, seed: number): Promise<void> => {
  const random = seededRandom(seed)
  for (let round = 0; round < rounds; round++) {
    const folder = mkdtempSync(join(tmpdir(), 'hearthold-first-'))
    const data = join(folder, 'data')
    const server = await ServerProcess.create(data)
    try {
      server.spawn()
      // Nothing can go wrong before there is a folder.
      while (!existsSync(data)) await delay(1)
      await delay(random.below(150))
      await server.end('SIGKILL')
      await server.start()
      await server.person('Ada').setUp()
    } catch (error) {
      throw new Error(`first start ${round + 1} of seed ${seed}`, { cause: error })
    } finally {
      await server.end('SIGKILL')
      rmSync(folder, { recursive: true, force: true })
    }
  }
}

/**
 * The same with a server that forgets: what it stored in one round is taken away again behind its back.
 * @returns what the check found; undefined would mean that the check is worth nothing
 */
export const runWithLoss = async (seed: number): Promise<unknown> => {
  const random = seededRandom(seed)
  const folder = mkdtempSync(join(tmpdir(), 'hearthold-loss-'))
  const data = join(folder, 'data')
  const server = await ServerProcess.create(data)
  try {
    await server.start()
    const ledger = await found(server, random)
    await server.end('SIGTERM')
    cpSync(data, join(folder, 'before'), { recursive: true })
    await server.start()
    await killOnce(server, ledger, random)
    rmSync(data, { recursive: true })
    cpSync(join(folder, 'before'), data, { recursive: true })
    await server.start()
    return await checkNewest(server, ledger).then(
      () => undefined,
      (error: unknown) => error,
    )
  } finally {
    await server.end('SIGKILL')
    rmSync(folder, { recursive: true, force: true })
  }
}

/** A seed of the environment, else a new one; printed, so that a failure can be had again. */
export const seedFor = (variable: string): number => {
  const given = process.env[variable]
  const seed = given === undefined ? Math.trunc(Math.random() * 2 ** 31) : Number(given)
  process.stdout.write(`${variable}=${seed}\n`)
  return seed
}
