/** Checkpoints and registers of a server in memory, for tests beside the sources. */
import {
  type AnswerOf,
  type getCheckpoint,
  type getRegister,
  ProblemError,
} from '@hearthold/contract'
import type { Handler, Input } from './memory-objects.oracle.ts'

export type MemoryCheckpoint = AnswerOf<typeof getCheckpoint>
export type MemoryRegister = AnswerOf<typeof getRegister>

export class MemoryKept {
  readonly checkpoints = new Map<string, MemoryCheckpoint>()
  /** By account and name. */
  readonly registers = new Map<string, MemoryRegister>()
  readonly #objects: Map<string, Uint8Array>

  constructor(objects: Map<string, Uint8Array>) {
    this.#objects = objects
  }

  #putCheckpoint(log: string, checkpoint: MemoryCheckpoint) {
    const found = this.checkpoints.get(log)
    if (found && found.seq >= checkpoint.seq) throw new ProblemError('head_moved')
    for (const part of [checkpoint.tree, checkpoint.keys]) {
      if (!this.#objects.has(part)) throw new ProblemError('object_missing')
    }
    for (const part of found ? [found.tree, found.keys] : []) this.#objects.delete(part)
    this.checkpoints.set(log, checkpoint)
    return { seq: checkpoint.seq }
  }

  #putRegister(place: string, register: MemoryRegister) {
    const version = this.registers.get(place)?.version ?? 0
    if (register.version !== version + 1) throw new ProblemError('register_moved')
    this.registers.set(place, { ...register, updatedAt: 1 })
    return { version: register.version }
  }

  readonly handlers: Record<string, Handler> = {
    getCheckpoint: ({ params }) => {
      const found = this.checkpoints.get(params['log']!)
      if (!found) throw new ProblemError('not_found')
      return found
    },
    putCheckpoint: ({ params, body }) => this.#putCheckpoint(params['log']!, body),
    getRegister: ({ query, session }) => {
      const found = this.registers.get(`${session!.account.account} ${query['name']}`)
      if (!found) throw new ProblemError('not_found')
      return found
    },
    putRegister: ({ body, session }: Input) => {
      const register = body as MemoryRegister
      return this.#putRegister(`${session!.account.account} ${register.name}`, register)
    },
  }
}
