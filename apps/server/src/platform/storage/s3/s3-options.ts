import type { RemoteTuning } from '../remote/remote-client.ts'

/** Where and as whom; checked by `s3Origin` and the contract before. */
export type S3Options = {
  /** Scheme, host and port. */
  readonly endpoint: string
  readonly region: string
  readonly bucket: string
  /** Folder within the bucket with a slash at its end; empty for its top. */
  readonly prefix: string
  /** `path` puts the bucket in the path, `host` before the host name. */
  readonly addressing: 'path' | 'host'
  readonly accessKey: string
  readonly secretKey: string
  /**
   * Days for which each object is locked from when it is stored (S3 Object Lock, compliance mode), asked for each;
   * undefined without locks. What goes to the bin is locked until its `keptUntil`.
   */
  readonly lockDays: (() => number) | undefined
  readonly tuning?: RemoteTuning
  /** Ms since 1970. */
  readonly now?: () => number
}

/** The origin that an endpoint names; undefined where it is none, or carries a path, a query or a name and password. */
export const s3Origin = (endpoint: string): URL | undefined => {
  const url = URL.parse(endpoint)
  if (url === null || !['http:', 'https:'].includes(url.protocol)) return undefined
  const bare = url.pathname === '/' && url.search === '' && url.hash === ''
  return bare && url.username === '' && url.password === '' ? url : undefined
}
