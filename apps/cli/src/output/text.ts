/**
 * Texts from elsewhere (names in shares, a server's messages) may hold what steers a terminal or reorders what is read:
 * C0 and C1 controls, and the bidirectional marks of Unicode. They show as U+FFFD.
 */
// oxlint-disable-next-line no-control-regex
const steering = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/gu

/** `text` on one line and harmless to a terminal. */
export const printable = (text: string): string => text.toWellFormed().replace(steering, '\ufffd')

const wide =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{1f300}-\u{1faff}\u{20000}-\u{3fffd}]/u
const narrow = /\p{Mn}|\p{Me}|[\u200b-\u200d]/u

/** Columns that a text takes in a terminal: 2 for East Asian and picture characters, 0 for marks, else 1. */
export const columnsOf = (text: string): number => {
  if (/^[\u0020-\u007e]*$/.test(text)) return text.length
  let columns = 0
  for (const character of text) columns += wide.test(character) ? 2 : narrow.test(character) ? 0 : 1
  return columns
}

const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB']

/** A size in binary units with one decimal: `0 B`, `512 B`, `1.5 KiB`. */
export const formatBytes = (sizeBytes: number): string => {
  let value = sizeBytes
  let unit = 0
  while (value >= 1023.95 && unit < units.length - 1) {
    value /= 1024
    unit++
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${units[unit]}`
}

/** A span of time in its two largest units: `9 s`, `3 min 20 s`, `2 h 5 min`, `3 d 4 h`. */
export const formatDuration = (durationMs: number): string => {
  const seconds = Math.max(0, Math.round(durationMs / 1000))
  const parts: readonly (readonly [number, string])[] = [
    [Math.floor(seconds / 86_400), 'd'],
    [Math.floor(seconds / 3600) % 24, 'h'],
    [Math.floor(seconds / 60) % 60, 'min'],
    [seconds % 60, 's'],
  ]
  const first = parts.findIndex(([count]) => count > 0)
  if (first === -1) return '0 s'
  const shown = parts.slice(first, first + 2).filter(([count]) => count > 0)
  return shown.map(([count, unit]) => `${count} ${unit}`).join(' ')
}

/** A time in the local zone, to the minute: `2026-11-21 14:03`. */
export const formatTime = (atMs: number): string => {
  const at = new Date(atMs)
  const two = (value: number) => String(value).padStart(2, '0')
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())} ${two(at.getHours())}:${two(at.getMinutes())}`
}
