import { type ChildProcess, fork } from 'node:child_process'
import { cpus } from 'node:os'
import { join } from 'node:path'
import { serverFlags } from '../../tools/require-node.mjs'
import type { Answer, Done, Question, Task } from './questions.ts'

/** A process that answers one question after the other. */
class Asked<Ask, Answered extends { readonly error?: string }> {
  readonly #child: ChildProcess
  #last: Promise<unknown>

  constructor(file: string, execArgv: readonly string[] = []) {
    this.#child = fork(join(import.meta.dirname, file), {
      execArgv: ['--no-warnings', ...execArgv],
    })
    this.#last = this.#next()
  }

  #next(): Promise<Answered> {
    return new Promise((resolve, reject) => {
      const gone = (code: number | null): void => reject(new Error(`a process ended with ${code}`))
      this.#child.once('exit', gone)
      this.#child.once('message', (answer: Answered) => {
        this.#child.off('exit', gone)
        if (answer.error === undefined) resolve(answer)
        else reject(new Error(answer.error))
      })
    })
  }

  ask(question: Ask): Promise<Answered> {
    const answer = this.#last.then(() => {
      const next = this.#next()
      this.#child.send(question as object)
      return next
    })
    this.#last = answer.catch(() => undefined)
    return answer
  }

  /** After a failure nobody answers any more. */
  kill(): void {
    this.#child.kill('SIGKILL')
  }
}

export class InstanceProcess extends Asked<Question, Answer> {
  /** @param profileFolder where the process leaves a CPU profile when it ends, if anywhere */
  constructor(profileFolder?: string) {
    const profile = profileFolder ? ['--cpu-prof', `--cpu-prof-dir=${profileFolder}`] : []
    super('instance-process.ts', [...serverFlags, ...profile])
  }

  async cpuMs(): Promise<number> {
    return (await this.ask({ ask: 'cpu' })).cpuMs!
  }
}

export class ClientProcess extends Asked<Task, Done> {
  constructor() {
    super('client-process.ts')
  }
}

/** Processor time of the whole machine, ms. */
const machineMs = (): { busy: number; all: number } => {
  let busy = 0
  let all = 0
  for (const { times } of cpus()) {
    const sum = times.user + times.nice + times.sys + times.idle + times.irq
    all += sum
    busy += sum - times.idle
  }
  return { busy, all }
}

export type Cost = {
  readonly ms: number
  /** The server's processor time. */
  readonly serverCpuMs: number
  /** Share of its own time in which the server had a processor: below 1 with a busy machine, the machine is the bound. */
  readonly serverBusy: number
  /** Share of all processors' time that anybody used. */
  readonly machineBusy: number
}

/** What some work costs the server and the machine. */
export const costOf = async <T>(
  instance: InstanceProcess,
  work: () => Promise<T>,
): Promise<{ cost: Cost; done: T }> => {
  const cpu = await instance.cpuMs()
  const machine = machineMs()
  const begun = performance.now()
  const done = await work()
  const ms = performance.now() - begun
  const after = machineMs()
  const serverCpuMs = (await instance.cpuMs()) - cpu
  const machineBusy = (after.busy - machine.busy) / Math.max(1, after.all - machine.all)
  return { cost: { ms, serverCpuMs, serverBusy: serverCpuMs / ms, machineBusy }, done }
}
