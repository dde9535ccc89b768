import type { KeyedLock } from '../remote/keyed-lock.ts'
import type { S3Client } from './s3-client.ts'

/** What the parts of one repository share. */
export type S3Place = {
  readonly client: S3Client
  /** The repository's folder with a slash at its end, below the configured prefix. */
  readonly root: string
  readonly prefix: string
  readonly locks: KeyedLock
}
