/**
 * Problems: the one error that crosses a boundary. RFC 9457 fields plus our stable `code`.
 * A problem never carries input, settings or secrets; `detail` is written by us, in full sentences.
 */
export const problemStatus = {
  // any endpoint
  bad_request: 400,
  unauthenticated: 401,
  csrf: 403,
  forbidden: 403,
  not_found: 404,
  method_not_allowed: 405,
  length_required: 411,
  too_large: 413,
  unsupported_media_type: 415,
  wrong_host: 421,
  rate_limited: 429,
  internal: 500,
  not_set_up: 503,
  unavailable: 503,
  // set-up, invitations, sign-up
  set_up_done: 409,
  set_up_token_wrong: 403,
  invitation_invalid: 403,
  registration_closed: 403,
  registration_full: 409,
  name_taken: 409,
  sign_up_expired: 410,
  sign_up_invalid: 400,
  // sign-in
  sign_in_failed: 401,
  sign_in_expired: 410,
  second_factor_wrong: 401,
  second_factor_needed: 403,
  locked_out: 429,
  step_up_needed: 403,
  account_suspended: 403,
  approval_pending: 403,
  method_required: 409,
  passkeys_unavailable: 409,
  passkey_invalid: 400,
  passkey_refused: 409,
  // logs
  entry_invalid: 400,
  signature_invalid: 400,
  log_exists: 409,
  head_moved: 409,
  own_chain_broken: 409,
  base_stale: 409,
  basis_unknown: 409,
  epoch_stale: 409,
  device_unknown: 403,
  entry_refused: 403,
  log_read_only: 409,
  // objects and quota
  object_exists: 409,
  object_missing: 409,
  object_invalid: 400,
  offset_mismatch: 409,
  upload_expired: 410,
  over_quota: 507,
  disk_full: 507,
  range_not_satisfiable: 416,
  // registers
  register_moved: 409,
  // repositories and their storage
  repository_exists: 409,
  repository_name_invalid: 400,
  repository_removed: 409,
  credentials_full: 409,
  storage_exists: 409,
  storage_in_use: 409,
  storage_invalid: 400,
  storage_failed: 502,
} as const

export type ProblemCode = keyof typeof problemStatus

/** Extra members a problem may carry: numbers and ids only, never input. */
export type ProblemExtra = Readonly<Record<string, string | number | boolean>>

/** The JSON of a problem on the wire (`application/problem+json`). */
export type ProblemBody = {
  readonly type: string
  readonly title: string
  readonly status: number
  readonly code: ProblemCode
  readonly detail?: string
  readonly requestId?: string
  readonly extra?: ProblemExtra
}

/** Thrown by services, answered by the server as RFC 9457, and thrown again by the client. */
export class ProblemError extends Error {
  readonly code: ProblemCode
  readonly status: number
  readonly detail: string | undefined
  readonly extra: ProblemExtra | undefined
  /** Seconds after which a retry makes sense; sent as Retry-After. */
  readonly retryAfterSeconds: number | undefined

  constructor(
    code: ProblemCode,
    detail?: string,
    options: { extra?: ProblemExtra; retryAfterSeconds?: number; cause?: unknown } = {},
  ) {
    super(detail ?? code, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = 'ProblemError'
    this.code = code
    this.status = problemStatus[code]
    this.detail = detail
    this.extra = options.extra
    this.retryAfterSeconds = options.retryAfterSeconds
  }
}

/** True for a code this version knows. */
export const isProblemCode = (value: unknown): value is ProblemCode =>
  typeof value === 'string' && Object.hasOwn(problemStatus, value)
