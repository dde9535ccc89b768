/** Pages of a log as the server sends them, to be kept by whoever wants to read it without the server. */
import { readLog } from '@hearthold/contract'
import type { Client } from '@hearthold/client'
import { decodePage } from '@hearthold/crypto'

/** A page of docs/formats/logs.md as it came, and the entry number that it begins after. */
export type LogAnswer = { readonly after: number; readonly bytes: Uint8Array }

/**
 * The pages of log `log` (id in hex) that follow entry number `after`, to its end; at least one, which may hold no entry.
 * They are not verified: whoever reads the log from them does that. Throws what `Client.call` throws, and
 * `IntegrityError('malformed')` for what is no page.
 */
export async function* logPages(
  client: Client,
  log: string,
  after: number,
  signal?: AbortSignal,
): AsyncGenerator<LogAnswer> {
  for (let at = after; ;) {
    const bytes = await client.call(readLog, { params: { log }, query: { after: at }, signal })
    yield { after: at, bytes }
    const { entries, receipt } = decodePage(bytes)
    at += entries.length
    if (entries.length === 0 || at >= receipt.seq) return
  }
}
