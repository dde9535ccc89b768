/** Memory for what has come and is not written yet, over all bodies. */
const heldBytes = 48 * 1024 * 1024
const largestBatch = 2 * 1024 * 1024
const smallestBatch = 64 * 1024
/** A batch goes to the page cache in one or two; when it takes this long, the disk is holding writers back. */
const slowMs = 25
/** For so long the thread pool writes then, and the event loop is free. */
const cautionMs = 5_000

/**
 * How bodies are written: in batches that are smaller the more of them come at once, and by calls that block the event
 * loop, which cost a fifth less than the thread pool, as long as the disk takes them at once.
 */
export class WriteMode {
  #bodies = 0
  #cautiousUntil = 0

  enter(): () => void {
    this.#bodies += 1
    return () => {
      this.#bodies -= 1
    }
  }

  readonly batchBytes = (): number =>
    Math.max(smallestBatch, Math.min(largestBatch, heldBytes / Math.max(1, this.#bodies)))

  writesNow(): boolean {
    return performance.now() >= this.#cautiousUntil
  }

  /** Told how long a blocking write took. */
  took(ms: number): void {
    if (ms > slowMs) this.#cautiousUntil = performance.now() + cautionMs
  }
}
