/** System calls of a program, in the order in which they ended. */
import { execFileSync } from 'node:child_process'

/** One system call that succeeded: its name, and what it was about. */
export type Call = { readonly name: string; readonly about: string }

/** Flags of strace for what `parseTrace` reads: all threads, the file behind each number, and the start of what is written. */
export const straceFlags = (calls: readonly string[], output: string): string[] => [
  ...['-f', '-y', '-s', '64', '-e', `trace=${calls.join(',')}`, '-o', output],
]

/** @throws Error with the remedy where strace is missing */
export const needStrace = (): void => {
  try {
    execFileSync('strace', ['-V'], { stdio: 'ignore' })
  } catch {
    throw new Error('strace is missing: apt-get install -y strace')
  }
}

/**
 * Reads what `strace -f -y` wrote: `-y` names the file behind each number. A call that another thread interrupted
 * stands in two lines; it counts where it ended, since only then may anything rely on it.
 */
export const parseTrace = (trace: string): Call[] => {
  const unfinished = new Map<string, string>()
  return trace.split('\n').flatMap((line): Call[] => {
    const [, thread = '', rest = ''] = /^(\d+)\s+(.*)$/.exec(line) ?? []
    if (rest.endsWith('<unfinished ...>')) {
      unfinished.set(thread, rest)
      return []
    }
    const resumed = /^<\.\.\. \w+ resumed>/.test(rest)
    const whole = resumed ? (unfinished.get(thread) ?? '') + rest : rest
    const [, name, about] = /^(\w+)\((.*)/.exec(whole) ?? []
    const failed = / = -1 /.test(rest)
    return name === undefined || about === undefined || failed ? [] : [{ name, about }]
  })
}

export const isSync = ({ name }: Call): boolean => name === 'fsync' || name === 'fdatasync'
/** A file gets its name: renamed, or linked. */
export const isNaming = ({ name }: Call): boolean => /^(rename|link)/.test(name)
export const isWrite = ({ name }: Call): boolean => name.includes('write')
