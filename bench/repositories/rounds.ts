/** Rounds over all contenders, and what is reported of them. */
import { type Figures, figuresOf, report } from '../peers/statistics.ts'
import type { Contender, ContenderName, Missing } from './contenders.ts'

/** Values of one measured thing, by contender. */
export type Values = Map<ContenderName, number[]>

export const note = (
  values: Map<string, Values>,
  what: string,
  who: ContenderName,
  value: number,
) => {
  const ofThis = values.get(what) ?? new Map<ContenderName, number[]>()
  values.set(what, ofThis)
  ofThis.set(who, [...(ofThis.get(who) ?? []), value])
}

/**
 * Runs `work` once a round for each; who goes first changes. The very first turn of a run finds a rested disk: with two
 * rounds a restore of 2 GiB seemed a quarter faster for whoever had it, so that medians count from three rounds on.
 */
export const inRounds = async (
  contenders: readonly Contender[],
  rounds: number,
  work: (contender: Contender) => Promise<void>,
): Promise<void> => {
  for (let round = 0; round < rounds; round++) {
    const first = round % contenders.length
    for (const contender of [...contenders.slice(first), ...contenders.slice(0, first)])
      await work(contender)
  }
}

export type Kind = 'less is better' | 'more is better'

const ratioOf = (ours: Figures, theirs: Figures): number =>
  Math.round((ours.median / theirs.median) * 100) / 100

/**
 * One line: medians of all, and how ours stand to each peer (`ours / theirs`). A bar is against rest-server, as the
 * project states it.
 */
export const tell = (line: {
  readonly workload: string
  readonly act: string
  readonly unit: string
  readonly kind: Kind
  readonly values: Values
  readonly missing: Missing
  readonly bar?: string
  readonly more?: Readonly<Record<string, unknown>>
}): void => {
  const { values, missing, more, kind, ...said } = line
  const figures = new Map([...values].map(([name, list]) => [name, figuresOf(list)] as const))
  const own = figures.get('rest-server verb')
  const peers = (['rclone', 'rest-server', 'no server'] as const).flatMap((name) => {
    const theirs = figures.get(name)
    return own && theirs ? [[name, ratioOf(own, theirs)] as const] : []
  })
  report({
    area: 'repositories',
    ...said,
    ...{ workload: said.workload, kind },
    figures: Object.fromEntries(figures),
    ratio: Object.fromEntries(peers),
    ...(Object.keys(missing).length > 0 ? { missing } : {}),
    ...more,
  })
}
