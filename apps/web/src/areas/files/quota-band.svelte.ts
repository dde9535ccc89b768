/** The bands of used room that people are told of. */
import type { Usage } from '../../workers/account/api.ts'

/** Percent of what is allowed; 0 below the first band, and without a limit. */
export type QuotaBand = 0 | 75 | 90 | 100

export const bandOf = ({ usedBytes, quotaBytes }: Usage): QuotaBand => {
  if (quotaBytes === null) return 0
  const part = quotaBytes === 0 ? 1 : usedBytes / quotaBytes
  if (part >= 1) return 100
  if (part >= 0.9) return 90
  return part >= 0.75 ? 75 : 0
}

/** The band that the person has put aside, until the page is loaded again or the next band is reached. */
export const bandSeen = $state<{ value: QuotaBand }>({ value: 0 })
