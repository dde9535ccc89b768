import type { OpenedMedia } from '../../workers/account/api.ts'

/** What a preview is given of a file: its name, its size, and ways to its bytes, opened and verified in a worker. */
export type PreviewFile = {
  readonly name: string
  readonly sizeBytes: number
  /** Plaintext bytes from `start` to `end`, end exclusive. */
  readonly read: (start: number, end: number) => Promise<ArrayBuffer>
  /** For players, which ask for parts. */
  readonly openMedia: () => Promise<OpenedMedia>
}
