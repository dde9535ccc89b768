import { StorageError } from '../storage.ts'

/** Answers that may be others a moment later. */
export const isPassing = (status: number): boolean => [429, 500, 502, 503, 504].includes(status)

const certificateWords: Readonly<Record<string, string>> = {
  CERT_HAS_EXPIRED: 'The certificate of the storage has expired.',
  ERR_TLS_CERT_ALTNAME_INVALID: 'The certificate of the storage is for another name.',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'The certificate of the storage is signed by nobody we trust.',
  SELF_SIGNED_CERT_IN_CHAIN: 'The certificate of the storage is signed by nobody we trust.',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'The certificate of the storage is signed by nobody we trust.',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'The certificate of the storage is signed by nobody we trust.',
}
const words: Readonly<Record<string, string>> = {
  ...certificateWords,
  ECONNREFUSED: 'The storage refuses connections at this address.',
  ENOTFOUND: 'The name of the storage is not known.',
  EAI_AGAIN: 'The name of the storage cannot be looked up at present.',
  EHOSTUNREACH: 'The storage cannot be reached.',
  ENETUNREACH: 'The storage cannot be reached.',
  ETIMEDOUT: 'The storage did not answer in time.',
  EPROTO: 'The storage does not speak TLS at this address.',
}

/** What the network did, in words that name neither address nor secret. */
export const failureOf = (error: unknown): StorageError => {
  const code = (error as { code?: unknown } | undefined)?.code
  const known = typeof code === 'string' ? words[code] : undefined
  const message = known ?? 'The connection to the storage broke.'
  return new StorageError('unavailable', message, { cause: error ?? new Error('closed') })
}

export const redirected = (): StorageError =>
  new StorageError(
    'unavailable',
    'The storage sends us to another address, which is not followed: set that address (and, for S3, the region).',
  )

const fullWords = 'The storage has no room left.'
export const fullStorage = (): StorageError => new StorageError('full', fullWords)
