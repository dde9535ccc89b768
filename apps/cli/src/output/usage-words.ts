import type { AnswerOf, getUsage } from '@hearthold/contract'
import { formatBytes } from './text.ts'

export type Usage = AnswerOf<typeof getUsage>

/** What a band means to somebody who keeps things here; nothing below the first one. */
const bandWords = (band: number): string | undefined => {
  if (band >= 100) return 'Full: nothing more can be put here.'
  if (band >= 90) return 'Nearly full: 90 % or more is used.'
  return band >= 75 ? 'Three quarters or more are used.' : undefined
}

const makeRoom =
  'hearthold rm --forever makes room, and a host can give more. A repository that was removed counts until it is destroyed, which a host can do at once (hearthold repository purge).'

/** `1.2 GiB of 5.0 GiB used (24 %)`; without a quota the bytes alone. The share is rounded down, so that 100 % is full. */
export const usageSentence = ({ usedBytes, quotaBytes }: Usage): string => {
  if (quotaBytes === null) return `${formatBytes(usedBytes)} used; there is no quota.`
  const percent = quotaBytes === 0 ? 100 : Math.floor((usedBytes / quotaBytes) * 100)
  return `${formatBytes(usedBytes)} of ${formatBytes(quotaBytes)} used (${percent} %).`
}

/** The words of the band that is reached, and what to do; undefined below 75 %. */
export const usageWarning = ({ band }: Usage): string | undefined => {
  const words = bandWords(band)
  return words && `${words} ${makeRoom}`
}
