import type { Output, Terminal } from '../terminal.ts'

export type Colours = {
  readonly bad: (text: string) => string
  readonly warn: (text: string) => string
  readonly ok: (text: string) => string
  readonly dim: (text: string) => string
  readonly strong: (text: string) => string
}

const wrap = (on: boolean, start: number, end: number) => (text: string) =>
  on ? `\u001b[${start}m${text}\u001b[${end}m` : text

/** Colours for a stream: only on a terminal, and never with NO_COLOR (no-color.org) or a dumb terminal. State is never told by colour alone. */
export const coloursFor = (stream: Output, { env }: Pick<Terminal, 'env'>): Colours => {
  const on = stream.isTTY === true && !env['NO_COLOR'] && env['TERM'] !== 'dumb'
  return {
    bad: wrap(on, 31, 39),
    warn: wrap(on, 33, 39),
    ok: wrap(on, 32, 39),
    dim: wrap(on, 2, 22),
    strong: wrap(on, 1, 22),
  }
}
