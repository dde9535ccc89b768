import { figuresOf, report } from '../peers/statistics.ts'
import type { Settings } from '../browser.ts'
import { atPage, signUpByPassword } from './at-page.ts'
import type { BenchPage } from './page.ts'

/** In the page; only functions that run there may use it. */
declare const bench: BenchPage

/** Sealed upload and download of one file, beside WebCrypto alone on the same data in the same page, in the same rounds. */
export const transfers = ({ mib, rounds }: Settings): Promise<void> =>
  atPage(async (at) => {
    await signUpByPassword(at)
    const { bytes, ms } = await at.browser.run(
      (size, times) => bench.transfers(size, times),
      mib,
      rounds,
    )
    const rates = (list: readonly number[]): number[] =>
      list.map((one) => bytes / 1e6 / (one / 1000))
    const ratios = (ours: readonly number[], theirs: readonly number[]): number[] =>
      ours.map((one, round) => theirs[round]! / one)
    const tell = (what: string, ours: string, theirs: string, memory: string, includes: string) => {
      const [mine, file, held] = [ms[ours] ?? [], ms[theirs] ?? [], ms[memory] ?? []]
      report({
        area: 'browser',
        what: `${what} of one file of ${mib} MiB`,
        includes,
        bare: 'reading a file of the same bytes, AES-256-GCM by WebCrypto in 256 KiB segments, 8 under way; nothing kept or sent',
        mbPerSecond: figuresOf(rates(mine)),
        bareMbPerSecond: figuresOf(rates(file)),
        ratio: figuresOf(ratios(mine, file)),
        barRatio: 0.6,
        inMemoryMbPerSecond: figuresOf(rates(held)),
        ratioToMemory: figuresOf(ratios(mine, held)),
      })
    }
    const up = 'reading, sealing, HTTP, hashing and fsync on the server, the signed entry'
    tell('sealed upload', 'upload', 'bareSeal', 'sealInMemory', up)
    const down =
      'HTTP, opening and verifying, pulled out of the worker as for the service worker; not the disk'
    tell('sealed download', 'download', 'bareOpen', 'openInMemory', down)
  })
