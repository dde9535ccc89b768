import { readFileSync } from 'node:fs'

/** Linux counts processor time in hundredths of a second. */
const ticksPerSecond = 100

export type Cpu = {
  /** Spent in the program itself. */
  readonly user: number
  /** With what the system spent for it. */
  readonly all: number
}

/** Processor seconds of a process until now, of all its threads; 0 of none. */
export const cpuOf = (pid: number | undefined): Cpu => {
  if (pid === undefined) return { user: 0, all: 0 }
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  // The name may hold spaces; what follows its bracket does not.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  const [user, system] = [Number(fields[11]), Number(fields[12])]
  return { user: user / ticksPerSecond, all: (user + system) / ticksPerSecond }
}

/** The most memory that it ever had, in MiB; 0 of none. */
export const peakMib = (pid: number | undefined): number => {
  if (pid === undefined) return 0
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  return Math.round(Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1] ?? 0) / 1024)
}
