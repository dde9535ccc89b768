/** Ways to spoil what was right. All are arbitraries of fast-check, so that a seed repeats them and failures shrink. */
import * as fc from 'fast-check'

/** Values that trip up code which expects something else. */
const oddValue: fc.Arbitrary<unknown> = fc.oneof(
  fc.constantFrom<unknown>(
    null,
    true,
    false,
    0,
    -1,
    -0,
    0.5,
    1e308,
    2 ** 53,
    -(2 ** 63),
    '',
    ' ',
    '0',
    'null',
  ),
  fc.constantFrom<unknown>([], {}, [[]], [null], { __proto__: null, toString: 1 }, { length: -1 }),
  fc.constantFrom(
    '\u0000',
    '\uD800',
    '\u202Eabc',
    'a'.repeat(70_000),
    '../../etc/passwd',
    '%00',
    "' or 1=1 --",
  ),
  fc.constantFrom(
    'f'.repeat(32),
    '0'.repeat(32),
    'F'.repeat(32),
    '0'.repeat(64),
    '٣'.repeat(6),
    '-'.repeat(43),
  ),
  fc.string({ unit: 'binary', maxLength: 60 }),
  fc.jsonValue({ maxDepth: 4 }),
)

/** Deeper than any parser should need to go. */
const deep = (depth: number): unknown => {
  let value: unknown = 1
  for (let level = 0; level < depth; level++) value = [value]
  return value
}

type Place = {
  readonly at: number
  readonly value: unknown
  readonly act: 'replace' | 'remove' | 'add' | 'nest'
}
const place: fc.Arbitrary<Place> = fc.record({
  at: fc.nat(200),
  value: oddValue,
  act: fc.constantFrom('replace', 'replace', 'remove', 'add', 'nest'),
})

/** Every object or array in a value, with the keys of it; of what was nested deeply, the upper levels. */
const holders = (value: unknown, depth = 0): { holder: Record<string, unknown>; key: string }[] =>
  typeof value !== 'object' || value === null || depth > 8
    ? []
    : Object.entries(value).flatMap(([key, inner]) => [
        { holder: value as Record<string, unknown>, key },
        ...holders(inner, depth + 1),
      ])

const spoil = (original: unknown, { at, value, act }: Place): unknown => {
  const copy = structuredClone(original)
  const found = holders(copy)
  if (found.length === 0) return act === 'nest' ? deep(700) : value
  const { holder, key } = found[at % found.length]!
  if (act === 'remove') delete holder[key]
  else if (act === 'add') holder[`${key}2`] = value
  else if (act === 'nest') holder[key] = deep(300 + at)
  else holder[key] = value
  return copy
}

/** JSON values near a right one: as it is, or spoiled in up to three places. */
export const nearly = (right: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> =>
  fc
    .tuple(right, fc.array(place, { maxLength: 3 }))
    .map(([value, places]) => places.reduce<unknown>(spoil, value))

type Cut = {
  readonly how: 'flip' | 'truncate' | 'insert' | 'repeat' | 'zero' | 'max'
  readonly at: number
  readonly size: number
  readonly byte: number
}
const cut: fc.Arbitrary<Cut> = fc.record({
  how: fc.constantFrom('flip', 'flip', 'truncate', 'insert', 'repeat', 'zero', 'max'),
  at: fc.double({ min: 0, max: 1, noNaN: true }),
  size: fc.integer({ min: 1, max: 64 }),
  byte: fc.integer({ min: 1, max: 255 }),
})

const applyCut = (bytes: Uint8Array, { how, at: part, size, byte }: Cut): Uint8Array => {
  const at = Math.floor(part * bytes.length)
  const copy = new Uint8Array(bytes)
  switch (how) {
    case 'flip':
      if (at < copy.length) copy[at] = copy[at]! ^ byte
      return copy
    case 'truncate':
      return copy.subarray(0, at)
    case 'zero':
      return copy.fill(0, at, at + size)
    case 'max':
      return copy.fill(255, at, at + Math.min(size, 8))
    case 'insert':
      return Buffer.concat([copy.subarray(0, at), Buffer.alloc(size, byte), copy.subarray(at)])
    case 'repeat':
      return Buffer.concat([copy.subarray(0, at + size), copy.subarray(at)])
  }
}

/** What to do to some bytes: flips, cuts, repeats. */
export const cuts: fc.Arbitrary<(bytes: Uint8Array) => Uint8Array> = fc
  .array(cut, { maxLength: 4 })
  .map((all) => (bytes) => all.reduce(applyCut, bytes))

/** Texts in the place of a path's part or a query's value. */
export const oddText: fc.Arbitrary<string> = fc.oneof(
  fc.constantFrom(
    '',
    '.',
    '..',
    '../..',
    '%2e%2e%2f',
    '%00',
    '\u0000',
    'a'.repeat(201),
    'a'.repeat(5000),
    '😀',
    '\uD800',
    '1e3',
    '-1',
    '007',
    ' 1',
    '9'.repeat(20),
    'null',
    '[]',
    ';',
    '*',
    '?',
    '#',
    '\\..\\',
    'con',
    '__proto__',
  ),
  fc.string({ unit: 'binary', maxLength: 40 }),
)
