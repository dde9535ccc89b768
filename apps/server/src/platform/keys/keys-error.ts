/** The server must not start with these keys. The message names the file and the remedy, never a key. */
export class KeysError extends Error {
  /** `missing` or `different`: with another key what is stored could not be opened; `unreadable`: not a key at all. */
  readonly code: 'missing' | 'different' | 'unreadable'
  /** Fingerprint of the key that this instance was made with, where it is known. */
  readonly expected: string | undefined

  constructor(code: KeysError['code'], message: string, expected?: string) {
    super(message)
    this.name = 'KeysError'
    this.code = code
    this.expected = expected
  }
}
