import { expect } from 'vitest'
import { IntegrityError } from '../integrity-error.ts'

/** Every truncation, one flipped bit in every byte, and one byte more at either end. */
export function* eachTampering(bytes: Uint8Array): Generator<Uint8Array<ArrayBuffer>> {
  for (let length = 0; length < bytes.length; length++) yield bytes.slice(0, length)
  for (let at = 0; at < bytes.length; at++) {
    const flipped = bytes.slice()
    flipped[at]! ^= 1 << (at % 8)
    yield flipped
  }
  yield Uint8Array.of(...bytes, 0)
  yield Uint8Array.of(0, ...bytes)
}

const outcome = async (attempt: () => unknown): Promise<string> => {
  try {
    await attempt()
    return 'returned'
  } catch (error) {
    return error instanceof IntegrityError ? error.code : `threw ${String(error)}`
  }
}

/** Runs `attempt` on every tampering; each must end in an IntegrityError of one of `codes`, and never return. */
export const expectEachRefused = async (
  bytes: Uint8Array,
  codes: readonly string[],
  attempt: (tampered: Uint8Array<ArrayBuffer>) => unknown,
): Promise<void> => {
  const outcomes = new Map<string, number>()
  let count = 0
  for (const tampered of eachTampering(bytes)) {
    const what = await outcome(() => attempt(tampered))
    outcomes.set(what, (outcomes.get(what) ?? 0) + 1)
    count++
  }
  expect(count).toBe(2 * bytes.length + 2)
  expect([...outcomes.keys()].filter((what) => !codes.includes(what))).toEqual([])
}

/** The code of the IntegrityError that `attempt` must end in. */
export const refusalOf = (attempt: () => unknown): Promise<string> => outcome(attempt)
