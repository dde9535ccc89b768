/**
 * `npm run bench -- AREA [options]`: measures, prints JSON lines, asserts nothing. Each area is a file of this folder that
 * exports `run(args)`; medians come with their spread, and peers run side by side in the same rounds.
 */
import { readdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { UsageError } from './options/usage-error.ts'

const folder = dirname(fileURLToPath(import.meta.url))
const areas = async (): Promise<string[]> =>
  (await readdir(folder))
    .filter((file) => file.endsWith('.ts') && file !== 'main.ts')
    .map((file) => file.slice(0, -3))
    .sort()

const main = async (): Promise<number> => {
  const [area, ...args] = process.argv.slice(2)
  const known = await areas()
  if (!area || !known.includes(area)) {
    process.stderr.write(`Which area? npm run bench -- ${known.join(' | ')}\n`)
    return 2
  }
  const { run } = (await import(join(folder, `${area}.ts`))) as {
    run: (args: string[]) => Promise<void>
  }
  try {
    await run(args)
    return 0
  } catch (error) {
    if (!isUsageError(error)) throw error
    process.stderr.write(`bench ${area}: ${error.message.split('\n', 1)[0]}\n`)
    return 2
  }
}

/** Also what parseArgs says of an option that nobody knows. */
const isUsageError = (error: unknown): error is Error =>
  error instanceof UsageError ||
  (error instanceof Error &&
    String((error as NodeJS.ErrnoException).code).startsWith('ERR_PARSE_ARGS'))

process.exitCode = await main()
