import { Worker } from 'node:worker_threads'
import type { BcryptAnswer, BcryptQuestion } from './bcrypt-thread.ts'

export type BcryptWorker = {
  /** @throws Error where the thread failed; the next question starts another */
  matches(password: string, hash: string): Promise<boolean>
  close(): Promise<void>
}

type Waiting = { readonly resolve: (matches: boolean) => void; readonly reject: (e: Error) => void }

/** Compares in a thread of its own, which is started by the first question and keeps no process alive. */
export const bcryptWorker = (): BcryptWorker => {
  const waiting = new Map<number, Waiting>()
  let worker: Worker | undefined
  let nextId = 0
  const failAll = (cause: unknown): void => {
    worker = undefined
    for (const { reject } of waiting.values())
      reject(new Error('the thread that compares passwords ended', { cause }))
    waiting.clear()
  }
  const start = (): Worker => {
    const started = new Worker(new URL('./bcrypt-thread.ts', import.meta.url), { execArgv: [] })
    started.unref()
    started.on('message', ({ id, matches }: BcryptAnswer) => {
      waiting.get(id)?.resolve(matches)
      waiting.delete(id)
    })
    started.on('error', failAll)
    started.on('exit', failAll)
    return started
  }
  return {
    matches: (password, hash) =>
      new Promise((resolve, reject) => {
        worker ??= start()
        const id = nextId++
        waiting.set(id, { resolve, reject })
        // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread
        worker.postMessage({ id, password, hash } satisfies BcryptQuestion)
      }),
    close: async () => {
      await worker?.terminate()
    },
  }
}
