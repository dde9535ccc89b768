import type { IncomingMessage } from 'node:http'
import { StringDecoder } from 'node:string_decoder'
import { failureOf } from '../remote/failures.ts'
import type { RemoteClient } from '../remote/remote-client.ts'
import { childOf, childrenOf, parseXml, textOf, unreadable, type XmlNode } from '../remote/xml.ts'
import { type ObjectStat, StorageError } from '../storage.ts'

/** One file of a collection. */
export type ListedFile = ObjectStat & { readonly name: string }

export const propfindBody = Buffer.from(
  '<?xml version="1.0" encoding="utf-8"?><propfind xmlns="DAV:"><prop><getcontentlength/><getlastmodified/><resourcetype/></prop></propfind>',
)
/** One entry is far shorter; longer ones are no entries. */
const entryLimit = 64 * 1024

const isOk = (propstat: XmlNode): boolean =>
  / 200(?: |$)/.test(textOf(childOf(propstat, 'status')) ?? '')

const lastName = (href: string): string => {
  try {
    return decodeURIComponent(href.slice(href.lastIndexOf('/') + 1))
  } catch (error) {
    throw unreadable(error)
  }
}

/** A file, or undefined for a collection and for what the server could not tell. */
const fileOf = (entry: string): ListedFile | undefined => {
  const response = childOf(parseXml(entry), 'response')
  const href = textOf(childOf(response, 'href'))
  const prop = childrenOf(response, 'propstat').find(isOk)
  if (href === undefined || prop === undefined || href.endsWith('/')) return undefined
  if (childOf(prop, 'prop', 'resourcetype', 'collection') !== undefined) return undefined
  const sizeBytes = Number(textOf(childOf(prop, 'prop', 'getcontentlength')) ?? Number.NaN)
  if (!Number.isSafeInteger(sizeBytes)) return undefined
  const storedAt = Date.parse(textOf(childOf(prop, 'prop', 'getlastmodified')) ?? '') || 0
  return { name: lastName(href), sizeBytes, storedAt }
}

/** Takes the whole entries off the front of what has come so far. */
class Entries {
  #text = ''
  /** `</D:response>`, once the root has shown which prefix is DAV's. */
  #end: string | undefined

  take(text: string): ListedFile[] {
    this.#text += text
    this.#end ??= this.#findEnd()
    const files: ListedFile[] = []
    if (this.#end === undefined) {
      if (this.#text.length > entryLimit) throw unreadable()
      return files
    }
    let from = 0
    for (;;) {
      const at = this.#text.indexOf(this.#end, from)
      if (at === -1) break
      const to = at + this.#end.length
      const file = fileOf(this.#text.slice(from, to))
      if (file !== undefined) files.push(file)
      from = to
    }
    this.#text = this.#text.slice(from)
    if (this.#text.length > entryLimit) throw unreadable()
    return files
  }

  /** @throws StorageError where the list was cut off */
  finish(): void {
    if (!/<\/(?:[\w.-]+:)?multistatus\s*>|<(?:[\w.-]+:)?multistatus\b[^>]*\/>/.test(this.#text))
      throw unreadable()
  }

  #findEnd(): string | undefined {
    const root = /<((?:[\w.-]+:)?)multistatus\b[^>]*>/.exec(this.#text)
    if (root === null) return undefined
    if (root[0].endsWith('/>')) return undefined
    if (/<!(?:DOCTYPE|ENTITY)/i.test(this.#text)) throw unreadable()
    this.#text = this.#text.slice(root.index + root[0].length)
    return `</${root[1]}response>`
  }
}

/**
 * The files that a multi-status answer lists, as they come, so that a folder of any size takes little memory.
 * @throws StorageError `unavailable` for an answer that cannot be read or was cut off
 */
export const filesOf = async function* (
  client: RemoteClient,
  answer: IncomingMessage,
): AsyncGenerator<readonly ListedFile[]> {
  const decoder = new StringDecoder('utf8')
  const entries = new Entries()
  const parts = (answer as AsyncIterable<Buffer>)[Symbol.asyncIterator]()
  try {
    for (;;) {
      const next = await client.inTime(parts.next(), answer).catch((error: unknown) => {
        throw error instanceof StorageError ? error : failureOf(error)
      })
      if (next.done === true) break
      const files = entries.take(decoder.write(next.value))
      if (files.length > 0) yield files
    }
    if (!answer.complete) throw failureOf(undefined)
    entries.finish()
  } finally {
    answer.destroy()
  }
}
