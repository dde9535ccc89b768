import { findName, quoteBytes } from './names.ts'
import type { ResticKind, ResticNode } from './node.ts'
import { ResticError, shortId, type ResticProblem } from './restic-error.ts'
import { findTime } from './times.ts'
import { countOf, findText, isId, isRecord, readBase64, textOf } from './values.ts'

const kinds: Readonly<Record<string, ResticKind>> = {
  file: 'file',
  dir: 'folder',
  symlink: 'link',
  dev: 'device',
  chardev: 'char_device',
  fifo: 'fifo',
  socket: 'socket',
  irregular: 'irregular',
}

// Bits of Go's FileMode that stat has elsewhere.
const [setUser, setGroup, sticky] = [2 ** 23, 2 ** 22, 2 ** 20]

const modeOf = (value: unknown): number => {
  const bits = countOf(value) ?? 0
  return (
    (bits & 0o777) |
    (bits & setUser ? 0o4000 : 0) |
    (bits & setGroup ? 0o2000 : 0) |
    (bits & sticky ? 0o1000 : 0)
  )
}

/**
 * Numbers of 16 digits and more as texts: JavaScript's lose digits beyond 2^53. A quotation mark within a JSON string
 * has a backslash before it, and the one that ends a name here has none, so that this finds names of members alone.
 */
const keepLargeNumbers = (json: string): string =>
  json.replace(/"(inode|device_id|device|links|size)":\s*(\d{16,20})(?=\s*[,}])/g, '"$1":"$2"')

/** A count that may be beyond 2^53, in decimal; undefined for 0, as Go leaves it out. */
const decimalOf = (value: unknown): string | undefined => {
  if (typeof value === 'string') return /^\d{1,20}$/.test(value) ? value : undefined
  const count = countOf(value)
  return count === undefined || count === 0 ? undefined : String(count)
}

const attributesOf = (value: unknown): Pick<ResticNode, 'extendedAttributes'> => {
  if (!Array.isArray(value) || value.length === 0) return {}
  const extendedAttributes = value.flatMap((one) =>
    isRecord(one) && typeof one['name'] === 'string'
      ? [{ name: one['name'], value: textOf(one['value']) ?? '' }]
      : [],
  )
  return { extendedAttributes }
}

const targetOf = (value: Record<string, unknown>): Pick<ResticNode, 'target' | 'targetBytes'> => {
  const raw = readBase64(value['linktarget_raw'])
  if (!raw) return { target: textOf(value['linktarget'])?.toWellFormed() ?? '' }
  const text = findText(raw)
  return text === undefined ? { target: quoteBytes(raw), targetBytes: raw } : { target: text }
}

/** What only one kind of node has. Undefined where it is missing. */
const partsOf = (
  kind: ResticKind,
  value: Record<string, unknown>,
): Partial<ResticNode> | undefined => {
  if (kind === 'folder') {
    const { subtree } = value
    return isId(subtree) ? { subtree } : undefined
  }
  if (kind === 'link') return targetOf(value)
  if (kind === 'device' || kind === 'char_device')
    return { device: decimalOf(value['device']) ?? '0' }
  if (kind !== 'file') return {}
  const content = value['content'] ?? []
  return Array.isArray(content) && content.every(isId) ? { content } : undefined
}

const parseNode = (value: unknown): ResticNode | 'damaged' | 'name' => {
  if (!isRecord(value) || typeof value['name'] !== 'string') return 'damaged'
  const name = findName(value['name'])
  if (!name) return 'name'
  const type = textOf(value['type']) ?? ''
  const kind = Object.hasOwn(kinds, type) ? (kinds[type] ?? 'unknown') : 'unknown'
  const parts = partsOf(kind, value)
  const size = value['size'] ?? 0
  const sizeBytes = kind === 'file' ? countOf(size) : 0
  if (!parts || sizeBytes === undefined) return 'damaged'
  const error = textOf(value['error'])
  const generic = value['generic_attributes']
  return {
    ...name,
    kind,
    mode: modeOf(value['mode']),
    sizeBytes,
    modified: findTime(value['mtime']),
    accessed: findTime(value['atime']),
    changed: findTime(value['ctime']),
    uid: countOf(value['uid']) ?? 0,
    gid: countOf(value['gid']) ?? 0,
    user: textOf(value['user']),
    group: textOf(value['group']),
    inode: decimalOf(value['inode']),
    deviceId: decimalOf(value['device_id']),
    links: Number(decimalOf(value['links']) ?? 0),
    ...parts,
    ...attributesOf(value['extended_attributes']),
    ...(isRecord(generic) ? { genericAttributes: generic } : {}),
    ...(error === undefined ? {} : { error }),
  }
}

export type ParsedTree = {
  readonly nodes: readonly ResticNode[]
  /** Entries that cannot be used. */
  readonly problems: readonly ResticProblem[]
}

const reasons = {
  damaged: ['damaged', 'An entry of the folder is of no form that restic writes.'],
  name: ['name_refused', 'An entry of the folder has a name that no file can have.'],
} as const

/** The entries of a tree, in its order. Throws `damaged` where it is none. `what` names it in problems. */
export const parseTree = (id: string, bytes: Uint8Array, what: string): ParsedTree => {
  const damaged = () =>
    new ResticError('damaged', `The tree ${shortId(id)} is of no form that restic writes.`)
  const text = findText(bytes)
  let value: unknown
  try {
    value = text === undefined ? undefined : JSON.parse(keepLargeNumbers(text))
  } catch {
    throw damaged()
  }
  const list = isRecord(value) ? (value['nodes'] ?? []) : undefined
  if (!Array.isArray(list)) throw damaged()
  const nodes: ResticNode[] = []
  const problems: ResticProblem[] = []
  for (const one of list) {
    const node = parseNode(one)
    if (typeof node !== 'string') nodes.push(node)
    else {
      const [code, message] = reasons[node]
      problems.push({ object: what, code, message })
    }
  }
  return { nodes, problems }
}
