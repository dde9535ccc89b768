/** What is put into a share, as the caller walks it: a disk, a drop into the browser. */
import type { Chunks } from './flow.ts'

/** `path` is relative, with "/" between names; parents come before what they hold, or are made by themselves. */
export type LocalItem =
  | {
      readonly kind: 'folder'
      readonly path: string
      readonly modifiedAt?: number
      readonly mode?: number
    }
  | {
      readonly kind: 'link'
      readonly path: string
      readonly target: string
      readonly modifiedAt?: number
    }
  | {
      readonly kind: 'file'
      readonly path: string
      readonly size: number
      /** ms since 1970. */
      readonly modifiedAt: number
      /** POSIX permission bits. */
      readonly mode?: number
      /**
       * The bytes from `offset` on, in chunks of any length, best a multiple of 256 KiB. One chunk is read ahead, and
       * whoever seals has copied a chunk before the next but one is asked for: a source may fill two buffers in turn.
       */
      readonly open: (offset: number) => Chunks
    }
  | { readonly kind: 'unreadable'; readonly path: string; readonly reason: string }

export type LocalFile = Extract<LocalItem, { kind: 'file' }>

/** An item that was left out, and why, in words for people. */
export type Skipped = { readonly path: string; readonly reason: string }

/** Reading a source failed: the item is left out and the rest goes on. */
export class SourceError extends Error {
  constructor(cause: unknown) {
    super(cause instanceof Error ? cause.message : 'It could not be read.', { cause })
    this.name = 'SourceError'
  }
}

/** The file's chunks; whatever goes wrong in them is a SourceError. */
export async function* chunksOf(file: LocalFile, offset: number): AsyncGenerator<Uint8Array> {
  const iterator = file.open(offset)[Symbol.asyncIterator]()
  try {
    for (;;) {
      const { done, value } = await read(iterator)
      if (done) return
      yield value
    }
  } finally {
    await iterator.return?.()
  }
}

const read = async (iterator: AsyncIterator<Uint8Array>): Promise<IteratorResult<Uint8Array>> => {
  try {
    return await iterator.next()
  } catch (error) {
    throw new SourceError(error)
  }
}
