import { PassThrough, Writable } from 'node:stream'
import type { Input, Output, Terminal } from '../src/terminal.ts'

export type FakeTerminal = Terminal & {
  /** What was written so far. */
  out(): string
  err(): string
  readonly stdin: PassThrough & Input & { rawModes: boolean[] }
  abort(): void
  /** Moves the clock. */
  pass(ms: number): void
}

const recorder = (isTTY: boolean) => {
  const chunks: string[] = []
  const stream: Output = Object.assign(
    new Writable({
      write: (chunk: Buffer, _, done) => {
        chunks.push(chunk.toString())
        done()
      },
    }),
    { isTTY, columns: 60 },
  )
  return { stream, text: () => chunks.join('') }
}

/** A terminal played by a test. `interactive` makes all three streams terminals. */
export const fakeTerminal = (
  env: Record<string, string> = {},
  interactive = false,
): FakeTerminal => {
  const out = recorder(interactive)
  const err = recorder(interactive)
  const aborting = new AbortController()
  const rawModes: boolean[] = []
  let now = 1_000_000
  return {
    stdin: Object.assign(new PassThrough(), {
      isTTY: interactive,
      rawModes,
      setRawMode: (raw: boolean) => rawModes.push(raw),
    }),
    stdout: out.stream,
    stderr: err.stream,
    env,
    now: () => now,
    signal: aborting.signal,
    out: out.text,
    err: err.text,
    abort: () => aborting.abort(new DOMException('Interrupted', 'AbortError')),
    pass: (ms) => void (now += ms),
  }
}
