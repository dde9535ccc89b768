import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http'
import { dropUnread } from '../http/unread-body.ts'

/** The answer to requests without, or with wrong, name and password. */
export const signInHeaders = { 'www-authenticate': 'Basic realm="Hearthold"' } as const

/** For the rest of a body that nobody reads, once its answer is sent, in ms. */
const lingerMs = 2_000

const words: Readonly<Record<number, string>> = {
  200: '',
  400: 'Bad request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not found',
  405: 'Method not allowed',
  411: 'Length required',
  416: 'Range not satisfiable',
  500: 'Internal server error',
  503: 'Service unavailable',
  507: 'Insufficient storage',
}

/**
 * Answers with a status and a line of text. What the client still sends of a body is thrown away for a moment, so that
 * it reads the answer instead of a reset, and then the connection is cut.
 */
export const answerStatus = (
  req: IncomingMessage,
  res: ServerResponse,
  status: number,
  options: { readonly text?: string; readonly headers?: OutgoingHttpHeaders } = {},
): void => {
  if (res.headersSent || res.destroyed) {
    // An answer that has begun cannot be taken back; cut off, nobody takes it for whole.
    res.destroy()
    return
  }
  const text = status === 200 ? '' : `${options.text ?? words[status] ?? String(status)}\n`
  const body = Buffer.from(text)
  res.writeHead(status, {
    ...options.headers,
    ...(text === '' ? {} : { 'content-type': 'text/plain; charset=utf-8' }),
    'content-length': body.length,
  })
  res.end(req.method === 'HEAD' ? undefined : body)
  dropUnread(req, lingerMs)
}
