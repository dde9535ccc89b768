/** What a node is. `irregular` and `unknown` have no content that could be restored. */
export type ResticKind =
  | 'file'
  | 'folder'
  | 'link'
  | 'device'
  | 'char_device'
  | 'fifo'
  | 'socket'
  | 'irregular'
  | 'unknown'

/** A time to the nanosecond. */
export type ResticTime = {
  /** Milliseconds since 1970, rounded down. */
  readonly ms: number
  /** Nanoseconds beyond that, 0 to 999,999. */
  readonly ns: number
}

/** One entry of a folder, as restic wrote it; plain data that a worker can post. Numbers beyond 2^53 are decimal texts. */
export type ResticNode = {
  /** The name as text. Where its bytes are no UTF-8 they stand as `\xff`, and `nameBytes` has them. */
  readonly name: string
  readonly nameBytes?: Uint8Array<ArrayBuffer>
  readonly kind: ResticKind
  /** As stat has it: nine bits of permission, and set-user-ID, set-group-ID, sticky (0o7777 in all). */
  readonly mode: number
  /** Bytes of a file; 0 for all else. */
  readonly sizeBytes: number
  readonly modified: ResticTime | undefined
  readonly accessed: ResticTime | undefined
  readonly changed: ResticTime | undefined
  readonly uid: number
  readonly gid: number
  readonly user: string | undefined
  readonly group: string | undefined
  readonly inode: string | undefined
  readonly deviceId: string | undefined
  /** Hard links that the file had; with more than one, files of equal `deviceId` and `inode` are one. */
  readonly links: number
  /** Where a link leads; `targetBytes` where that is no UTF-8. */
  readonly target?: string
  readonly targetBytes?: Uint8Array<ArrayBuffer>
  /** Ids of a file's pieces, in order. */
  readonly content?: readonly string[]
  /** Id of a folder's tree. */
  readonly subtree?: string
  /** Number of a device. */
  readonly device?: string
  /** Values in base64. */
  readonly extendedAttributes?: readonly { readonly name: string; readonly value: string }[]
  /** Windows attributes and the like, as they stand. */
  readonly genericAttributes?: Readonly<Record<string, unknown>>
  /** What restic could not read when it made the backup. */
  readonly error?: string
}

/** A snapshot; counts only where restic wrote a summary (0.17 and later). */
export type ResticSnapshot = {
  readonly id: string
  readonly time: ResticTime
  readonly tree: string
  readonly parent: string | undefined
  /** The snapshot that this one was made from by `restic rewrite`, `tag` and the like. */
  readonly original: string | undefined
  readonly paths: readonly string[]
  readonly host: string
  readonly user: string
  readonly tags: readonly string[]
  readonly excludes: readonly string[]
  readonly programVersion: string | undefined
  readonly summary: ResticSummary | undefined
}

export type ResticSummary = {
  readonly files: number | undefined
  readonly bytes: number | undefined
  readonly filesNew: number | undefined
  readonly filesChanged: number | undefined
  readonly filesUnmodified: number | undefined
  /** What this backup added to the repository, packed. */
  readonly addedBytes: number | undefined
}
