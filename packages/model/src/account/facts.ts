import {
  anchorBytes,
  ByteReader,
  type Bytes,
  ByteWriter,
  IntegrityError,
  isMethodType,
  kemPublicKeyBytes,
  type MethodRecord,
  wrappedAccountKeyBytes,
} from '@hearthold/crypto'
import { accountEntryKinds } from '../kinds.ts'

export type EnrolFacts = {
  readonly entry: 'enrol'
  readonly accountId: Bytes
  readonly rootKey: Bytes
  readonly deviceKey: Bytes
  readonly certificate: Bytes
}
export type StateFacts = {
  readonly entry: 'state'
  readonly generation: number
  /** What of each sign-in method is not secret: public keys, wraps and anchors. */
  readonly methods: readonly MethodRecord[]
  readonly rootSignature: Bytes
}
export type PinFacts = { readonly entry: 'pin'; readonly instanceKey: Bytes }
export const retireReasons = { forgotten: 1, revoked: 2 } as const
export type RetireFacts = {
  readonly entry: 'retire'
  readonly device: Bytes
  readonly reason: (typeof retireReasons)[keyof typeof retireReasons]
}
export type ProfileFacts = { readonly entry: 'profile' }
export type IdentityFacts = {
  readonly entry: 'identity'
  /** What others see of the account's identity, as canonical bytes, and the root's signature over them. */
  readonly bytes: Bytes
  readonly signature: Bytes
}
export type AccountFacts =
  | EnrolFacts
  | StateFacts
  | PinFacts
  | RetireFacts
  | ProfileFacts
  | IdentityFacts

export const methodLimit = 32
const identityLimitBytes = 4096

const writeMethod = (writer: ByteWriter, method: MethodRecord): void => {
  writer.u8(method.type).bytes(method.id).bytes(method.publicKey)
  writer.bytes(method.wrap).bytes(method.anchor).bytes(method.authPublicKey)
}

const readMethod = (reader: ByteReader): MethodRecord => {
  const type = reader.u8()
  if (!isMethodType(type)) throw new IntegrityError('malformed', 'Unknown sign-in method.')
  return {
    type,
    id: copy(reader, 16),
    publicKey: copy(reader, kemPublicKeyBytes),
    wrap: copy(reader, wrappedAccountKeyBytes),
    anchor: copy(reader, anchorBytes),
    authPublicKey: copy(reader, 32),
  }
}

/** Views keep facts for long: copies do not hold the whole page in memory. */
const copy = (reader: ByteReader, length: number): Bytes => reader.bytes(length).slice()

/** Payload of an account entry (docs/formats/account-log.md); the salt is put before it by makeFacts. */
export const encodeAccountFacts = (facts: AccountFacts): Bytes => {
  const writer = new ByteWriter(256)
  switch (facts.entry) {
    case 'enrol':
      return writer
        .bytes(facts.accountId)
        .bytes(facts.rootKey)
        .bytes(facts.deviceKey)
        .bytes(facts.certificate)
        .finish()
    case 'state':
      writer.u32(facts.generation).u8(facts.methods.length)
      for (const method of facts.methods) writeMethod(writer, method)
      return writer.bytes(facts.rootSignature).finish()
    case 'pin':
      return writer.bytes(facts.instanceKey).finish()
    case 'retire':
      return writer.bytes(facts.device).u8(facts.reason).finish()
    case 'profile':
      return writer.finish()
    case 'identity':
      return writer.sized(facts.bytes).bytes(facts.signature).finish()
  }
}

const readState = (reader: ByteReader): StateFacts => {
  const generation = reader.u32()
  const count = reader.u8()
  if (count > methodLimit) throw new IntegrityError('malformed', 'Too many sign-in methods.')
  const methods = Array.from({ length: count }, () => readMethod(reader))
  return { entry: 'state', generation, methods, rootSignature: copy(reader, 64) }
}

const readRetire = (reader: ByteReader): RetireFacts => {
  const device = copy(reader, 16)
  const reason = reader.u8()
  if (reason !== retireReasons.forgotten && reason !== retireReasons.revoked) {
    throw new IntegrityError('malformed', 'Unknown reason to retire a device.')
  }
  return { entry: 'retire', device, reason }
}

const readers: Record<number, (reader: ByteReader) => AccountFacts> = {
  [accountEntryKinds.enrol]: (reader) => ({
    entry: 'enrol',
    accountId: copy(reader, 16),
    rootKey: copy(reader, 32),
    deviceKey: copy(reader, 32),
    certificate: copy(reader, 64),
  }),
  [accountEntryKinds.state]: readState,
  [accountEntryKinds.pin]: (reader) => ({ entry: 'pin', instanceKey: copy(reader, 32) }),
  [accountEntryKinds.retire]: readRetire,
  [accountEntryKinds.profile]: () => ({ entry: 'profile' }),
  [accountEntryKinds.identity]: (reader) => ({
    entry: 'identity',
    bytes: reader.sized(identityLimitBytes).slice(),
    signature: copy(reader, 64),
  }),
}

/** Throws IntegrityError('malformed'), and 'log_unknown_version' for a kind this version does not know. */
export const decodeAccountFacts = (kind: number, payload: Uint8Array): AccountFacts => {
  const read = readers[kind]
  if (!read)
    throw new IntegrityError(
      'log_unknown_version',
      'Unknown kind of account entry: update the app.',
    )
  const reader = new ByteReader(payload)
  const facts = read(reader)
  reader.end()
  return facts
}
