import { childOf, childrenOf, parseXml, textOf, unreadable } from '../remote/xml.ts'
import type { ObjectStat } from '../storage.ts'
import type { S3Client } from './s3-client.ts'

/** A key below the prefix that was asked for. */
export type ListedKey = ObjectStat & { readonly name: string }

const decoded = (text: string, isEncoded: boolean): string => {
  if (!isEncoded) return text
  try {
    return decodeURIComponent(text.replaceAll('+', ' '))
  } catch (error) {
    throw unreadable(error)
  }
}

/**
 * Everything below a prefix, a page of at most 1,000 at a time.
 * @throws StorageError, also for a list that leads nowhere
 */
export const listKeys = async function* (
  client: S3Client,
  below: string,
  ownPrefix: string,
): AsyncGenerator<readonly ListedKey[]> {
  const whole = ownPrefix + below
  let continuation: string | undefined
  for (;;) {
    const result = childOf(parseXml(await client.listPage(below, continuation)), 'ListBucketResult')
    if (result === undefined) throw unreadable()
    const isEncoded = textOf(childOf(result, 'EncodingType')) === 'url'
    const page = childrenOf(result, 'Contents').flatMap((entry): ListedKey[] => {
      const key = decoded(textOf(childOf(entry, 'Key')) ?? '', isEncoded)
      const sizeBytes = Number(textOf(childOf(entry, 'Size')) ?? Number.NaN)
      if (!key.startsWith(whole) || !Number.isSafeInteger(sizeBytes)) return []
      const storedAt = Date.parse(textOf(childOf(entry, 'LastModified')) ?? '') || 0
      return [{ name: key.slice(whole.length), sizeBytes, storedAt }]
    })
    yield page
    if (textOf(childOf(result, 'IsTruncated')) !== 'true') return
    const next = textOf(childOf(result, 'NextContinuationToken'))
    // A store that names the same page again, or none, would be asked for ever.
    if (next === undefined || next === '' || next === continuation) throw unreadable()
    continuation = next
  }
}
