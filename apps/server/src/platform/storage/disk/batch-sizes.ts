/**
 * Bytes of one write: one read of Node's. What has come is then still in the processor's cache, and the system finds room
 * for it among the memory that it uses all the time: for larger writes it takes larger pieces, which a virtual machine
 * may have to fetch from its host. With 256 KiB a gigabyte costs twice as much in the kernel.
 */
const standardBatch = 64 * 1024
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
