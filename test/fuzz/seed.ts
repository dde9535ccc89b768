import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

const chosen = process.env['HEARTHOLD_FUZZ_SEED']

/** The seed of this run; printed, so that HEARTHOLD_FUZZ_SEED has the same again. */
export const seed = chosen === undefined ? Math.trunc(Math.random() * 2 ** 31) : Number(chosen)
process.stdout.write(`HEARTHOLD_FUZZ_SEED=${seed}\n`)

/** How often each thing is tried: `few` in every run of the tests, more by HEARTHOLD_FUZZ_FACTOR. */
export const runs = (few: number): { seed: number; numRuns: number } => ({
  seed,
  numRuns: few * Number(process.env['HEARTHOLD_FUZZ_FACTOR'] ?? 1),
})

/** Bytes in use after all that can be freed was freed. */
export const usedBytes = (): number => {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  collect()
  const { heapUsed, arrayBuffers } = process.memoryUsage()
  return heapUsed + arrayBuffers
}

/** More than caches and a hundred accounts need, far less than what was sent. */
export const memoryGraceBytes = 96 * 2 ** 20
