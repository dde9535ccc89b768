/** Sizes, numbers and times as people read them. Pure functions: `now` is always given or the clock's. */

const locale = 'en-GB'
const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB', 'EiB'] as const
const second = 1_000
const minute = 60 * second
const hour = 60 * minute
const day = 24 * hour

/** A size in binary units with one decimal: `0 B`, `512 B`, `1.5 KiB`, `2.0 GiB`. Takes bytes; below 0 is 0. */
export const formatBytes = (bytes: number): string => {
  let value = Number.isFinite(bytes) ? Math.max(0, bytes) : 0
  let unit = 0
  // 1,023.95 and more would be shown as 1024.0.
  while (unit < units.length - 1 && value >= (unit === 0 ? 1024 : 1023.95)) {
    value /= 1024
    unit++
  }
  return unit === 0 ? `${Math.round(value)} B` : `${value.toFixed(1)} ${units[unit]}`
}

/** Bytes per second, as `84.0 MiB/s`. */
export const formatSpeed = (bytesPerSecond: number): string => `${formatBytes(bytesPerSecond)}/s`

/** A number with its thousands grouped: `12,345`. */
export const formatNumber = (value: number): string => value.toLocaleString(locale)

/** A part of one as a whole per cent; never 100 % before it is done, never 0 % once begun. */
export const formatPercent = (part: number): string => {
  const value = Math.min(1, Math.max(0, Number.isFinite(part) ? part : 0))
  const percent = Math.round(value * 100)
  const honest = value < 1 ? Math.min(99, value > 0 ? Math.max(1, percent) : 0) : 100
  return `${honest} %`
}

/** How long something takes or took, in at most two units: `9 s`, `4 min 10 s`, `2 h 5 min`, `3 days 4 h`. Takes ms. */
export const formatDuration = (ms: number): string => {
  if (!Number.isFinite(ms)) return '∞'
  const seconds = Math.max(0, Math.ceil(ms / second))
  if (seconds < 60) return `${seconds} s`
  if (seconds < 3_600) return twoUnits(Math.floor(seconds / 60), 'min', seconds % 60, 's')
  const minutes = Math.ceil(seconds / 60)
  if (minutes < 1_440) return twoUnits(Math.floor(minutes / 60), 'h', minutes % 60, 'min')
  const hours = Math.ceil(minutes / 60)
  const days = Math.floor(hours / 24)
  return twoUnits(days, days === 1 ? 'day' : 'days', hours % 24, 'h')
}

const twoUnits = (large: number, name: string, small: number, smallName: string): string =>
  small === 0 ? `${large} ${name}` : `${large} ${name} ${small} ${smallName}`

/**
 * A time as seen from now, for lists: `just now`, `12 min ago`, `3 h ago`, `yesterday`, `12 Nov`, `12 Nov 2024`.
 * Times ahead: `in 5 min`, `in 3 h`, `tomorrow`, else the day. Both are ms since 1970; days are those of `timeZone`,
 * by default the browser's.
 */
export const formatAgo = (at: number, now: number = Date.now(), timeZone?: string): string => {
  const distance = Math.abs(now - at)
  const past = at <= now
  if (distance < minute) return past ? 'just now' : 'in a moment'
  const days = calendarDay(now, timeZone) - calendarDay(at, timeZone)
  if (distance < hour) return relative(Math.floor(distance / minute), 'min', past)
  if (distance < 12 * hour || days === 0) return relative(Math.floor(distance / hour), 'h', past)
  if (days === 1) return 'yesterday'
  if (days === -1) return 'tomorrow'
  const sameYear = part(at, 'year', timeZone) === part(now, 'year', timeZone)
  return dateFormat(timeZone, {
    day: 'numeric',
    month: 'short',
    ...(sameYear ? {} : { year: 'numeric' }),
  }).format(at)
}

/** The exact time, for what hovers and for sheets: `12 November 2026 at 14:03:09`. */
export const formatExact = (at: number, timeZone?: string): string =>
  dateFormat(timeZone, { dateStyle: 'long', timeStyle: 'medium' }).format(at)

/** Day and minute, for lists of moments: `12 Nov 2026, 14:03`. */
export const formatMoment = (at: number, timeZone?: string): string =>
  dateFormat(timeZone, { dateStyle: 'medium', timeStyle: 'short' }).format(at)

/** A day alone: `12 November 2026`. */
export const formatDay = (at: number, timeZone?: string): string =>
  dateFormat(timeZone, { dateStyle: 'long' }).format(at)

const relative = (count: number, unit: string, past: boolean): string =>
  past ? `${count} ${unit} ago` : `in ${count} ${unit}`

const formats = new Map<string, Intl.DateTimeFormat>()

/** Making a format costs more than a frame; there are a handful. */
const dateFormat = (
  timeZone: string | undefined,
  options: Intl.DateTimeFormatOptions,
): Intl.DateTimeFormat => {
  const key = `${timeZone ?? ''} ${JSON.stringify(options)}`
  const known = formats.get(key)
  if (known !== undefined) return known
  const made = new Intl.DateTimeFormat(locale, { ...options, ...(timeZone ? { timeZone } : {}) })
  formats.set(key, made)
  return made
}

const part = (at: number, type: 'year' | 'month' | 'day', timeZone: string | undefined): number =>
  Number(
    dateFormat(timeZone, { year: 'numeric', month: 'numeric', day: 'numeric' })
      .formatToParts(at)
      .find((piece) => piece.type === type)?.value ?? 0,
  )

/** Number of the calendar day, so that days can be subtracted. */
const calendarDay = (at: number, timeZone: string | undefined): number =>
  Date.UTC(part(at, 'year', timeZone), part(at, 'month', timeZone) - 1, part(at, 'day', timeZone)) /
  day

/** Characters that nobody sees but that change what is seen: controls, zero-width, and those that turn the direction. */
const hidden =
  // eslint-disable-next-line no-control-regex
  /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb]/g

/** Joiners belong into emoji, and into words of scripts that join letters. */
const joinedScripts =
  /[\p{Extended_Pictographic}\p{Script=Arabic}\p{Script=Devanagari}\p{Script=Bengali}\p{Script=Malayalam}\p{Script=Sinhala}\p{Script=Kannada}\p{Script=Telugu}\p{M}]/u

const joins = (name: string, at: number): boolean => {
  const before = [...name.slice(Math.max(0, at - 2), at)].at(-1) ?? ''
  const after = String.fromCodePoint(name.codePointAt(at + 1) ?? 0x20)
  return joinedScripts.test(before) && joinedScripts.test(after)
}

/**
 * A typed name with each unseen character replaced by `show` of its code in hex, so that no two names look alike by
 * them. Joiners stay where they join something.
 */
export const showHidden = (
  name: string,
  show: (code: string) => string = (code) => `[U+${code}]`,
): string =>
  name.replace(hidden, (character, at: number) => {
    const isJoiner = character === '\u200c' || character === '\u200d'
    if (isJoiner && joins(name, at)) return character
    return show(character.charCodeAt(0).toString(16).toUpperCase().padStart(4, '0'))
  })

/**
 * A name of at most `limit` characters: what is longer loses its middle, and keeps its ending. Characters are what
 * people count: a flag or an accented letter is one.
 */
export const shortenName = (name: string, limit: number): string => {
  if (name.length <= limit) return name
  const characters = [...new Intl.Segmenter(locale).segment(name)].map(({ segment }) => segment)
  if (characters.length <= limit) return name
  const end = Math.floor((limit - 1) / 3)
  return `${characters.slice(0, limit - 1 - end).join('')}…${characters.slice(characters.length - end).join('')}`
}
