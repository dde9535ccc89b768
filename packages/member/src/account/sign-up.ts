/** Making an account: all keys are made here, on the member's device; the server gets only what is sealed or public. */
import {
  type AnswerOf,
  finishSetUp,
  finishSignUp,
  getInstance,
  ProblemError,
  startSetUp,
  startSignUp,
} from '@hearthold/contract'
import {
  accountLogSalt,
  type Bytes,
  createKeyring,
  decodeReceipts,
  encodeAppend,
  equalBytes,
  formatRecoveryKey,
  fromB64,
  fromHex,
  generateRecoverySecret,
  generateSigningSeed,
  type Genesis,
  genesisHash,
  IntegrityError,
  logIdOf,
  methodType,
  noLog,
  noPlace,
  randomBytes,
  randomId,
  recoveryLocator,
  type SignedEntry,
  signingPublicKey,
  toB64,
  toHex,
  verifyReceipt,
} from '@hearthold/crypto'
import { accountRules, logKinds } from '@hearthold/model'
import { type DeviceKey, signDrafts } from '../logs/log-entries.ts'
import { type MemberContext, nowOf } from '../member-context.ts'
import {
  enrolDraft,
  identityDraft,
  pinDraft,
  profileDraft,
  stateDraft,
  type StateKeys,
} from './account-entries.ts'
import { newMethod } from './method-records.ts'
import {
  beginWay,
  type FinishWay,
  type SignUpWay,
  type WayMet,
  type WayUnderWay,
} from './sign-up-way.ts'
import { deviceKeyOf, type MethodSecret } from './unlock.ts'

/** What lets somebody sign up. */
export type SignUpPass =
  | { readonly setUpToken: string; readonly instanceName: string }
  | { readonly invitation: string }
  /** Where registration is open, or a host approves afterwards (`getInstance` says which). */
  | { readonly open: true }

export type CreateAccountOptions = {
  readonly pass: SignUpPass
  readonly name: string
  /** What signs in and unlocks besides the recovery key. */
  readonly way: SignUpWay
  /** What people are shown for the account; sealed. The sign-in name where absent. */
  readonly displayName?: string
  /** What other devices of the member show for this one; sealed. */
  readonly deviceLabel: string
  /** This device's seed where it has one already; a new one is made otherwise. */
  readonly deviceSeed?: Bytes
  /** Also make a device method, so that this device unlocks by itself. */
  readonly deviceMethod?: boolean
  /** Gets the recovery key's text and resolves once it is safely kept: only then the account is made. */
  readonly keepRecoveryKey: (text: string) => Promise<void>
  readonly transport: 'bearer' | 'cookie'
  readonly staySignedIn?: boolean
  readonly signal?: AbortSignal
}

/** The first session; none where a host must let the account in first. */
export type FirstEntry =
  | {
      readonly session: string
      readonly expiresAt: number
      /** Bearer token; absent where a cookie carries the session. */
      readonly token: string | undefined
      readonly waitsUntil: undefined
    }
  | {
      readonly session: undefined
      readonly expiresAt: undefined
      readonly token: undefined
      /** Until then (ms since 1970) a host may approve; signing in answers `approval_pending` before. */
      readonly waitsUntil: number
    }

export type CreatedAccount = FirstEntry & {
  /** Account id and account log id in hex. */
  readonly account: string
  readonly log: string
  readonly role: 'host' | 'member' | 'guest'
  /** None for a passkey. */
  readonly backupCodes: readonly string[]
  /** To be remembered for this server from now on, hex. */
  readonly instanceKey: string
  readonly device: DeviceKey
  /** Unlocks the new account: the device method where one was made, else the password or passkey. */
  readonly unlockBy: Required<MethodSecret>
}

type Started = AnswerOf<typeof startSignUp>

const invitationOf = (pass: { invitation: string } | { open: true }): { invitation?: string } =>
  'invitation' in pass ? { invitation: pass.invitation } : {}

const entryOf = (finished: AnswerOf<typeof finishSignUp>): FirstEntry => {
  if ('waitsUntil' in finished) {
    const { waitsUntil } = finished
    return { session: undefined, expiresAt: undefined, token: undefined, waitsUntil }
  }
  const { session, expiresAt, token } = finished
  return { session, expiresAt, token, waitsUntil: undefined }
}

const start = (
  { client }: MemberContext,
  { pass, name, signal }: CreateAccountOptions,
  account: string,
  way: WayUnderWay['asked'],
): Promise<Started> => {
  const common = { name, account, way }
  return 'setUpToken' in pass
    ? client.call(startSetUp, { body: { token: pass.setUpToken, ...common }, signal })
    : client.call(startSignUp, { body: { ...invitationOf(pass), ...common }, signal })
}

/** The key must be the same in all that the server says of itself, and the one remembered, if any is. */
const checkInstanceKey = async (
  context: MemberContext,
  { pass }: CreateAccountOptions,
  started: Started,
): Promise<void> => {
  const keys = new Set([started.instanceKey])
  if (context.instanceKey !== undefined) keys.add(context.instanceKey)
  // Before it is set up, an instance says nothing of itself.
  if (!('setUpToken' in pass)) keys.add((await context.client.call(getInstance)).instanceKey)
  if (keys.size !== 1) {
    throw new IntegrityError('instance_key', 'The server names another key than it did before.')
  }
}

type NewAccount = {
  readonly keys: StateKeys
  readonly device: DeviceKey
  readonly recoverySecret: Bytes
  readonly unlockBy: Required<MethodSecret>
  readonly genesis: Genesis
  readonly logBytes: Bytes
  readonly entries: readonly SignedEntry[]
}

/** Order fixed by the formats: enrol 1, state 2, pin 3, identity 4, profile 5 (docs/formats/account-log.md). */
const stateCounter = 2
const firstEntries = 5

const makeKeys = (account: Bytes): StateKeys => ({
  account,
  accountKey: randomBytes(32),
  generation: 1,
  keyring: createKeyring(),
})

const makeAccount = async (
  context: MemberContext,
  options: CreateAccountOptions,
  made: { account: Bytes; method: Required<MethodSecret>; instanceKey: Bytes },
): Promise<NewAccount> => {
  const keys = makeKeys(made.account)
  const { keyring } = keys
  const rootKey = signingPublicKey(keyring.rootSeed)
  const device = deviceKeyOf(options.deviceSeed ?? generateSigningSeed())
  const recoverySecret = generateRecoverySecret()
  const byDevice = { type: methodType.device, id: fromHex(device.id), secret: randomBytes(32) }
  const methods = [
    await newMethod(keys, made.method),
    await newMethod(keys, { type: methodType.recovery, id: randomId(), secret: recoverySecret }),
    ...(options.deviceMethod ? [await newMethod(keys, byDevice)] : []),
  ]
  const genesis: Genesis = {
    kind: logKinds.account,
    rules: accountRules.version,
    founder: noLog,
    governing: noLog,
    salt: accountLogSalt(made.account, rootKey, device.publicKey),
  }
  const chain = genesisHash(genesis)
  const logBytes = logIdOf(chain)
  const drafts = [
    await enrolDraft(
      { account: made.account, keyring, rootKey },
      { publicKey: device.publicKey, label: options.deviceLabel },
    ),
    await stateDraft(keys, methods, stateCounter),
    pinDraft(keyring, made.instanceKey),
    await identityDraft({ account: made.account, keyring }),
    profileDraft(keyring, options.displayName ?? options.name),
  ]
  const place = {
    log: logBytes,
    rules: accountRules.version,
    strict: accountRules.strict,
    position: { seq: 0, chain, at: 0, gov: 0, own: new Map() },
    author: logBytes,
    device,
    basis: noPlace,
    clock: nowOf(context),
  }
  const entries = await signDrafts(place, drafts)
  const unlockBy = options.deviceMethod ? byDevice : made.method
  return { keys, device, recoverySecret, unlockBy, genesis, logBytes, entries }
}

const checkReceipts = async (encoded: string, made: NewAccount, instanceKey: Bytes) => {
  const [receipt, ...others] = decodeReceipts(fromB64(encoded))
  if (!receipt || others.length > 0 || !equalBytes(receipt.log, made.logBytes)) {
    throw new IntegrityError('log_receipt', 'The server gave no receipt for the new account.')
  }
  await verifyReceipt(receipt, instanceKey)
  if (receipt.seq !== firstEntries) {
    throw new IntegrityError('log_receipt', 'The receipt counts other entries than were sent.')
  }
  return receipt
}

/**
 * Makes an account, by the set-up token, an invitation or open registration. Nothing exists at the server before the recovery key is
 * kept, the authenticator app has shown a code or the passkey was made, and the last call was answered; a failure before
 * that leaves nothing there (a passkey that was made stays on its authenticator). Throws RangeError for a bad password
 * or label, PasskeyPrfError for a passkey that could not unlock, ProblemError as the endpoints list them,
 * IntegrityError where the server contradicts itself. Call `unlock` with the result once the client carries the token;
 * where the account waits for a host (`waitsUntil`) there is none yet, and signing in is for later.
 */
export const createAccount = async (
  context: MemberContext,
  options: CreateAccountOptions,
): Promise<CreatedAccount> => {
  const way = await beginWay(options.way)
  const account = randomId()
  const accountId = toHex(account)
  const started = await start(context, options, accountId, way.asked)
  await checkInstanceKey(context, options, started)
  const met = await way.meet(accountId, started.way)
  const instanceKey = fromHex(started.instanceKey)
  const made = await makeAccount(context, options, { account, method: met.method, instanceKey })
  await options.keepRecoveryKey(formatRecoveryKey(made.recoverySecret))
  const finished = await finishProven(context, options, made, { signUp: started.signUp, met })
  const receipt = await checkReceipts(finished.receipts, made, instanceKey)
  const log = toHex(made.logBytes)
  if (finished.account !== accountId || finished.log !== log) {
    throw new IntegrityError('account_state', 'The server made another account than the one sent.')
  }
  // The first reading of the log is held against this: its chain covers every entry and stamp.
  await context.heads.put(log, { seq: receipt.seq, chain: toHex(receipt.chain), at: receipt.at })
  return {
    account: accountId,
    log,
    ...entryOf(finished),
    role: started.role,
    backupCodes: finished.backupCodes,
    instanceKey: started.instanceKey,
    device: made.device,
    unlockBy: made.unlockBy,
  }
}

/** The server counts wrong codes and locks the sign-up by itself; this is only where asking ends. */
const codeAttempts = 5

const finishProven = async (
  context: MemberContext,
  options: CreateAccountOptions,
  made: NewAccount,
  { signUp, met }: { signUp: string; met: WayMet },
) => {
  let way = await met.prove(made.keys.keyring)
  for (let attempt = 1; ; attempt++) {
    try {
      return await finish(context, options, made, { signUp, way })
    } catch (error) {
      const wrong = error instanceof ProblemError && error.code === 'second_factor_wrong'
      if (!wrong || !met.proveAgain || attempt >= codeAttempts) throw error
      way = await met.proveAgain()
    }
  }
}

const finish = (
  { client }: MemberContext,
  { pass, transport, staySignedIn, signal }: CreateAccountOptions,
  made: NewAccount,
  proof: { signUp: string; way: FinishWay },
) => {
  const append = encodeAppend([
    { log: made.logBytes, genesis: made.genesis, entries: made.entries },
  ])
  const common = {
    ...proof,
    append: toB64(append),
    recoveryLocator: toHex(recoveryLocator(made.recoverySecret)),
    transport,
    ...(staySignedIn === undefined ? {} : { staySignedIn }),
  }
  return 'setUpToken' in pass
    ? client.call(finishSetUp, {
        body: { token: pass.setUpToken, instanceName: pass.instanceName, ...common },
        signal,
      })
    : client.call(finishSignUp, { body: { ...invitationOf(pass), ...common }, signal })
}
