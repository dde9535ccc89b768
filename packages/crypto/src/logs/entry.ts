import { ByteReader, ByteWriter } from '../byte-io.ts'
import { type Bytes, concat, randomBytes } from '../bytes.ts'
import { sha256 } from '../hash.ts'
import { IntegrityError } from '../integrity-error.ts'
import { sign, verifySignature } from '../signature.ts'
import { decodeHeader, encodeHeader, type Header, headerBytes } from './header.ts'

/** Limits of one entry: facts of 1,000 changes fit well, bodies with their sealed names too. */
export const factsLimitBytes = 256 * 1024
export const bodyLimitBytes = 1024 * 1024

/** An entry as its author made it. `facts` or `body` is undefined where it was erased or withheld. */
export type SignedEntry = {
  readonly header: Header
  readonly headerBytes: Bytes
  readonly signature: Bytes
  readonly facts: Bytes | undefined
  readonly body: Bytes | undefined
}

/** The server's part: number, time, and the governing log's number at which rights were judged. */
export type Stamp = { readonly seq: number; readonly at: number; readonly gov: number }
export type StampedEntry = SignedEntry & Stamp

const entryLabel = 'hearthold/v1/entry'
export const factsSaltBytes = 16

/** Facts on the wire: a random salt, so that their hash reveals nothing once they are erased, then the payload. */
export const makeFacts = (payload: Uint8Array): Bytes =>
  concat(randomBytes(factsSaltBytes), payload)

/** The payload after the salt; throws IntegrityError('malformed') when shorter than the salt. */
export const factsPayload = (facts: Uint8Array): Bytes => {
  if (facts.length < factsSaltBytes)
    throw new IntegrityError('malformed', 'Facts shorter than their salt.')
  return facts.subarray(factsSaltBytes) as Bytes
}

/** Hashes facts and body into the header and signs it with the author's device seed. */
export const signEntry = async (
  fields: Omit<Header, 'factsHash' | 'bodyHash'>,
  facts: Bytes,
  body: Bytes,
  deviceSeed: Uint8Array,
): Promise<SignedEntry> => {
  const header: Header = { ...fields, factsHash: sha256(facts), bodyHash: sha256(body) }
  const bytes = encodeHeader(header)
  const signature = await sign(deviceSeed, entryLabel, bytes)
  return { header, headerBytes: bytes, signature, facts, body }
}

/** Strict check of the author's signature against the device's public key. */
export const verifyEntrySignature = (
  entry: SignedEntry,
  devicePublicKey: Uint8Array,
): Promise<boolean> =>
  verifySignature(devicePublicKey, entry.signature, entryLabel, entry.headerBytes)

/** The hash that the device's next header names as `ownPrev`, and that the chain runs over. */
export const headerHash = (entry: SignedEntry): Bytes => sha256(entry.headerBytes)

const hasFacts = 1
const hasBody = 2

/** Length of encodeEntry. */
const entryBytes = ({ facts, body }: SignedEntry): number =>
  headerBytes + 65 + (facts ? 4 + facts.length : 0) + (body ? 4 + body.length : 0)

const writeEntry = (writer: ByteWriter, entry: SignedEntry): Bytes => {
  writer
    .bytes(entry.headerBytes)
    .bytes(entry.signature)
    .u8((entry.facts ? hasFacts : 0) | (entry.body ? hasBody : 0))
  if (entry.facts) writer.sized(entry.facts)
  if (entry.body) writer.sized(entry.body)
  return writer.finish()
}

export const encodeEntry = (entry: SignedEntry): Bytes =>
  writeEntry(new ByteWriter(entryBytes(entry)), entry)

const readEntry = (reader: ByteReader): SignedEntry => {
  const bytes = reader.bytes(headerBytes)
  const header = decodeHeader(bytes)
  const signature = reader.bytes(64)
  const parts = reader.u8()
  if (parts > 3) throw new IntegrityError('malformed', 'Unknown entry parts.')
  const facts = parts & hasFacts ? reader.sized(factsLimitBytes) : undefined
  const body = parts & hasBody ? reader.sized(bodyLimitBytes) : undefined
  reader.end()
  return { header, headerBytes: bytes, signature, facts, body }
}

/** Reads what encodeEntry wrote; throws IntegrityError('malformed'). Fields are views on `bytes`. */
export const decodeEntry = (bytes: Uint8Array): SignedEntry => readEntry(new ByteReader(bytes))

export const encodeStampedEntry = (entry: StampedEntry): Bytes => {
  const writer = new ByteWriter(24 + entryBytes(entry))
  return writeEntry(writer.u64(entry.seq).u64(entry.at).u64(entry.gov), entry)
}

export const decodeStampedEntry = (bytes: Uint8Array): StampedEntry => {
  const reader = new ByteReader(bytes)
  const stamp = { seq: reader.u64(), at: reader.u64(), gov: reader.u64() }
  return { ...readEntry(reader), ...stamp }
}
