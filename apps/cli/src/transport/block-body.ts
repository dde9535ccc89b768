/** Blocks kept for the next body. */
const pooledBlocks = 12
/** Full blocks that wait for their reader; then the line must wait. */
const waitingBlocks = 3

/** Memory for bodies. Making and clearing it for each chunk costs more than opening what comes in it. */
export class BlockPool {
  readonly #free: Uint8Array[] = []

  take(sizeBytes: number): Uint8Array {
    for (let block = this.#free.pop(); block; block = this.#free.pop())
      if (block.length === sizeBytes) return block
    return new Uint8Array(Buffer.allocUnsafeSlow(sizeBytes).buffer)
  }

  give(block: Uint8Array): void {
    if (this.#free.length < pooledBlocks) this.#free.push(block)
  }
}

/**
 * A body on its way: bytes come in where `room` says, and go out as blocks of exactly `blockBytes`, the last one
 * shorter. Memory stays at a few blocks: a block is used again once the second next is asked for.
 */
export class BlockBody {
  readonly #pool: BlockPool
  readonly #blockBytes: number
  readonly #goOn: () => void
  readonly #full: Uint8Array[] = []
  #left: number
  #filling: Uint8Array
  #filled = 0
  #failure: { readonly error: unknown } | undefined
  #wake: (() => void) | undefined

  /** `goOn` is called when there is room again after `received` said that there is none. */
  constructor(pool: BlockPool, sizeBytes: number, blockBytes: number, goOn: () => void) {
    this.#pool = pool
    this.#left = sizeBytes
    this.#blockBytes = blockBytes
    this.#goOn = goOn
    this.#filling = pool.take(blockBytes)
  }

  /** True when all bytes have come. */
  get whole(): boolean {
    return this.#left === 0
  }

  /** True while the reader, not the line, is waited for. */
  get isFull(): boolean {
    return this.#full.length >= waitingBlocks
  }

  /** Where the next bytes belong: never empty before the body is whole. */
  room(): Uint8Array {
    const end = Math.min(this.#blockBytes, this.#filled + this.#left)
    return this.#filling.subarray(this.#filled, end)
  }

  /** So many bytes have come to where `room` said. False: no more before `goOn`, though what comes is kept. */
  received(count: number): boolean {
    this.#filled += count
    this.#left -= count
    if (this.#filled === this.#blockBytes || this.#left === 0) this.#hand()
    return this.whole || !this.isFull
  }

  /** Copies bytes in that came elsewhere, at most as many as are left. */
  receive(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length;) {
      const room = this.room()
      const part = bytes.subarray(at, at + room.length)
      room.set(part)
      this.received(part.length)
      at += part.length
    }
  }

  /** Nothing more will come. The reader gets what came before, then the error. */
  fail(error: unknown): void {
    if (this.whole || this.#failure) return
    this.#failure = { error }
    if (this.#filled > 0) this.#hand()
    this.#wake?.()
  }

  /** The blocks; once. */
  async *blocks(): AsyncGenerator<Uint8Array> {
    let last: Uint8Array | undefined
    for (;;) {
      const wasFull = this.isFull
      const block = this.#full.shift()
      if (block) {
        if (wasFull && !this.whole) this.#goOn()
        yield block
        if (last) this.#giveBack(last)
        last = block
      } else if (this.whole) {
        // The last ones are left to the garbage collector: their reader may still look at them.
        return
      } else if (this.#failure) throw this.#failure.error
      else await new Promise<void>((resolve) => (this.#wake = resolve))
    }
  }

  #hand(): void {
    this.#full.push(this.#filling.subarray(0, this.#filled))
    this.#filled = 0
    if (this.#left > 0 && !this.#failure) this.#filling = this.#pool.take(this.#blockBytes)
    this.#wake?.()
  }

  #giveBack({ buffer }: Uint8Array): void {
    this.#pool.give(new Uint8Array(buffer))
  }
}
