import type { Readable, Writable } from 'node:stream'

/** The part of standard input that is used; raw mode only where it is a terminal. */
export type Input = Readable & { readonly isTTY?: boolean; setRawMode?(raw: boolean): unknown }
export type Output = Writable & { readonly isTTY?: boolean; readonly columns?: number }

/** All that a command may touch of the process, so that tests can play it. */
export type Terminal = {
  readonly stdin: Input
  readonly stdout: Output
  readonly stderr: Output
  readonly env: Readonly<Record<string, string | undefined>>
  /** Milliseconds since 1970. */
  now(): number
  /** Aborts at the first Ctrl-C. */
  readonly signal: AbortSignal
}

/** The terminal of this process. */
export const processTerminal = (signal: AbortSignal): Terminal => ({
  stdin: process.stdin,
  stdout: process.stdout,
  stderr: process.stderr,
  env: process.env,
  now: () => Date.now(),
  signal,
})

/** True where a question can be asked and its answer typed. */
export const canAsk = ({ stdin, stderr }: Terminal): boolean =>
  stdin.isTTY === true && stderr.isTTY === true

/** Writes and waits until the stream has taken it, so that output is whole when the process ends. */
export const writeTo = (stream: Writable, text: string): Promise<void> =>
  new Promise((resolve, reject) => {
    stream.write(text, (error) => (error ? reject(error) : resolve()))
  })
