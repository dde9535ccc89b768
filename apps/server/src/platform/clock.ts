/** The only source of time in the server; tests hand in their own. */
export type Clock = {
  /** Milliseconds since 1970. */
  now(): number
}

/** The machine's clock. */
export const systemClock: Clock = { now: () => Date.now() }
