import { ByteReader, ByteWriter, type Bytes, IntegrityError } from '@hearthold/crypto'
import { accountEntryKinds } from '../kinds.ts'

/** Sign-in methods; the numbers are in wraps, anchors and the signed state (cryptography.md 8.2). */
export const methodTypes = { password: 1, passkey: 2, recovery: 3, nostr: 4, device: 5 } as const
export type MethodType = (typeof methodTypes)[keyof typeof methodTypes]

/** A sign-in method as the server sees it: public keys and wraps. */
export type Method = {
  readonly type: MethodType
  readonly id: Bytes
  /** X-Wing public key (1,216 bytes) to which the account key is sealed. */
  readonly publicKey: Bytes
  /** HPKE encapsulation (1,120 bytes) and ciphertext (48 bytes) of the account key. */
  readonly wrapEnc: Bytes
  readonly wrapCt: Bytes
  /** The root public key sealed under the method's secret (60 bytes). */
  readonly anchor: Bytes
  /** Ed25519 key that answers sign-in challenges; zeros where the method proves itself otherwise. */
  readonly authKey: Bytes
}

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
  readonly methods: readonly Method[]
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
  readonly version: number
  readonly kemKey: Bytes
  readonly signingKey: Bytes
  readonly rootSignature: Bytes
}
export type AccountFacts = EnrolFacts | StateFacts | PinFacts | RetireFacts | ProfileFacts | IdentityFacts

export const methodLimit = 32
const lengths = { publicKey: 1216, wrapEnc: 1120, wrapCt: 48, anchor: 60 } as const

const writeMethod = (writer: ByteWriter, method: Method): void => {
  writer.u8(method.type).bytes(method.id).bytes(method.publicKey)
  writer.bytes(method.wrapEnc).bytes(method.wrapCt).bytes(method.anchor).bytes(method.authKey)
}

const methodNumbers: readonly number[] = Object.values(methodTypes)

const readMethod = (reader: ByteReader): Method => {
  const type = reader.u8()
  if (!methodNumbers.includes(type)) throw new IntegrityError('malformed', 'Unknown sign-in method.')
  return {
    type: type as MethodType,
    id: copy(reader, 16),
    publicKey: copy(reader, lengths.publicKey),
    wrapEnc: copy(reader, lengths.wrapEnc),
    wrapCt: copy(reader, lengths.wrapCt),
    anchor: copy(reader, lengths.anchor),
    authKey: copy(reader, 32),
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
      return writer
        .u32(facts.version)
        .bytes(facts.kemKey)
        .bytes(facts.signingKey)
        .bytes(facts.rootSignature)
        .finish()
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
    version: reader.u32(),
    kemKey: copy(reader, 1216),
    signingKey: copy(reader, 32),
    rootSignature: copy(reader, 64),
  }),
}

/** Throws IntegrityError('malformed'), and 'log_unknown_version' for a kind this version does not know. */
export const decodeAccountFacts = (kind: number, payload: Uint8Array): AccountFacts => {
  const read = readers[kind]
  if (!read) throw new IntegrityError('log_unknown_version', 'Unknown kind of account entry: update the app.')
  const reader = new ByteReader(payload)
  const facts = read(reader)
  reader.end()
  return facts
}
