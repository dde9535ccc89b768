/** Where the credential travelled: `bearer` in the Authorization header (CLI, API), `cookie` from the web app. */
export type SessionKind = 'bearer' | 'cookie'

export type Credential = {
  readonly kind: SessionKind
  /** 32 random bytes as base64url, 43 characters; checked for this form before any look-up. */
  readonly tokenB64: string
}

/** Who is calling, as handlers see it. Ids are 32 hex digits. */
export type SessionContext = {
  readonly sessionId: string
  readonly account: string
  /** The account log. */
  readonly log: string
  readonly role: 'host' | 'member' | 'guest'
  /** The enrolled device this session is tied to, if it is. */
  readonly device: string | undefined
  readonly kind: SessionKind
  /** Milliseconds since 1970. */
  readonly signedInAt: number
}

/** Implemented by the identity feature. */
export type SessionLookup = {
  /**
   * The live session of a credential; undefined for an unknown, expired or revoked one, for one of the other
   * kind, and for a suspended account. Called once per request, so that revoking takes effect at once.
   */
  find(credential: Credential): Promise<SessionContext | undefined>
}

/** For an instance without accounts: nobody is signed in. */
export const noSessions: SessionLookup = { find: async () => undefined }
