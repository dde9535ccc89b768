import { spawn } from 'node:child_process'
import { CliError } from '../cli-error.ts'
import { errorCode } from '../disk/disk-reasons.ts'
import type { Terminal } from '../terminal.ts'

export type ResticRun = {
  /** The program: a name to look for, or a path. */
  readonly program: string
  readonly words: readonly string[]
  /** What it is given on standard input: the password, which then stands in no argument or variable. */
  readonly input: string
  /** What it prints is passed on to standard error. */
  readonly show: boolean
}

const missing = (cause: unknown) =>
  new CliError(
    'notFound',
    'restic is not installed here, or not where this looks for it.',
    'Install it, or say where it is by --restic.',
    { cause },
  )

/**
 * Runs the installed restic to its end and gives its exit code. Ctrl-C reaches it too, and it then leaves no lock.
 * Throws `CliError` where it cannot be started.
 */
export const runRestic = (terminal: Terminal, run: ResticRun): Promise<number> =>
  new Promise((resolve, reject) => {
    const child = spawn(run.program, [...run.words], {
      stdio: ['pipe', 'pipe', 'pipe'],
      env: { ...terminal.env },
    })
    const pass = (chunk: Buffer) => void terminal.stderr.write(chunk)
    const stop = () => child.kill('SIGINT')
    if (run.show) child.stdout.on('data', pass)
    else child.stdout.resume()
    child.stderr.on('data', pass)
    terminal.signal.addEventListener('abort', stop, { once: true })
    if (terminal.signal.aborted) stop()
    const end = () => terminal.signal.removeEventListener('abort', stop)
    child.on('error', (error) => {
      end()
      reject(errorCode(error) === 'ENOENT' ? missing(error) : error)
    })
    child.on('close', (code) => {
      end()
      resolve(code ?? 1)
    })
    // A restic that ends early no longer reads; its exit code tells why.
    child.stdin.on('error', () => undefined)
    child.stdin.end(`${run.input}\n`)
  })
