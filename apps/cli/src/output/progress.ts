import type { Terminal } from '../terminal.ts'
import { columnsOf, formatBytes, formatDuration, printable } from './text.ts'

/** Shows how far a long work has come. Only on a terminal: elsewhere every call does nothing. */
export type Progress = {
  /** Bytes done of all, and how many files where that is known. */
  update(state: ProgressState): void
  /** Prints a line above the progress, for a file that could not be read and the like. */
  note(line: string): void
  /** Takes the line away. */
  end(): void
}
export type ProgressState = {
  readonly doneBytes: number
  /** Undefined while the sum is not yet known. */
  readonly totalBytes?: number
  readonly label?: string
}

const drawEveryMs = 100
/** The speed is that of the last seconds, so that a pause or a faster line shows soon. */
const windowMs = 5000
const clearLine = '\r\u001b[2K'

type Sample = { readonly at: number; readonly doneBytes: number }

/** Bytes a second over the window; undefined until there is something to say. */
export const speedOf = (samples: readonly Sample[]): number | undefined => {
  const [first, last] = [samples[0], samples.at(-1)]
  if (!first || !last || last.at - first.at < 500) return undefined
  return Math.max(0, ((last.doneBytes - first.doneBytes) * 1000) / (last.at - first.at))
}

/** The line as text: bytes, share, speed and time left, then the label as far as it fits. */
export const progressLine = (
  state: ProgressState,
  speed: number | undefined,
  columns: number,
): string => {
  const { doneBytes, totalBytes } = state
  const parts = [formatBytes(doneBytes)]
  if (totalBytes !== undefined) {
    const percent = totalBytes === 0 ? 100 : Math.floor((doneBytes * 100) / totalBytes)
    parts[0] = `${formatBytes(doneBytes)} of ${formatBytes(totalBytes)}`
    parts.push(`${Math.min(100, percent)} %`)
  }
  if (speed !== undefined) {
    parts.push(`${formatBytes(Math.round(speed))}/s`)
    if (totalBytes !== undefined && speed > 0)
      parts.push(`${formatDuration(((totalBytes - doneBytes) * 1000) / speed)} left`)
  }
  const line = parts.join(' · ')
  const label = printable(state.label ?? '')
  const room = columns - columnsOf(line) - 4
  if (label === '' || room < 8) return line
  return `${line}   ${shorten(label, room)}`
}

/** The end of a path tells more than its beginning. */
const shorten = (text: string, columns: number): string => {
  if (columnsOf(text) <= columns) return text
  let kept = ''
  for (const character of [...text].toReversed()) {
    if (columnsOf(kept) + columnsOf(character) > columns - 1) break
    kept = character + kept
  }
  return `…${kept}`
}

/** Progress on standard error; see `Progress`. */
export const createProgress = (terminal: Terminal, quiet: boolean): Progress => {
  const { stderr } = terminal
  if (quiet || stderr.isTTY !== true) {
    return {
      update: () => undefined,
      end: () => undefined,
      note: (line) => void stderr.write(`${line}\n`),
    }
  }
  let samples: Sample[] = []
  let drawnAt = -Infinity
  let shown = ''
  const draw = (line: string) => {
    shown = line
    stderr.write(clearLine + line)
  }
  return {
    update: (state) => {
      const at = terminal.now()
      if (at - drawnAt < drawEveryMs) return
      drawnAt = at
      // Going back after a dropped connection must not show as a negative speed.
      if (state.doneBytes < (samples.at(-1)?.doneBytes ?? 0)) samples = []
      samples = [
        ...samples.filter((sample) => at - sample.at <= windowMs),
        { at, doneBytes: state.doneBytes },
      ]
      draw(progressLine(state, speedOf(samples), stderr.columns ?? 80))
    },
    note: (line) => {
      const below = shown
      stderr.write(`${clearLine}${line}\n${below}`)
    },
    end: () => {
      if (shown !== '') stderr.write(clearLine)
      shown = ''
    },
  }
}
