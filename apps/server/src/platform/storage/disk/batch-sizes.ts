/**
 * Bytes of one write. Small enough that what has come is still in the processor's cache when it is hashed and written,
 * and that its memory is used again at once: with 2 MiB a gigabyte costs twice as much in the kernel.
 */
const standardBatch = 256 * 1024
const smallestBatch = 16 * 1024
/** Memory for what has come and is not written yet, over all bodies. */
const heldBytes = 48 * 1024 * 1024

/** How large the batches are in which bodies are written: smaller, when very many of them come at once. */
export class BatchSizes {
  #bodies = 0

  /** @returns what ends it */
  enter(): () => void {
    this.#bodies += 1
    return () => {
      this.#bodies -= 1
    }
  }

  readonly bytes = (): number =>
    Math.max(smallestBatch, Math.min(standardBatch, heldBytes / Math.max(1, this.#bodies)))
}
