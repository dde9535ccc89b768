/** Figures of one measured thing over its rounds. */
export type Figures = {
  readonly median: number
  readonly min: number
  readonly max: number
  readonly rounds: number
}

const round = (value: number): number => Math.round(value * 1000) / 1000

export const figuresOf = (values: readonly number[]): Figures => {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = Math.floor(sorted.length / 2)
  const median =
    sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
  return {
    median: round(median),
    min: round(sorted[0]!),
    max: round(sorted.at(-1)!),
    rounds: sorted.length,
  }
}

/** One JSON line on standard output. */
export const report = (line: Readonly<Record<string, unknown>>): void => {
  process.stdout.write(`${JSON.stringify(line)}\n`)
}
