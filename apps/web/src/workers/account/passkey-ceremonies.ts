/** What only the page can do for the worker: `navigator.credentials` does not exist in workers. */

/** WebAuthn options and responses as JSON (the shapes of @simplewebauthn); no PRF result is ever part of them. */
export type CeremonyJson = Readonly<Record<string, unknown>>

export type PasskeyCeremonies = {
  /** Creates a passkey. `prf` is the 32-byte PRF output, undefined where the authenticator has none. */
  readonly makePasskey: (
    options: CeremonyJson,
  ) => Promise<{ response: CeremonyJson; prf: Uint8Array | undefined }>
  /** Asks for a passkey and its PRF output. */
  readonly getAssertion: (
    options: CeremonyJson,
  ) => Promise<{ response: CeremonyJson; prf: Uint8Array | undefined }>
}
