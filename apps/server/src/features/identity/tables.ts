/** Roles of an account; a guest has only what others share with them. */
export type RoleText = 'host' | 'member' | 'guest'
/** Who may sign up without an invitation: nobody, whom a host approves, anybody. */
export type RegistrationText = 'closed' | 'approval' | 'open'
export type SessionMethodText = 'sign-up' | 'password' | 'recovery' | 'device' | 'passkey'

/** What one open step of a sign-in or change is; see steps-store.ts. */
export type StepKind =
  | 'password'
  | 'second-factor'
  | 'recovery'
  | 'device'
  | 'unlock'
  | 'password-change'
  | 'totp-change'
  | 'totp-verified'
  | 'passkey'
  | 'passkey-unlock'
  | 'passkey-change'

/** Tables of the identity feature. Ids are 32 hex digits, times ms since 1970, booleans 0 and 1. */
export type IdentityTables = {
  /** One row once the instance is set up. */
  instance: {
    id: number
    name: string
    set_up_at: number
    registration: RegistrationText
    /** Quota of accounts made without an invitation; null: the default of the configuration. */
    registration_quota_bytes: number | null
  }
  accounts: {
    account: string
    log: string
    role: RoleText
    /** HMAC(pepper, normalised name): for look-up and uniqueness. */
    name_index: Uint8Array
    pepper_version: number
    /** By the key service, for display. */
    sealed_name: Uint8Array
    suspended: number
    /** Null: the default of the configuration. */
    quota_bytes: number | null
    created_at: number
    /** Until when it waits for a host to let it in; null for all that were let in. */
    waiting_until: number | null
  }
  /** OPAQUE records: without the set-up, which is not in the database, they say nothing of the password. */
  passwords: {
    account: string
    method: string
    setup_version: number
    record: Uint8Array
    changed_at: number
  }
  totps: { account: string; sealed_secret: Uint8Array; last_step: number }
  backup_codes: { account: string; code_hash: Uint8Array; pepper_version: number }
  /** The sign-in methods of the account's newest signed state, as far as the server must know them. */
  methods: {
    account: string
    method: string
    type: number
    /** SHA-256 of the public key: another key under the same id is another method. */
    public_key_hash: Uint8Array
    auth_key: Uint8Array
    /** Recovery methods only. */
    locator: Uint8Array | null
    /** 1 for the method of a retired device: it no longer signs in. */
    retired: number
  }
  /** Public keys by which passkeys sign in. One unlocks if `methods` has one of its id. */
  passkeys: {
    /** First 16 bytes of SHA-256(credential id). */
    passkey: string
    account: string
    /** Credential id, as the authenticator chose it. */
    credential: Uint8Array
    /** COSE. */
    public_key: Uint8Array
    /** Uses that the authenticator counted; 0 for one that counts none. */
    counter: number
    /** How the browser reaches it, separated by spaces. */
    transports: string
    /** 1 where its authenticator keeps it on several devices. */
    synced: number
    /** Sealed by the member. */
    label: Uint8Array | null
    created_at: number
    last_used_at: number | null
  }
  sign_ups: {
    id: string
    /** Null for the set-up; `open` without an invitation (registration-store.ts). */
    invitation: string | null
    account: string
    name_index: Uint8Array
    pepper_version: number
    sealed_name: Uint8Array
    /** Of a sign-up by password. */
    sealed_totp: Uint8Array | null
    setup_version: number | null
    /** Of a sign-up by passkey. */
    challenge: Uint8Array | null
    role: RoleText
    tries: number
    expires_at: number
  }
  sign_in_steps: {
    id: string
    kind: StepKind
    account: string
    /** The session that began it; null before sign-in. */
    session: string | null
    /** The method concerned; null for passwords. */
    method: string | null
    /** Sealed login state, challenge, or sealed TOTP secret. */
    state: Uint8Array
    tries: number
    expires_at: number
  }
  sessions: {
    id: string
    /** SHA-256 of the token; the token itself is nowhere. */
    token_hash: Uint8Array
    kind: 'bearer' | 'cookie'
    account: string
    method: SessionMethodText
    device: string | null
    stay: number
    created_at: number
    last_used_at: number
    expires_at: number
    /** When this session last proved a sign-in method that may change others; 0: never. */
    proof_at: number
    /**
     * When it last proved what makes a second factor needless: a recovery key, a passkey that unlocks, or the
     * authenticator of a first password. Null: never.
     */
    strong_proof_at: number | null
    address: string
    client: string
  }
  invitations: {
    id: string
    token_hash: Uint8Array
    pepper_version: number
    role: RoleText
    uses_left: number
    created_by: string
    created_at: number
    expires_at: number
  }
  /** Failed or open guesses by what they are counted on (guesses.ts). */
  guesses: { subject: string; count: number; since: number }
}
