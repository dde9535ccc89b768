import {
  ByteReader,
  ByteWriter,
  fromHex,
  IntegrityError,
  sealedLogKeyBytes,
  toHex,
} from '@hearthold/crypto'
import { shareEntryKinds } from '../kinds.ts'
import type { Attributes } from './attributes.ts'

/**
 * One change of a share's tree, in the clear part: node ids, parents, object references and stored sizes.
 * `base` is the number of the newest entry about the node that the author knew. Ids in hex.
 */
export type Change =
  | { readonly op: 'add-folder'; readonly node: string; readonly parent: string }
  | { readonly op: 'add-link'; readonly node: string; readonly parent: string }
  | {
      readonly op: 'add-file'
      readonly node: string
      readonly parent: string
      readonly object: string
      readonly sizeBytes: number
    }
  | {
      readonly op: 'write'
      readonly node: string
      readonly base: number
      readonly object: string
      readonly sizeBytes: number
    }
  | { readonly op: 'move'; readonly node: string; readonly base: number; readonly parent: string }
  | { readonly op: 'describe'; readonly node: string; readonly base: number }
  | { readonly op: 'trash'; readonly node: string; readonly base: number }
  | {
      readonly op: 'restore'
      readonly node: string
      readonly base: number
      readonly parent: string
    }
  | { readonly op: 'erase'; readonly node: string; readonly base: number }

export type ChangeOp = Change['op']

const opNumbers = {
  'add-folder': 1,
  'add-link': 2,
  'add-file': 3,
  write: 4,
  move: 5,
  describe: 6,
  trash: 7,
  restore: 8,
  erase: 9,
} as const satisfies Record<ChangeOp, number>
const opNames = new Map(
  Object.entries(opNumbers).map(([name, number]) => [number as number, name as ChangeOp]),
)

/** Opens an epoch: the log's new key, sealed under the member's files domain key of that version. */
export type EpochFacts = {
  readonly epoch: number
  readonly domainKeyVersion: number
  readonly sealedLogKey: Uint8Array
}

export type ShareFacts =
  | ({
      readonly entry: 'found'
      /** The share's name, from the opened body; absent at the server. */
      readonly attributes?: readonly (Attributes | undefined)[]
    } & EpochFacts)
  | ({ readonly entry: 'fence' } & EpochFacts)
  | {
      readonly entry: 'change'
      readonly changes: readonly Change[]
      /** From the opened body, by index; absent at the server. */
      readonly attributes?: readonly (Attributes | undefined)[]
    }
  | { readonly entry: 'describe'; readonly attributes?: readonly (Attributes | undefined)[] }

export const changeLimit = 1000

const writeChange = (writer: ByteWriter, change: Change): void => {
  writer.u8(opNumbers[change.op]).bytes(fromHex(change.node))
  if ('base' in change) writer.u64(change.base)
  if ('parent' in change) writer.bytes(fromHex(change.parent))
  if ('object' in change) writer.bytes(fromHex(change.object)).u64(change.sizeBytes)
}

const readChange = (reader: ByteReader): Change => {
  const op = opNames.get(reader.u8())
  if (!op)
    throw new IntegrityError('log_unknown_version', 'Unknown change of a share: update the app.')
  const id = (): string => toHex(reader.bytes(16))
  const node = id()
  switch (op) {
    case 'add-folder':
    case 'add-link':
      return { op, node, parent: id() }
    case 'add-file':
      return { op, node, parent: id(), object: id(), sizeBytes: reader.u64() }
    case 'write':
      return { op, node, base: reader.u64(), object: id(), sizeBytes: reader.u64() }
    case 'move':
    case 'restore':
      return { op, node, base: reader.u64(), parent: id() }
    case 'describe':
    case 'trash':
    case 'erase':
      return { op, node, base: reader.u64() }
  }
}

/** Payload of a share entry (docs/formats/share-log.md). Throws RangeError above 1,000 changes. */
export const encodeShareFacts = (facts: ShareFacts): Uint8Array<ArrayBuffer> => {
  const writer = new ByteWriter(1024)
  switch (facts.entry) {
    case 'found':
    case 'fence':
      return writer.u32(facts.epoch).u32(facts.domainKeyVersion).bytes(facts.sealedLogKey).finish()
    case 'change':
      if (facts.changes.length > changeLimit)
        throw new RangeError('more than 1,000 changes in one entry')
      writer.u16(facts.changes.length)
      for (const change of facts.changes) writeChange(writer, change)
      return writer.finish()
    case 'describe':
      return writer.finish()
  }
}

const readEpoch = (reader: ByteReader): EpochFacts => ({
  epoch: reader.u32(),
  domainKeyVersion: reader.u32(),
  sealedLogKey: reader.bytes(sealedLogKeyBytes).slice(),
})

const readChanges = (reader: ByteReader): Change[] => {
  const count = reader.u16()
  if (count > changeLimit)
    throw new IntegrityError('malformed', 'More than 1,000 changes in one entry.')
  return Array.from({ length: count }, () => readChange(reader))
}

/** Throws IntegrityError('malformed'), and 'log_unknown_version' for kinds and changes of newer versions. */
export const decodeShareFacts = (kind: number, payload: Uint8Array): ShareFacts => {
  const reader = new ByteReader(payload)
  const facts = readFacts(kind, reader)
  reader.end()
  return facts
}

const readFacts = (kind: number, reader: ByteReader): ShareFacts => {
  switch (kind) {
    case shareEntryKinds.found:
      return { entry: 'found', ...readEpoch(reader) }
    case shareEntryKinds.fence:
      return { entry: 'fence', ...readEpoch(reader) }
    case shareEntryKinds.change:
      return { entry: 'change', changes: readChanges(reader) }
    case shareEntryKinds.describe:
      return { entry: 'describe' }
    default:
      throw new IntegrityError(
        'log_unknown_version',
        'Unknown kind of share entry: update the app.',
      )
  }
}
