/** Small pieces are joined by so many: each costs some hundred bytes besides its own. */
const joinedAtOnce = 256

/** The bytes of a body that is held in memory. Who sends it byte by byte costs no more memory than others. */
export class GatheredBytes {
  readonly #joined: Uint8Array[] = []
  #pieces: Uint8Array[] = []

  /** Takes a piece, which is nobody else's from now on. */
  add(piece: Uint8Array): void {
    this.#pieces.push(piece)
    if (this.#pieces.length < joinedAtOnce) return
    this.#joined.push(Buffer.concat(this.#pieces))
    this.#pieces = []
  }

  /** All of them in one, at the end. */
  take(): Uint8Array {
    const all = [...this.#joined, ...this.#pieces]
    const [only] = all
    return only !== undefined && all.length === 1 ? only : Buffer.concat(all)
  }
}
