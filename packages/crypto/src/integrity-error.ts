/** Why received bytes were refused. Stable: screens, the CLI and the hostile-server tests name them. */
export type IntegrityCode =
  | 'sealed_bytes' // an AEAD tag did not verify
  | 'malformed' // bytes that are not in the format they claim
  | 'object_segment' // segment missing, doubled, moved or cut
  | 'object_commitment' // the key is not the one the author committed to
  | 'log_genesis' // the genesis does not hash to the log id, or is not the expected one
  | 'log_header' // header fields contradict their place (log, own-chain, versions)
  | 'log_signature' // an entry's signature or a device's certificate
  | 'log_own_chain' // a device's entry is missing, doubled or out of order
  | 'log_chain' // the chain does not lead to the receipt, or contradicts what was seen
  | 'log_receipt' // the server's signature over a head
  | 'log_facts' // facts do not match their hash
  | 'log_body' // body does not match its hash or does not open
  | 'log_withheld' // facts or body missing without a signed erasure
  | 'log_stamp' // times or governing numbers went backwards or below the basis
  | 'log_rolled_back' // shorter than, or different from, what this device has seen
  | 'log_unknown_version' // rules or kinds newer than this app
  | 'account_anchor'
  | 'account_state'
  | 'account_wrap'
  | 'account_keyring'
  | 'account_rolled_back'
  | 'instance_key' // not the instance this account was made at
  | 'register'
  | 'checkpoint'
  | 'grant'

/** Received bytes failed a check; nothing of them may be used. Carries no input. */
export class IntegrityError extends Error {
  readonly code: IntegrityCode

  constructor(code: IntegrityCode, message: string, options?: { cause?: unknown }) {
    super(message, options)
    this.name = 'IntegrityError'
    this.code = code
  }
}
