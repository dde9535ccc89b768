import { portableHistory } from '../logs/in-process.ts'
import { figuresOf, report } from '../peers/statistics.ts'
import type { Settings } from '../browser.ts'
import { atPage } from './at-page.ts'
import type { BenchPage } from './page.ts'

/** In the page; only functions that run there may use it. */
declare const bench: BenchPage

/** 10,000 entries of four devices in one worker; and what a password costs by design. */
export const verifying = async ({ rounds }: Settings): Promise<void> => {
  const { pages, ...keys } = await portableHistory()
  await atPage(async ({ browser }) => {
    const found = await browser.run((raw, known) => bench.verify(raw, known), pages, {
      ...keys,
      rounds,
    })
    report({
      area: 'browser',
      what: `verify ${found.entries} entries in one worker, chain and own-chains`,
      ms: figuresOf(found.ms),
      barMs: 300,
    })
    report({
      area: 'browser',
      what: 'stretching of a password alone (OPAQUE, Argon2id, 64 MiB, 3 passes)',
      ms: figuresOf(found.argonMs),
    })
  })
}
