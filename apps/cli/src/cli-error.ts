/** The exit codes of every command (architecture.md 4); scripts rely on them. */
export const exitCodes = {
  ok: 0,
  failure: 1,
  usage: 2,
  notSignedIn: 3,
  notFound: 4,
  conflict: 5,
  network: 6,
  interrupted: 130,
} as const

export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes]

/** An error that the command line itself found: what happened, what to do about it, and how to exit. Neither text holds a secret. */
export class CliError extends Error {
  readonly advice: string | undefined
  readonly exitCode: ExitCode

  constructor(
    exit: keyof typeof exitCodes,
    message: string,
    advice?: string,
    options?: { cause?: unknown },
  ) {
    super(message, options)
    this.name = 'CliError'
    this.advice = advice
    this.exitCode = exitCodes[exit]
  }
}
