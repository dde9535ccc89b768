/**
 * What a browser costs and takes: `npm run bench -- browser [--only transfers,unlock,verify,rows,reader,first-load]
 * [--mib 256] [--nodes 100000] [--rounds 5]`. A headless Chromium against the real server (data synced to the disk) on
 * this machine; nothing listens to the browser's requests while it is measured.
 */
import { parseArgs } from 'node:util'
import { firstLoad } from './browser/first-load.ts'
import { reader } from './browser/reader.ts'
import { rows } from './browser/rows.ts'
import { transfers } from './browser/transfers.ts'
import { unlocking } from './browser/unlocking.ts'
import { verifying } from './browser/verifying.ts'
import { UsageError } from './options/usage-error.ts'

export type Settings = { readonly mib: number; readonly nodes: number; readonly rounds: number }

const measures: Readonly<Record<string, (settings: Settings) => Promise<void>>> = {
  'first-load': firstLoad,
  transfers,
  unlock: unlocking,
  verify: verifying,
  rows,
  reader,
}

const whole = (name: string, text: string): number => {
  if (!/^[1-9]\d{0,6}$/.test(text)) throw new UsageError(`--${name} takes a whole number.`)
  return Number(text)
}

/** Runs the chosen measures, or all of them. */
export const run = async (args: string[]): Promise<void> => {
  const options = {
    only: { type: 'string' },
    mib: { type: 'string', default: '256' },
    nodes: { type: 'string', default: '100000' },
    rounds: { type: 'string', default: '5' },
  } as const
  const { values } = parseArgs({ args, options })
  const chosen = values.only?.split(',') ?? Object.keys(measures)
  const settings = {
    mib: whole('mib', values.mib),
    nodes: whole('nodes', values.nodes),
    rounds: whole('rounds', values.rounds),
  }
  for (const name of chosen) {
    const measure = measures[name]
    if (!measure) throw new UsageError(`Which measure? ${Object.keys(measures).join(', ')}`)
    await measure(settings)
  }
}
