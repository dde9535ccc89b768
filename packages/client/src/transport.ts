/** Header names are in lower case on both ways. */
export type Headers = Readonly<Record<string, string>>

export type TransportRequest = {
  readonly method: string
  /** Path and query, beginning with a slash; the transport knows the origin. */
  readonly url: string
  readonly headers: Headers
  /**
   * A yielded chunk belongs to the transport: its memory must not be written again. Blobs are only for transports
   * that do not stream bodies.
   */
  readonly body?: Uint8Array | Blob | AsyncIterable<Uint8Array>
  /** Bytes of `body`; required where it is iterable, since bodies are never sent chunked. */
  readonly bodyLength?: number
  /**
   * A wish for large answers: the body in chunks of exactly so many bytes, only the last before its end or a failure
   * shorter. A transport that cannot do that better than any other way ignores it.
   */
  readonly blockBytes?: number | undefined
  readonly signal?: AbortSignal | undefined
}

/** Exactly one of `body`, `bytes` and `discard` is used, once. */
export type TransportResponse = {
  readonly status: number
  readonly headers: Headers
  /**
   * Throws `NetworkError` when the connection ends before Content-Length bytes have come. A chunk is gone when the
   * second next is asked for: who wants to keep it copies it.
   */
  readonly body: AsyncIterable<Uint8Array>
  /** The whole body; throws `NetworkError` (`protocol`) beyond `limitBytes`. */
  bytes(limitBytes: number): Promise<Uint8Array>
  /** Gives the connection up unread; does nothing once the body has ended. */
  discard(): void
}

/**
 * The one way to the network, injected so that the command line can pin certificates and tests can break things.
 * It follows no redirect (a token would travel with it), decodes nothing, repeats nothing, and throws
 * only `NetworkError`, the abort reason of `signal`, or what the body's own iteration threw.
 */
export type Transport = {
  request(request: TransportRequest): Promise<TransportResponse>
  /** False where iterable bodies cannot be sent (browsers over HTTP/1.1): uploads then go in pieces, as blobs. */
  readonly streamsBodies: boolean
}
