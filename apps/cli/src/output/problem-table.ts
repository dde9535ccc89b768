import type { ProblemCode } from '@hearthold/contract'
import type { exitCodes } from '../cli-error.ts'

export type ProblemRow = {
  /** Said where the server gives no detail of its own. */
  readonly message: string
  readonly advice: string | undefined
  readonly exit: keyof typeof exitCodes
}

const row = (exit: ProblemRow['exit'], message: string, advice?: string): ProblemRow => ({
  exit,
  message,
  advice,
})

const again = 'Run the command again.'
const newer = 'Make this program as new as the server, and try again.'
const tellHost = 'Tell the host of this server.'

/** What each problem means on the command line. A missing row is a type error. */
export const problemTable: Readonly<Record<ProblemCode, ProblemRow>> = {
  bad_request: row('failure', 'The server did not understand the request.', newer),
  unauthenticated: row(
    'notSignedIn',
    'Not signed in, or the session has ended.',
    'Sign in with: hearthold sign-in',
  ),
  csrf: row('failure', 'The server took the request for one of another site.', newer),
  forbidden: row('failure', 'This account may not do that.', 'Ask a host of this server.'),
  not_found: row(
    'notFound',
    'It does not exist, or not for this account.',
    'Check the name; hearthold ls shows what is there.',
  ),
  method_not_allowed: row('failure', 'The server does not know this request.', newer),
  length_required: row('failure', 'The request did not say how long it is.', newer),
  too_large: row('failure', 'That is larger than the server takes.', undefined),
  unsupported_media_type: row('failure', 'The server does not take this kind of content.', newer),
  wrong_host: row(
    'network',
    'The server goes by another name.',
    'Use the address that the host gave, exactly as it was given.',
  ),
  rate_limited: row('failure', 'Too many requests in a short time.', undefined),
  internal: row('failure', 'The server failed.', tellHost),
  not_set_up: row(
    'conflict',
    'This server has not been set up yet.',
    'The host sets it up with: hearthold set-up',
  ),
  unavailable: row('network', 'The server cannot answer at the moment.', 'Try again later.'),
  set_up_done: row(
    'conflict',
    'This server is set up already.',
    'Ask a host for an invitation, then: hearthold sign-up',
  ),
  set_up_token_wrong: row(
    'failure',
    'The set-up token is wrong.',
    'It changes at each start of the server; `serve` prints the newest.',
  ),
  invitation_invalid: row(
    'failure',
    'The invitation is used up, expired or wrong.',
    'Ask the host for a new one.',
  ),
  registration_closed: row(
    'failure',
    'This server takes new members by invitation only.',
    'Ask a host for an invitation, and give it by --invite-file.',
  ),
  registration_full: row(
    'conflict',
    'Too many sign-ups are waiting at this server.',
    'Try again later, or ask a host for an invitation.',
  ),
  name_taken: row('conflict', 'Someone here has this name already.', 'Choose another by --name.'),
  sign_up_expired: row('failure', 'The sign-up took too long.', again),
  sign_up_invalid: row('failure', 'The server did not accept the sign-up.', newer),
  sign_in_failed: row(
    'notSignedIn',
    'Name, password or key do not fit.',
    'Check them and try again; after several failures the server makes you wait.',
  ),
  sign_in_expired: row('notSignedIn', 'The sign-in took too long.', again),
  second_factor_wrong: row(
    'notSignedIn',
    'The code is wrong or was used already.',
    'Wait for the next code of the authenticator app, or use a backup code.',
  ),
  second_factor_needed: row(
    'notSignedIn',
    'This needs a code of the authenticator, or a backup code.',
    'Give it by --code-file or --totp-secret-file; without either, sign in by recovery key first.',
  ),
  locked_out: row(
    'notSignedIn',
    'Too many failures.',
    'Another way in is not affected: a recovery key or another device.',
  ),
  step_up_needed: row(
    'notSignedIn',
    'This needs a fresh proof that it is you.',
    'Run: hearthold unlock, then the command again.',
  ),
  account_suspended: row('notSignedIn', 'This account is suspended.', 'Ask a host of this server.'),
  approval_pending: row(
    'notSignedIn',
    'A host has not let this account in yet.',
    'Try again once they have.',
  ),
  method_required: row(
    'conflict',
    'The account would be left without a way in, or lacks this one.',
    'hearthold methods shows the ways in.',
  ),
  passkeys_unavailable: row(
    'conflict',
    'Passkeys cannot work at the address of this server.',
    'A host can give it a name by HEARTHOLD_PUBLIC_URL, reached by HTTPS.',
  ),
  passkey_invalid: row('failure', 'The server did not accept this passkey.', again),
  passkey_refused: row('conflict', 'This passkey cannot be added.', undefined),
  entry_invalid: row('failure', 'The server did not accept a signed entry.', newer),
  signature_invalid: row('failure', 'The server did not accept a signature.', newer),
  log_exists: row('conflict', 'That exists already.', undefined),
  head_moved: row('conflict', 'Another device changed this at the same moment.', again),
  own_chain_broken: row(
    'conflict',
    'This device has written elsewhere under the same key.',
    'Run the command again. If it stays, HEARTHOLD_HOME was copied: enrol this device anew.',
  ),
  base_stale: row(
    'conflict',
    'Another device changed the same file or folder.',
    'Look at it with hearthold ls, then run the command again.',
  ),
  basis_unknown: row(
    'conflict',
    'The server knows less than this device has seen.',
    'It may have been restored from a backup. Ask the host.',
  ),
  epoch_stale: row('conflict', 'The keys were renewed meanwhile.', again),
  device_unknown: row(
    'notSignedIn',
    'This device is not, or no longer, part of the account.',
    'Sign in again to enrol it.',
  ),
  entry_refused: row('failure', 'The rules do not allow that change.', undefined),
  log_read_only: row('conflict', 'This can only be read at present.', 'Ask the host why.'),
  object_exists: row('conflict', 'The server has an object under this id already.', again),
  object_missing: row(
    'conflict',
    'A part of it is missing at the server.',
    'Run the command again: it sends what is missing.',
  ),
  object_invalid: row('failure', 'The server did not accept the sealed bytes.', newer),
  offset_mismatch: row(
    'conflict',
    'The upload stands elsewhere than expected.',
    'Run the command again: it goes on where the server stands.',
  ),
  upload_expired: row('failure', 'The upload lay too long.', again),
  over_quota: row(
    'failure',
    'The quota is used up.',
    'Remove something for good (hearthold rm --forever), or ask a host for more room. A repository that was removed counts until it is destroyed, which a host can do at once (hearthold repository purge).',
  ),
  disk_full: row('failure', "The server's disk is full.", tellHost),
  range_not_satisfiable: row(
    'failure',
    'The object is shorter than expected.',
    'Run the command again. If it stays, tell the host.',
  ),
  register_moved: row('conflict', 'Another device saved this at the same moment.', again),
  repository_exists: row(
    'conflict',
    'You have a repository of this name already.',
    'Choose another name; hearthold repository list also shows those in the bin.',
  ),
  repository_name_invalid: row(
    'failure',
    'A repository cannot have this name.',
    'Use small letters, digits, dots, dashes and underscores, and no word that restic keeps for itself, such as data.',
  ),
  repository_removed: row(
    'conflict',
    'This repository is in the bin.',
    'hearthold repository undelete brings it back.',
  ),
  credentials_full: row(
    'conflict',
    'This repository has as many credentials as it may.',
    'Revoke those that no machine uses any more.',
  ),
  storage_exists: row(
    'conflict',
    'There is a storage of this name already.',
    'Choose another name.',
  ),
  storage_in_use: row(
    'conflict',
    'Repositories lie on this storage.',
    'It can be forgotten once none is left there.',
  ),
  storage_invalid: row(
    'failure',
    'These settings do not describe a storage.',
    'Compare address, bucket and folder with what the provider shows.',
  ),
  storage_failed: row(
    'failure',
    'The storage cannot be reached, or refused.',
    'Nothing was changed. Run the command again; if it stays, tell the host.',
  ),
}
