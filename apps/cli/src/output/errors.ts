import { NetworkError, SourceLengthError, type NetworkErrorKind } from '@hearthold/client'
import { ProblemError } from '@hearthold/contract'
import { CliError, exitCodes, type ExitCode } from '../cli-error.ts'
import { formatJson } from './json.ts'
import { problemTable } from './problem-table.ts'
import { formatDuration, printable } from './text.ts'

/** An error as people and scripts get it: what happened, what to do, and how the process exits. */
export type ErrorReport = {
  /** A problem code, a network kind, an integrity code, or `usage`, `failure`, `interrupted`. */
  readonly code: string
  readonly message: string
  readonly advice: string | undefined
  readonly exitCode: ExitCode
}

const networkAdvice: Readonly<Record<NetworkErrorKind, string>> = {
  refused: 'Check that the server is running and that name and port are right.',
  name: "Check the server's name and your connection.",
  timeout: 'Check your connection and try again.',
  dropped: 'Try again: uploads and downloads go on where they stopped.',
  certificate:
    'If the server made its own certificate, give its fingerprint by --server-pin (`serve` prints it), or its authority by --ca-file.',
  pin: "Ask the host whether the server's key has changed, by a way other than this connection. If it has, give the new fingerprint by --server-pin.",
  tls: 'Check the port, and whether the address begins with https.',
  redirect: "Give the server's own address by --server.",
  protocol:
    'Check that the address is that of a Hearthold server, and that this program is not older than the server.',
}

const systemErrors: Readonly<
  Record<string, { message: string; advice: string; exit: keyof typeof exitCodes }>
> = {
  ENOENT: {
    message: 'A file or folder does not exist',
    advice: 'Check the path.',
    exit: 'notFound',
  },
  EACCES: {
    message: 'A file or folder may not be opened',
    advice: 'Check its owner and mode.',
    exit: 'failure',
  },
  EPERM: {
    message: 'A file or folder may not be changed',
    advice: 'Check its owner and mode.',
    exit: 'failure',
  },
  EEXIST: {
    message: 'A file is already there',
    advice: 'Name another, or move it away: nothing is overwritten.',
    exit: 'conflict',
  },
  ENOSPC: { message: 'The disk is full', advice: 'Make room and try again.', exit: 'failure' },
  EROFS: {
    message: 'The disk cannot be written to',
    advice: 'Choose another place.',
    exit: 'failure',
  },
  EISDIR: {
    message: 'A folder stands where a file is needed',
    advice: 'Check the path.',
    exit: 'failure',
  },
  ENOTDIR: {
    message: 'A file stands where a folder is needed',
    advice: 'Check the path.',
    exit: 'failure',
  },
}

const ofProblem = (error: ProblemError): ErrorReport => {
  const { advice, exit } = problemTable[error.code]
  const requestId = error.extra?.['requestId']
  const wait = error.retryAfterSeconds
  const more = [
    advice,
    wait === undefined || wait <= 0 ? undefined : `Try again in ${formatDuration(wait * 1000)}.`,
    error.code === 'internal' && typeof requestId === 'string'
      ? `The server's log has it under ${printable(requestId)}.`
      : undefined,
  ]
  return {
    code: error.code,
    message: printable(error.detail ?? problemTable[error.code].message),
    advice: more.filter((part) => part !== undefined).join(' ') || undefined,
    exitCode: exitCodes[exit],
  }
}

const codeOf = (error: Error): string | undefined => {
  const { code } = error as { code?: unknown }
  return typeof code === 'string' ? code : undefined
}

const ofSystem = (error: Error): ErrorReport | undefined => {
  const known = systemErrors[codeOf(error) ?? '']
  if (!known) return undefined
  const { path } = error as { path?: unknown }
  const message =
    typeof path === 'string' ? `${known.message}: ${printable(path)}` : `${known.message}.`
  return { code: 'failure', message, advice: known.advice, exitCode: exitCodes[known.exit] }
}

const interrupted: ErrorReport = {
  code: 'interrupted',
  message: 'Interrupted.',
  advice: 'Run the same command again: what is already there is kept.',
  exitCode: exitCodes.interrupted,
}

/** The names of exit codes as `code` for errors that have no code of their own. */
const exitName = (exitCode: ExitCode): string =>
  Object.entries(exitCodes).find(([, code]) => code === exitCode)?.[0] ?? 'failure'

/** What to say about anything that was thrown. Errors of unknown kinds give no details, which could hold what was typed; `DEBUG=hearthold` shows them. */
export const reportOf = (error: unknown): ErrorReport => {
  if (error instanceof CliError) {
    return {
      code: exitName(error.exitCode),
      message: error.message,
      advice: error.advice,
      exitCode: error.exitCode,
    }
  }
  if (error instanceof ProblemError) return ofProblem(error)
  if (error instanceof NetworkError) {
    return {
      code: error.kind,
      message: printable(error.message),
      advice: networkAdvice[error.kind],
      exitCode: exitCodes.network,
    }
  }
  if (error instanceof SourceLengthError) {
    return {
      code: 'failure',
      message: 'A file changed while it was being read.',
      advice: 'Run the command again when nothing writes to it.',
      exitCode: exitCodes.failure,
    }
  }
  if (!(error instanceof Error))
    return {
      code: 'failure',
      message: 'Something failed.',
      advice: undefined,
      exitCode: exitCodes.failure,
    }
  if (error.name === 'AbortError') return interrupted
  if (error.name === 'IntegrityError') {
    return {
      code: codeOf(error) ?? 'integrity',
      message: `What the server sent does not match what was signed or sealed${codeOf(error) ? ` (${printable(codeOf(error) ?? '')})` : ''}.`,
      advice:
        'Nothing of it was used. Tell the host; if it stays, treat the server as not trustworthy.',
      exitCode: exitCodes.failure,
    }
  }
  return (
    ofSystem(error) ?? {
      code: 'failure',
      message: `Something failed that should not (${error.name}).`,
      advice:
        'Run it again with DEBUG=hearthold for the details, and tell those who make Hearthold.',
      exitCode: exitCodes.failure,
    }
  )
}

/** The report as text: first line what happened, second line advice. */
export const formatReport = ({ message, advice }: ErrorReport): string =>
  advice === undefined ? `${message}\n` : `${message}\n${advice}\n`

/** The report as one line of JSON, for `--json`. */
export const formatReportJson = ({ code, message, advice, exitCode }: ErrorReport): string =>
  formatJson({ error: { code, message, advice, exitCode } })
