/** The head of a plain answer: its body has a length and no coding. */
export type PlainHead = {
  readonly status: number
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>
  readonly sizeBytes: number
  /** False where the server closes the connection after this answer. */
  readonly keeps: boolean
}

/** As much as node:http takes. */
export const headLimitBytes = 16 * 1024

const statusLine = /^HTTP\/1\.1 (200|206)(?: |$)/
const headerLine = /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+):[ \t]*([\t\u0020-\u007e\u0080-\u00ff]*)$/

/** Where the head ends and the body begins; undefined while there is no end of a head. */
export const headEnd = (bytes: Buffer): number | undefined => {
  const at = bytes.indexOf('\r\n\r\n')
  return at === -1 ? undefined : at + 4
}

/**
 * Reads a whole head with its empty line. Undefined for everything but 200 or 206 in HTTP/1.1 with exactly one
 * Content-Length and no Transfer-Encoding: such answers are for a full client.
 */
export const parsePlainHead = (bytes: Buffer): PlainHead | undefined => {
  const [first = '', ...lines] = bytes.toString('latin1', 0, bytes.length - 4).split('\r\n')
  const status = statusLine.exec(first)?.[1]
  if (status === undefined) return undefined
  const headers: Record<string, string> = {}
  for (const line of lines) {
    const [, name, value] = headerLine.exec(line) ?? []
    if (name === undefined || value === undefined) return undefined
    const key = name.toLowerCase()
    if (key === 'content-length' && Object.hasOwn(headers, key)) return undefined
    headers[key] = Object.hasOwn(headers, key) ? `${headers[key]}, ${value.trim()}` : value.trim()
  }
  const length = headers['content-length'] ?? ''
  const sizeBytes = /^\d{1,16}$/.test(length) ? Number(length) : Number.NaN
  if (!Number.isSafeInteger(sizeBytes) || Object.hasOwn(headers, 'transfer-encoding'))
    return undefined
  const keeps = !/(?:^|,)\s*close\s*(?:,|$)/i.test(headers['connection'] ?? '')
  return { status: Number(status), headers, sizeBytes, keeps }
}
