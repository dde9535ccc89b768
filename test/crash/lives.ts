/** Several lives of one store over a disk with faults, each ended by a power cut; what seeds and rounds are tried. */
import type { FileSystem } from '../../apps/server/src/platform/disk/file-system.ts'
import { type SeededRandom, seededRandom } from './seeded-random.ts'
import { type Faults, noFaults } from './simulated-disk.ts'

/** Puts something between a store and its disk: how a store with a mistake in it is made. */
export type Between = (fs: FileSystem) => FileSystem

export const asItIs: Between = (fs) => fs

type Living = {
  /** Runs one life, up to the power cut or the end of its work, and starts the machine again. */
  live(tasks: number, faults: Faults, operationsUntilCut: number): Promise<void>
}

const faultsOf = (random: SeededRandom): Faults =>
  random.pick([
    noFaults,
    { ...noFaults, shortWrite: 0.3 },
    { ...noFaults, failedSync: 0.05 },
    { ...noFaults, noSpace: 0.05 },
    { noSpace: 0.01, failedSync: 0.02, tooManyFiles: 0.01, shortWrite: 0.1 },
  ])

/** Four lives with the faults that the seed chooses, most of them cut off within `longest` calls of the disk. */
export const liveLives = async (
  seed: number,
  longest: number,
  machineOf: (random: SeededRandom) => Living,
): Promise<void> => {
  const random = seededRandom(seed)
  const machine = machineOf(random)
  for (let life = 0; life < 4; life++) {
    const untilCut = random.chance(0.8) ? 1 + random.below(longest) : Number.POSITIVE_INFINITY
    await machine.live(6, faultsOf(random), untilCut)
  }
}

const given = process.env['HEARTHOLD_CRASH_SEED']
const rounds = Number(process.env['HEARTHOLD_CRASH_ROUNDS'] ?? 60)
const first = given === undefined ? Date.now() % 2 ** 31 : Number(given)

/** HEARTHOLD_CRASH_SEED repeats one seed, HEARTHOLD_CRASH_ROUNDS sets how many new ones are tried. */
export const seeds = Array.from(
  { length: given === undefined ? rounds : 1 },
  (_, index) => first + index,
)

export const kept = 'kept its promises'

/** What became of it; a failure with the name by which it can be had again. */
export const outcomeOf = async (name: string, work: () => Promise<unknown>): Promise<string> => {
  try {
    await work()
    return kept
  } catch (error) {
    return `${name}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`
  }
}
