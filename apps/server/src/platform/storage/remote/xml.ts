import { XMLParser } from 'fast-xml-parser'
import { StorageError } from '../storage.ts'

/** An element without attributes: text, or its children by name, several of one name as a list. */
export type XmlNode = string | XmlChildren | readonly XmlNode[]
type XmlChildren = { readonly [name: string]: XmlNode }

const parser = new XMLParser({
  ignoreAttributes: true,
  removeNSPrefix: true,
  parseTagValue: false,
  processEntities: false,
  ignoreDeclaration: true,
  ignorePiTags: true,
})

export const unreadable = (cause?: unknown): StorageError =>
  new StorageError('unavailable', 'The storage answered something that cannot be read.', { cause })

/**
 * Reads an answer whose length was limited before. Namespaces are dropped, and what declares entities is refused.
 * @throws StorageError `unavailable`
 */
export const parseXml = (text: string): XmlNode => {
  if (/<!(?:DOCTYPE|ENTITY)/i.test(text)) throw unreadable()
  try {
    return parser.parse(text) as XmlNode
  } catch (error) {
    throw unreadable(error)
  }
}

/** Children of this name, none where it is absent. */
export const childrenOf = (node: XmlNode | undefined, name: string): readonly XmlNode[] => {
  if (node === undefined || typeof node === 'string' || isList(node)) return []
  if (!Object.hasOwn(node, name)) return []
  const found = node[name]
  return found === undefined ? [] : isList(found) ? found : [found]
}

const isList = (node: XmlNode): node is readonly XmlNode[] => Array.isArray(node)

/** The first child of each name in turn; undefined where one is absent. */
export const childOf = (node: XmlNode | undefined, ...names: string[]): XmlNode | undefined =>
  names.reduce<XmlNode | undefined>((at, name) => childrenOf(at, name)[0], node)

const named: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" }

/** The text of an element, with the entities that XML itself has. */
export const textOf = (node: XmlNode | undefined): string | undefined => {
  if (typeof node !== 'string') return undefined
  return node.replaceAll(
    /&(?:#(\d{1,7})|#x([0-9a-f]{1,6})|(\w+));/gi,
    (all: string, decimal?: string, hex?: string, name?: string) => {
      if (name !== undefined) return named[name] ?? all
      const code = decimal === undefined ? Number.parseInt(hex ?? '', 16) : Number(decimal)
      return code <= 0x10ffff ? String.fromCodePoint(code) : all
    },
  )
}
