import type { Usage } from '../../workers/account/api.ts'

export type Band = 'none' | 'calm' | 'high' | 'low' | 'full'

/** How much of the room is used, in bands that begin at 75, 90 and 100 %; `none` where there is no limit. */
export const bandOf = ({ usedBytes, quotaBytes }: Usage): Band => {
  if (quotaBytes === null) return 'none'
  const part = quotaBytes === 0 ? 1 : usedBytes / quotaBytes
  if (part >= 1) return 'full'
  if (part >= 0.9) return 'low'
  return part >= 0.75 ? 'high' : 'calm'
}
