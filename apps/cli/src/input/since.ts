import { CliError } from '../cli-error.ts'

const unitMs: Readonly<Record<string, number>> = { m: 60_000, h: 3_600_000, d: 86_400_000 }

/**
 * A time in the past, in ms since 1970: `90m`, `12h`, `3d` before now, or `2026-11-20` and `2026-11-20T14:00` in the
 * local zone (`Z` or an offset at the end says otherwise). Throws a usage error that does not repeat it.
 */
export const parseSince = (text: string, nowMs: number): number => {
  const [, count, unit = ''] = /^(\d{1,6})([mhd])$/.exec(text) ?? []
  if (count !== undefined) return Math.max(0, nowMs - Number(count) * (unitMs[unit] ?? 0))
  const isDate = /^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2})?(Z|[+-]\d{2}:\d{2})?)?$/.test(text)
  // A day alone would be read as one of UTC.
  const at = isDate ? Date.parse(text.includes('T') ? text : `${text}T00:00`) : Number.NaN
  if (at >= 0 && at <= nowMs) return at
  throw new CliError(
    'usage',
    Number.isNaN(at) ? 'That is no time.' : 'That time has not come yet.',
    'Give one such as 12h, 3d, 2026-11-20 or 2026-11-20T14:00.',
  )
}
