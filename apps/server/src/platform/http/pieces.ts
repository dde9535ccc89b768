import type { ServerResponse } from 'node:http'

const writePiece = (response: ServerResponse, piece: Uint8Array): Promise<void> =>
  new Promise((resolve, reject) => {
    response.write(piece, (error) => (error == null ? resolve() : reject(error)))
  })

/** See [Note: pieces] in answers.ts. Returns when all is handed to the socket. @throws what the source throws, and when the client left */
export const writePieces = async (
  response: ServerResponse,
  pieces: AsyncIterable<Uint8Array>,
  sizeBytes: number,
): Promise<void> => {
  let written = 0
  let previous: Promise<void> = Promise.resolve()
  for await (const piece of pieces) {
    await previous
    if (response.destroyed) throw new Error('the client went away')
    written += piece.length
    if (written > sizeBytes) throw new Error('the source gave more than it promised')
    previous = writePiece(response, piece)
    // Awaited in the next turn; until then a failure must not count as unhandled.
    previous.catch(() => {})
  }
  await previous
  if (written !== sizeBytes) throw new Error('the source gave less than it promised')
}
