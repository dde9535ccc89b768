/** A thread that compares passwords: bcryptjs holds its thread for 50 ms and more. */
import { parentPort } from 'node:worker_threads'
import { compareSync } from 'bcryptjs'

export type BcryptQuestion = {
  readonly id: number
  readonly password: string
  readonly hash: string
}
export type BcryptAnswer = { readonly id: number; readonly matches: boolean }

parentPort?.on('message', ({ id, password, hash }: BcryptQuestion) => {
  const answer: BcryptAnswer = { id, matches: compareSync(password, hash) }
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread
  parentPort?.postMessage(answer)
})
