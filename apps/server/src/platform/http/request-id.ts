import { randomBytes } from 'node:crypto'

const idBytes = 8
/** Random bytes are fetched for many ids at once: asking for eight costs as much as asking for thousands. */
const idsAtOnce = 512

/** Makes request ids: 16 hex digits, random, so that they tell nothing of other requests. */
export const requestIds = (): (() => string) => {
  let pool = Buffer.alloc(0)
  let at = 0
  return () => {
    if (at === pool.length) {
      pool = randomBytes(idBytes * idsAtOnce)
      at = 0
    }
    at += idBytes
    return pool.toString('hex', at - idBytes, at)
  }
}
