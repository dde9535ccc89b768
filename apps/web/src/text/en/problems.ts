/** What each refusal and each broken promise of a server means for the person, and what they can do. */

export type ProblemWords = {
  /** What happened. */
  readonly title: string
  /** What to do, where there is something. */
  readonly todo?: string
}

/** What a hostile or broken server was caught at: what happened, what is safe, what to do. */
export type IntegrityWords = {
  readonly title: string
  readonly safe: string
  readonly todo: string
}

const reload = 'Load this page again, and try once more.'
const tellHost = 'Tell the host of this server.'
const again = 'Try again.'
const askHost = 'Ask a host of this server.'

const problems: Readonly<Record<string, ProblemWords>> = {
  bad_request: { title: 'The server did not understand the request.', todo: reload },
  unauthenticated: { title: 'You are signed out.', todo: 'Sign in again to go on.' },
  csrf: {
    title: 'The server took this for a request of another site.',
    todo: 'Open Hearthold by its own address, not inside another page.',
  },
  forbidden: { title: 'Your account may not do that.', todo: askHost },
  not_found: { title: 'That is not there, or not for you.', todo: 'It may have been removed.' },
  method_not_allowed: { title: 'The server does not know this request.', todo: reload },
  length_required: { title: 'The request did not say how long it is.', todo: reload },
  too_large: { title: 'That is larger than the server takes.' },
  unsupported_media_type: { title: 'The server does not take this kind of content.', todo: reload },
  wrong_host: {
    title: 'The server goes by another name.',
    todo: 'Open it by the address that the host gave, exactly as it was given.',
  },
  rate_limited: { title: 'Too many requests in a short time.', todo: 'Wait a moment.' },
  internal: { title: 'The server failed.', todo: tellHost },
  not_set_up: {
    title: 'This server has not been set up yet.',
    todo: 'The host sets it up with the link that the server prints when it starts.',
  },
  unavailable: { title: 'The server cannot answer at the moment.', todo: 'Try again later.' },
  set_up_done: {
    title: 'This server is set up already.',
    todo: 'Sign in, or ask a host for an invitation.',
  },
  set_up_token_wrong: {
    title: 'This set-up link does not work.',
    todo: 'It changes each time the server starts. Use the newest link that it printed.',
  },
  invitation_invalid: {
    title: 'This invitation is used up, expired or mistyped.',
    todo: 'Ask the person who sent it for a new one.',
  },
  registration_closed: {
    title: 'New accounts need an invitation here.',
    todo: 'Ask a host of this server for one.',
  },
  second_factor_needed: {
    title: 'This needs a code of the authenticator, or a backup code.',
    todo: 'With neither at hand, use a passkey that unlocks, or the recovery key, instead.',
  },
  registration_full: {
    title: 'Too many sign-ups are waiting here.',
    todo: 'Try again later, or ask a host for an invitation.',
  },
  name_taken: { title: 'Someone here has this name already.', todo: 'Choose another.' },
  sign_up_expired: {
    title: 'This took too long, and the server let go of it.',
    todo: 'Nothing was made. Begin again.',
  },
  sign_up_invalid: { title: 'The server did not accept the new account.', todo: reload },
  sign_in_failed: {
    title: 'That did not fit.',
    todo: 'Check what you typed. After several failures the server makes you wait.',
  },
  sign_in_expired: { title: 'Signing in took too long.', todo: 'Begin again.' },
  second_factor_wrong: {
    title: 'That code is wrong, or was used already.',
    todo: 'Wait for the next code of the authenticator app, or use a backup code.',
  },
  locked_out: {
    title: 'Too many failures.',
    todo: 'Your other ways in are not affected, such as a passkey or the recovery key.',
  },
  step_up_needed: { title: 'This needs a fresh proof that it is you.', todo: again },
  account_suspended: { title: 'This account is suspended.', todo: askHost },
  approval_pending: {
    title: 'A host has not approved this account yet.',
    todo: 'Try again when they have.',
  },
  method_required: {
    title: 'You need this way in.',
    todo: 'Add another way to unlock first. The recovery key alone is not enough.',
  },
  passkeys_unavailable: {
    title: 'Passkeys cannot work at this address.',
    todo: 'They need a host name and a secure connection. A password works everywhere.',
  },
  passkey_invalid: { title: 'The server could not check this passkey.', todo: again },
  passkey_refused: {
    title: 'This passkey cannot be added.',
    todo: 'It may belong to your account already, or you may have too many.',
  },
  entry_invalid: { title: 'The server did not accept a signed entry.', todo: reload },
  signature_invalid: { title: 'The server did not accept a signature.', todo: reload },
  log_exists: { title: 'That exists already.' },
  head_moved: { title: 'Another device changed this at the same moment.', todo: again },
  own_chain_broken: {
    title: 'This browser has written elsewhere under the same key.',
    todo: 'Try again. If it stays, sign out, forget this device, and sign in anew.',
  },
  base_stale: {
    title: 'Another device changed the same item.',
    todo: 'Look at what it is now, then try again.',
  },
  basis_unknown: {
    title: 'The server knows less than this device has seen.',
    todo: 'It may have been restored from an older backup. Ask the host.',
  },
  epoch_stale: { title: 'The keys were renewed meanwhile.', todo: again },
  device_unknown: {
    title: 'This device is not, or no longer, part of your account.',
    todo: 'Sign in again to add it.',
  },
  entry_refused: { title: 'The rules do not allow that change.' },
  log_read_only: { title: 'This can only be read at present.', todo: 'Ask the host why.' },
  object_exists: { title: 'The server has an object under this id already.', todo: again },
  object_missing: {
    title: 'A part of it is missing at the server.',
    todo: 'Try again: what is missing is sent anew.',
  },
  object_invalid: { title: 'The server did not accept the sealed bytes.', todo: reload },
  offset_mismatch: {
    title: 'The upload stands elsewhere than expected.',
    todo: 'Try again: it goes on where the server stands.',
  },
  upload_expired: { title: 'The upload lay too long.', todo: 'Upload it again.' },
  over_quota: {
    title: 'Your room on this server is used up.',
    todo: 'Empty the trash, or ask a host for more room. A repository that was removed counts until it is destroyed, which a host can do at once.',
  },
  disk_full: { title: "The server's disk is full.", todo: tellHost },
  range_not_satisfiable: {
    title: 'The server has less of this than expected.',
    todo: 'Try again. If it stays, tell the host.',
  },
  register_moved: { title: 'Another device saved this at the same moment.', todo: again },
  repository_exists: {
    title: 'You have a repository of this name already.',
    todo: 'Choose another name, or bring the old one back if it is in the bin.',
  },
  repository_name_invalid: {
    title: 'A repository cannot have this name.',
    todo: 'It begins with a small letter or a digit; further ones, dots, dashes and underscores may follow. The words that restic keeps for itself, such as "data", are taken.',
  },
  repository_removed: {
    title: 'This repository is in the bin.',
    todo: 'Bring it back first.',
  },
  credentials_full: {
    title: 'This repository has as many credentials as it may.',
    todo: 'Revoke those that no machine uses any more.',
  },
  storage_exists: {
    title: 'There is a storage of this name already.',
    todo: 'Choose another name.',
  },
  storage_in_use: {
    title: 'Repositories lie on this storage.',
    todo: 'It can be forgotten once none is left there.',
  },
  storage_invalid: {
    title: 'These settings do not describe a storage.',
    todo: 'Compare address, bucket and folder with what your provider shows.',
  },
  storage_failed: {
    title: 'The storage cannot be reached, or refused.',
    todo: 'Nothing was changed. Try again; if it stays, tell the host.',
  },
}

const nothingUsed =
  'Nothing of what it sent was used. What you see is what your devices last checked.'
const keysSafe = 'Your keys did not leave this device.'
const tellAndKeep =
  'Tell the host. Until it is explained, do not type your password or recovery key here.'
const tryDevice = 'Try again later, or open it on another device. If it stays, tell the host.'

const integrity: Readonly<Record<string, IntegrityWords>> = {
  sealed_bytes: {
    title: 'Sealed bytes from the server were changed',
    safe: 'They did not open, so nothing false is shown. Your other items are not affected.',
    todo: tryDevice,
  },
  malformed: {
    title: 'The server sent something that is not in the right form',
    safe: nothingUsed,
    todo: 'Load this page again. If it stays, tell the host.',
  },
  object_segment: {
    title: 'A part of a sealed file is missing, doubled or moved',
    safe: 'What had arrived before it was checked. Nothing after it is used.',
    todo: tryDevice,
  },
  object_commitment: {
    title: 'The key of this file is not the one its author sealed it with',
    safe: 'The file was not opened, so that nobody can pass another for it.',
    todo: 'Ask the author to upload it again, and tell the host.',
  },
  log_genesis: {
    title: 'The server answered with another history than the one asked for',
    safe: nothingUsed,
    todo: tellAndKeep,
  },
  log_header: {
    title: 'An entry of the history is not in its place',
    safe: nothingUsed,
    todo: tellAndKeep,
  },
  log_signature: {
    title: 'A change is signed by nobody you know',
    safe: 'The change was refused. What you see was signed by known devices.',
    todo: tellAndKeep,
  },
  log_own_chain: {
    title: 'A change of one device is missing or doubled',
    safe: nothingUsed,
    todo: tellAndKeep,
  },
  log_chain: {
    title: 'The history contradicts what this device saw before',
    safe: nothingUsed,
    todo: tellAndKeep,
  },
  log_receipt: {
    title: 'A receipt is not signed by this server',
    safe: nothingUsed,
    todo: 'Another server may answer in its place. Tell the host, and do not type any secret here.',
  },
  log_facts: {
    title: 'What the server says of a change is not what its author signed',
    safe: nothingUsed,
    todo: tellAndKeep,
  },
  log_body: {
    title: 'The sealed part of a change was altered',
    safe: 'It did not open, so nothing false is shown.',
    todo: tryDevice,
  },
  log_withheld: {
    title: 'The server keeps a part of the history back',
    safe: 'What was checked before stays readable. Nothing is built on what is missing.',
    todo: 'Try again later. If it stays, tell the host.',
  },
  log_stamp: {
    title: 'The times in the history run backwards',
    safe: nothingUsed,
    todo: 'The clock of the server may have jumped. Tell the host.',
  },
  log_rolled_back: {
    title: 'The server shows an older state than this device has seen',
    safe: 'This device goes on from the newer state. Changes of yours may be missing at the server.',
    todo: 'It may have been restored from a backup. Ask the host before you change anything.',
  },
  log_unknown_version: {
    title: 'This was written by a newer version',
    safe: 'Nothing was changed. This version cannot judge it, so it shows nothing of it.',
    todo: 'Load this page again to get the newest version.',
  },
  account_anchor: {
    title: 'This is not the account that your key belongs to',
    safe: `${keysSafe} Nothing was opened.`,
    todo: tellAndKeep,
  },
  account_state: {
    title: 'The list of your ways in and devices was altered',
    safe: `${keysSafe} The altered list was refused.`,
    todo: tellAndKeep,
  },
  account_wrap: {
    title: 'Your sealed account key was altered',
    safe: `${keysSafe} The altered one did not open.`,
    todo: 'Try another way to unlock, such as your recovery key on a device you trust. Tell the host.',
  },
  account_keyring: {
    title: 'Your sealed keys were altered',
    safe: `${keysSafe} The altered ones did not open.`,
    todo: tellAndKeep,
  },
  account_rolled_back: {
    title: 'The server shows an older state of your account',
    safe: `${keysSafe} A device or way in that you removed may look as if it were still there; this device knows better.`,
    todo: 'It may have been restored from a backup. Ask the host before you sign in elsewhere.',
  },
  instance_key: {
    title: 'This is not the server where your account was made',
    safe: `${keysSafe} Nothing was sent to it beyond your attempt to sign in.`,
    todo: 'Check the address. If it is right, ask the host whether the server was set up anew.',
  },
  register: {
    title: 'A saved setting of yours was altered',
    safe: 'It was not used.',
    todo: 'Save it again. If it stays, tell the host.',
  },
  checkpoint: {
    title: 'A summary that speeds up loading was altered',
    safe: 'It was not used. The full history is checked instead, which takes longer.',
    todo: 'Load this page again. If it stays, tell the host.',
  },
  grant: {
    title: 'An access that the server showed you is not real',
    safe: nothingUsed,
    todo: 'Ask the person who shared it, and tell the host.',
  },
}

/** What the worker says of itself. */
const local: Readonly<Record<string, ProblemWords>> = {
  recovery_length: {
    title: 'A recovery key has 36 letters and digits.',
    todo: 'Some are missing.',
  },
  recovery_character: {
    title: 'There is a character that no recovery key has.',
    todo: 'Compare it with your sheet, group by group.',
  },
  recovery_check: {
    title: 'There is a typing mistake in this recovery key.',
    todo: 'Compare it with your sheet, group by group.',
  },
  passkey_prf_absent: {
    title: 'This passkey can sign in, and cannot unlock.',
    todo: 'Its device gives no key to unlock with. Use another passkey, or a password.',
  },
  device_full: {
    title: 'This device has no room for the download.',
    todo: 'Free some space and download it again.',
  },
  passkey_prf_malformed: {
    title: 'What this passkey gave is no key to unlock with.',
    todo: 'Use another passkey, or another way in.',
  },
}

export const text = {
  problems,
  integrity,
  local,
  network: {
    title: 'The server cannot be reached.',
    todo: 'Check your connection. Nothing was lost; try again when it is back.',
  },
  unknown: {
    title: 'Something went wrong on this page.',
    todo: 'Load it again. If it stays, tell the host what you were doing.',
  },
  tryAgain: 'Try again. If it stays, tell the host.',
  wait: (span: string) => `Try again ${span}.`,
  safeTitle: 'What is safe',
  todoTitle: 'What to do',
  code: (code: string) => `For the host: ${code}`,
  retry: 'Try again',
  reload: 'Load the page again',
  boundary: {
    title: 'This page stopped working',
    safe: 'Your files and keys are not affected: what you see here is only a view of them. Changes that were sent are kept.',
    todo: 'Load the page again. You may have to unlock once more.',
  },
  unreachable: {
    title: 'The server cannot be reached',
    safe: 'Your files and keys are where they were.',
    todo: 'Check your connection and the address. If others cannot reach it either, tell the host.',
  },
  areaMissing: {
    title: 'This part of the page could not be loaded',
    safe: 'Your files and keys are where they were.',
    todo: 'The connection may be down, or a newer version is on the server. Load the page again.',
  },
} as const
