/** So long, in ms, calls are left to threads once the disk lets its callers wait. */
const restMs = 2_000
/** One call may be late because its processor was given to somebody else; a disk is slow again and again. */
const slowWeight = 4
const quickWeight = 1
const mostWeight = 12

/**
 * Knows whether a disk answers from the system's memory, as it mostly does. Then a call made on the spot costs a quarter less
 * processor time than one that is handed to a thread. A disk that lets its callers wait must not let everybody else wait,
 * too: after a few such calls they are made in threads for a while.
 */
export class DiskPace {
  readonly #slowMs: number
  #weight = 0
  #waitsUntil = Number.NEGATIVE_INFINITY

  /** @param slowMs a call that takes longer has waited for the disk */
  constructor(slowMs: number) {
    this.#slowMs = slowMs
  }

  /** True where a call may be made on the spot. */
  isQuick(): boolean {
    return performance.now() >= this.#waitsUntil
  }

  /** Makes a call on the spot. @throws what it throws */
  run<Answer>(call: () => Answer): Answer {
    const begun = performance.now()
    try {
      return call()
    } finally {
      const now = performance.now()
      if (now - begun <= this.#slowMs) this.#weight = Math.max(0, this.#weight - quickWeight)
      else this.#wasSlow(now)
    }
  }

  #wasSlow(now: number): void {
    this.#weight += slowWeight
    if (this.#weight < mostWeight) return
    this.#weight = 0
    this.#waitsUntil = now + restMs
  }
}
