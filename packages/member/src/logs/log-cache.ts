/**
 * Verified states of logs kept on this device, so that a run need not replay from the first entry. What is kept is
 * sealed under a key of the keyring: a lost disk tells nothing, and nobody but the member can plant a state.
 */
import {
  ByteReader,
  ByteWriter,
  type Bytes,
  decodeGenesis,
  encodeGenesis,
  equalBytes,
  fromHex,
  type Genesis,
  genesisBytes,
  hkdf,
  IntegrityError,
  type LogPosition,
  lp,
  open,
  type OwnHead,
  seal,
  toHex,
  utf8,
} from '@hearthold/crypto'
import { decodeShareView, encodeShareView, type ShareView } from '@hearthold/model'

/** Where sealed states lie; `log` is a log id in hex. Losing them costs a replay and nothing else. */
export type LogCache = {
  load(log: string): Promise<Uint8Array | undefined>
  save(log: string, sealed: Uint8Array): Promise<void>
}

/** A verified state: enough to go on from there. */
export type CachedShare = {
  readonly genesis: Genesis
  readonly position: LogPosition
  readonly view: ShareView
}

const label = 'hearthold/v1/log-cache'
const magic = utf8('hhc1')
const columnLimitBytes = 1024 * 1024 * 1024

const cacheKey = (domainKey: Uint8Array, log: Uint8Array): Bytes =>
  hkdf(domainKey, log, utf8(label))

const writePosition = (writer: ByteWriter, position: LogPosition): void => {
  writer.u64(position.seq).bytes(position.chain).u64(position.at).u64(position.gov)
  writer.u32(position.own.size)
  for (const [device, head] of position.own) {
    writer.bytes(fromHex(device)).u64(head.own).bytes(head.headerHash)
  }
}

const readPosition = (reader: ByteReader): LogPosition => {
  const seq = reader.u64()
  const chain = reader.bytes(32).slice()
  const at = reader.u64()
  const gov = reader.u64()
  const own = new Map<string, OwnHead>()
  const count = reader.u32()
  for (let i = 0; i < count; i++) {
    const device = toHex(reader.bytes(16))
    own.set(device, { own: reader.u64(), headerHash: reader.bytes(32).slice() })
  }
  return { seq, chain, at, gov, own }
}

/** Seals a share's verified state under a domain key. */
export const sealCachedShare = async (
  domainKey: Uint8Array,
  log: Uint8Array,
  { genesis, position, view }: CachedShare,
): Promise<Bytes> => {
  const { tree, keys } = encodeShareView(view)
  const writer = new ByteWriter(tree.length + keys.length + 1024).bytes(magic)
  writer.bytes(encodeGenesis(genesis))
  writePosition(writer, position)
  return seal(cacheKey(domainKey, log), writer.sized(tree).sized(keys).finish(), lp(label, log))
}

/** Opens what sealCachedShare made; IntegrityError('sealed_bytes' or 'malformed'): throw it away and replay. */
export const openCachedShare = async (
  domainKey: Uint8Array,
  log: Uint8Array,
  sealed: Uint8Array,
): Promise<CachedShare> => {
  const reader = new ByteReader(await open(cacheKey(domainKey, log), sealed, lp(label, log)))
  if (!equalBytes(reader.bytes(4), magic)) {
    throw new IntegrityError('malformed', 'Not a kept state of a log.')
  }
  const genesis = decodeGenesis(reader.bytes(genesisBytes))
  const position = readPosition(reader)
  const tree = reader.sized(columnLimitBytes)
  const keys = reader.sized(columnLimitBytes)
  reader.end()
  return { genesis, position, view: decodeShareView({ tree, keys }) }
}
