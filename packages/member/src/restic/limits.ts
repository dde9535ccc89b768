const kib = 1024
const mib = 1024 * kib

/** What this reader takes from a repository, whoever wrote it. More is refused with `too_large` or `key_refused`. */
export const resticLimits = {
  /** restic looks for parameters under 60 MiB and half a second. */
  scryptMemoryBytes: 256 * mib,
  /** N times r times p; 2^25 takes about ten seconds. */
  scryptWork: 2 ** 25,
  keyFiles: 64,
  keyFileBytes: 64 * kib,
  configBytes: 64 * kib,
  /** Objects of one listing. */
  listed: 1_000_000,
  snapshotBytes: 16 * mib,
  /** An index file, sealed or open. restic ends one at 50,000 blobs, about 8 MiB. */
  indexBytes: 256 * mib,
  /** Entries of all index files: about 70 bytes of memory each. */
  indexEntries: 2 ** 23 - 1,
  /** Where a blob of a pack may end. */
  packBytes: 2 ** 32 - 1,
  /** restic ends a piece of a file at 8 MiB. */
  dataBlobBytes: 64 * mib,
  /** One folder's list, about 300,000 entries. */
  treeBlobBytes: 128 * mib,
  nameBytes: 64 * kib,
  /** Folders within folders. */
  depth: 1000,
  /** Entries that one walk comes by, and so a tree that multiplies itself ends. */
  walked: 50_000_000,
  /** One request for bytes of a pack. */
  requestBytes: 16 * mib,
} as const
