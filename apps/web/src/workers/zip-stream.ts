/** A zip that is made while it is read: nothing of it lies anywhere as a whole. */
import { makeZip } from 'client-zip'

/** The earliest time that a zip can tell: 1980. */
const earliestMs = 315_532_800_000

/** The time of an entry; `at` in ms since 1970. */
export const zipDate = (at: number): Date => new Date(Math.max(at, earliestMs))

export type ZipInput = {
  /** Path in the zip; folders end with a slash, and have no input. */
  readonly name: string
  readonly lastModified: Date
  readonly size?: number
  readonly input?: Uint8Array<ArrayBuffer> | AsyncIterable<Uint8Array<ArrayBuffer>>
}

/** The bytes of a zip of `inputs`, asked for one after the other. What an input throws ends the whole. */
export async function* zipStream(inputs: AsyncIterable<ZipInput>): AsyncGenerator<Uint8Array> {
  const reader = makeZip(inputs as Parameters<typeof makeZip>[0]).getReader()
  try {
    for (;;) {
      const { done, value } = await reader.read()
      if (done) return
      yield value
    }
  } finally {
    await reader.cancel().catch(() => undefined)
  }
}
