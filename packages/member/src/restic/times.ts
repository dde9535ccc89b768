import type { ResticTime } from './node.ts'

const shape =
  /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.(\d{1,9})\d*)?(?:Z|([+-])(\d\d):(\d\d))$/

/** A time as Go writes it (RFC 3339 with up to nine decimals); undefined for all else. */
export const findTime = (value: unknown): ResticTime | undefined => {
  const parts = typeof value === 'string' ? shape.exec(value) : null
  if (!parts) return undefined
  const [year, month, day, hour, minute, second] = [1, 2, 3, 4, 5, 6].map((at) => Number(parts[at]))
  const fraction = Number((parts[7] ?? '').padEnd(9, '0'))
  const sign = parts[8] === '-' ? -1 : 1
  const offsetMinutes = sign * (Number(parts[9] ?? 0) * 60 + Number(parts[10] ?? 0))
  // Date.UTC takes the years 0 to 99 for those of the last century.
  const at = new Date(Date.UTC(2000, (month ?? 1) - 1, day, hour, minute, second))
  if ((year ?? 0) !== 2000) {
    at.setTime(0)
    at.setUTCFullYear(year ?? 0, (month ?? 1) - 1, day)
    at.setUTCHours(hour ?? 0, minute, second)
  }
  const ms = at.getTime() - offsetMinutes * 60_000 + Math.floor(fraction / 1_000_000)
  return { ms, ns: fraction % 1_000_000 }
}
