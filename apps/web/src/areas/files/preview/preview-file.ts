/** What a preview is given of a file: its name, its size, and a way to its bytes, opened and verified in the worker. */
export type PreviewFile = {
  readonly share: string
  readonly id: string
  readonly name: string
  readonly sizeBytes: number
  readonly version: number | undefined
  /** Plaintext bytes from `start` to `end`, end exclusive. */
  readonly read: (start: number, end: number) => Promise<ArrayBuffer>
}
