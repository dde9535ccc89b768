/** What a server process holds after many requests, against what it held after fewer. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { churn, type Held, heldBy } from './churn.ts'
import { startServerPlace } from './server-place.ts'

/** Closed connections are gone, and what is rubbish may be collected. */
const restMs = 1_500

/**
 * Warms a full server up with so many requests, then asks as many as given.
 * @returns what it held before and after
 */
export const leaksAfter = async (
  warmUp: number,
  requests: number,
): Promise<{ readonly before: Held; readonly after: Held }> => {
  const folder = mkdtempSync(join(tmpdir(), 'hearthold-leaks-'))
  const { server, place } = await startServerPlace(folder)
  try {
    await churn(place, warmUp)
    await delay(restMs)
    const before = heldBy(place.pid)
    await churn(place, requests)
    await delay(restMs)
    const after = heldBy(place.pid)
    process.stdout.write(`${JSON.stringify({ requests, before, after })}\n`)
    return { before, after }
  } finally {
    await server.end('SIGTERM')
    rmSync(folder, { recursive: true, force: true })
  }
}
