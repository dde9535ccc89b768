import { equalBytes, fromHex, IntegrityError, type IntegrityCode, toHex } from '@hearthold/crypto'
import type { LogPosition } from '@hearthold/crypto'

/** The newest place of a log that this device has verified. */
export type KnownHead = {
  readonly seq: number
  /** Chain hash there, 64 hex digits. */
  readonly chain: string
  /** The server's time of it, ms since 1970. */
  readonly at: number
}

/**
 * Where a device remembers heads (a file of the command line, IndexedDB of the browser). Without it a server could
 * show an older state unnoticed. `log` is a log id in hex. `put` replaces.
 */
export type HeadStore = {
  find(log: string): Promise<KnownHead | undefined>
  put(log: string, head: KnownHead): Promise<void>
}

/** Remembers for one run only: for tests, and for a first sign-in before anything can be stored. */
export const memoryHeads = (): HeadStore & { readonly heads: Map<string, KnownHead> } => {
  const heads = new Map<string, KnownHead>()
  return {
    heads,
    find: (log) => Promise.resolve(heads.get(log)),
    put: (log, head) => Promise.resolve(void heads.set(log, head)),
  }
}

/** What to remember of a verified position. */
export const headOf = (position: LogPosition): KnownHead => ({
  seq: position.seq,
  chain: toHex(position.chain),
  at: position.at,
})

/**
 * The newer of two memories of one log. Throws IntegrityError(`code`) where they name two histories: the server has shown
 * one to this device and another one elsewhere.
 */
export const newerHead = (
  a: KnownHead | undefined,
  b: KnownHead | undefined,
  code: IntegrityCode = 'log_rolled_back',
): KnownHead | undefined => {
  if (!a || !b) return a ?? b
  if (a.seq === b.seq && a.chain !== b.chain) {
    throw new IntegrityError(code, 'Two devices of the account have seen two histories of a log.')
  }
  return b.seq > a.seq ? b : a
}

/**
 * Holds a verified stretch of a log against the remembered head. `chainAt` gives the chain hashes of that stretch.
 * Throws IntegrityError(`code`) where the log has another entry at the remembered number.
 */
export const checkKnownHead = (
  known: KnownHead | undefined,
  stretch: { after: number; seq: number; chainAt: (seq: number) => Uint8Array | undefined },
  code: IntegrityCode,
): void => {
  if (!known || known.seq <= stretch.after || known.seq > stretch.seq) return
  const chain = stretch.chainAt(known.seq)
  if (!chain || !equalBytes(chain, fromHex(known.chain))) {
    throw new IntegrityError(code, 'The server shows another history than this device has seen.')
  }
}
