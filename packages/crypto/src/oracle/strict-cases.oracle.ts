/**
 * Signatures on which verifiers disagree: the twelve kinds of Chalkias, Garillot and Nikolaenko ("Taming the
 * many EdDSAs", IACR 2020/1244), made anew here, and those that were measured to differ between Node,
 * Chromium and noble.
 */
import {
  add,
  base,
  challenge,
  decode,
  encode,
  equal,
  expandSeed,
  identity,
  multiply,
  order,
  orderEight,
  type Point,
  sign,
  toLittleEndian,
  verify,
} from './edwards.oracle.ts'
import { filler, type Hex, integer } from './hex.oracle.ts'

export type StrictCase = {
  name: string
  /** Why ours refuses it. */
  reason: string
  publicKey: Hex
  message: Hex
  signature: Hex
  cofactored: boolean
  cofactorless: boolean
  strict: boolean
}

const small = (multiple: number): Point => multiply(BigInt(multiple), orderEight)
const indexOfSmall = (point: Point): bigint =>
  BigInt([0, 1, 2, 3, 4, 5, 6, 7].find((i) => equal(small(i), point))!)

/** y = p, which is y = 0 spelt above the prime: a point of order 4. */
const highZero: Hex = 'ed' + 'ff'.repeat(30) + '7f'
const canonicalZero: Hex = '00'.repeat(32)

type Recipe = {
  name: string
  reason: string
  publicKey: Hex
  r: Hex
  /** S for the challenge. */
  s: (k: bigint) => bigint
  /** Which challenges to wait for, by trying messages. */
  when?: (k: bigint) => boolean
  hashedR?: Hex
  hashedA?: Hex
}

const make = async (recipe: Recipe): Promise<StrictCase> => {
  const { name, reason, publicKey, r, hashedR = r, hashedA = publicKey } = recipe
  for (let attempt = 0; ; attempt++) {
    const message = integer(attempt, 32)
    const k = await challenge(hashedR, hashedA, message)
    if (recipe.when && !recipe.when(k)) continue
    const signature = r + toLittleEndian(recipe.s(k))
    const verdict = await verify(publicKey, signature, message, hashedR, hashedA)
    return { name, reason, publicKey, message, signature, ...verdict }
  }
}

const modulo = (value: bigint, modulus: bigint): bigint => ((value % modulus) + modulus) % modulus

/** A key not on the curve: the first y that has no x. */
const offCurve = (): Hex => {
  for (let y = 2n; ; y++) if (decode(toLittleEndian(y)) === undefined) return toLittleEndian(y)
}

const mixedCases = (a: bigint, r: bigint): Recipe[] => {
  const torsion = small(1)
  const [pointA, pointR] = [multiply(a, base), multiply(r, base)]
  const [mixedA, mixedR] = [encode(add(pointA, torsion)), encode(add(pointR, torsion))]
  const cancels = (k: bigint): boolean => modulo(k + 1n, 8n) === 0n
  const both = (k: bigint): bigint => modulo(r + k * a, order)
  return [
    {
      name: '0 small A, small R, S = 0',
      reason: 'key of small order',
      publicKey: encode(torsion),
      r: encode(torsion),
      s: () => 0n,
      when: cancels,
    },
    {
      name: '1 small A, mixed R',
      reason: 'key of small order',
      publicKey: encode(torsion),
      r: mixedR,
      s: () => r,
      when: cancels,
    },
    {
      name: '2 mixed A, small R',
      reason: 'R of small order',
      publicKey: mixedA,
      r: encode(torsion),
      s: (k) => modulo(k * a, order),
      when: cancels,
    },
    {
      name: '3 mixed A, mixed R, torsion cancels',
      reason: 'key with torsion',
      publicKey: mixedA,
      r: mixedR,
      s: both,
      when: cancels,
    },
    {
      name: '4 mixed A, mixed R, torsion stays',
      reason: 'key with torsion',
      publicKey: mixedA,
      r: mixedR,
      s: both,
      when: (k) => !cancels(k),
    },
    {
      name: '5 as 4, and 8k reduced modulo L is no multiple of 8',
      reason: 'key with torsion',
      publicKey: mixedA,
      r: mixedR,
      s: both,
      when: (k) => !cancels(k) && modulo(8n * k, order) % 8n === 1n,
    },
  ]
}

const scalarCases = (a: bigint, r: bigint): Recipe[] => {
  const [publicKey, encodedR] = [encode(multiply(a, base)), encode(multiply(r, base))]
  const s = (k: bigint): bigint => modulo(r + k * a, order)
  return [
    {
      name: '6 S above L',
      reason: 'S is not reduced',
      publicKey,
      r: encodedR,
      s: (k) => s(k) + order,
    },
    {
      name: '7 S far above L',
      reason: 'S is not reduced',
      publicKey,
      r: encodedR,
      s: (k) => s(k) + 8n * order,
    },
  ]
}

const nonCanonicalCases = (a: bigint, r: bigint): Recipe[] => {
  const zero = decode(highZero)!
  const index = indexOfSmall(zero)
  const mixedA = encode(add(multiply(a, base), small(1)))
  const mixedR = encode(add(multiply(r, base), zero))
  const product = (k: bigint): bigint => modulo(k * a, order)
  const cancelsR = (k: bigint): boolean => modulo(k + index, 8n) === 0n
  const cancelsA = (k: bigint): boolean => modulo((k + 1n) * index, 8n) === 0n
  return [
    {
      name: '8 mixed A, small non-canonical R, hashed canonically',
      reason: 'R is not canonical',
      publicKey: mixedA,
      r: highZero,
      s: product,
      when: cancelsR,
      hashedR: canonicalZero,
    },
    {
      name: '9 mixed A, small non-canonical R, hashed as it is',
      reason: 'R is not canonical',
      publicKey: mixedA,
      r: highZero,
      s: product,
      when: cancelsR,
    },
    {
      name: '10 small non-canonical A, mixed R, hashed canonically',
      reason: 'key is not canonical',
      publicKey: highZero,
      r: mixedR,
      s: () => r,
      when: cancelsA,
      hashedA: canonicalZero,
    },
    {
      name: '11 small non-canonical A, mixed R, hashed as it is',
      reason: 'key is not canonical',
      publicKey: highZero,
      r: mixedR,
      s: () => r,
      when: cancelsA,
    },
  ]
}

const measuredCases = (a: bigint, r: bigint): Recipe[] => {
  const [pointA, pointR] = [multiply(a, base), multiply(r, base)]
  const [publicKey, encodedR] = [encode(pointA), encode(pointR)]
  const one = encode(identity)
  const s = (k: bigint): bigint => modulo(r + k * a, order)
  return [
    {
      name: 'identity as key: one signature for every message',
      reason: 'key of small order',
      publicKey: one,
      r: encodedR,
      s: () => r,
    },
    {
      name: 'identity as key, with the sign of x = 0 set',
      reason: 'key is not canonical',
      publicKey: one.slice(0, 62) + '80',
      r: encodedR,
      s: () => r,
    },
    {
      name: 'honest key, R is the identity',
      reason: 'R of small order',
      publicKey,
      r: one,
      s: (k) => modulo(k * a, order),
    },
    {
      name: 'honest key, torsion in R',
      reason: 'SB is not R + kA',
      publicKey,
      r: encode(add(pointR, small(1))),
      s,
    },
    {
      name: 'torsion in the key, which k cancels',
      reason: 'key with torsion',
      publicKey: encode(add(pointA, small(1))),
      r: encodedR,
      s,
      when: (k) => k % 8n === 0n,
    },
    {
      name: 'key not on the curve',
      reason: 'key is no point',
      publicKey: offCurve(),
      r: encodedR,
      s,
    },
  ]
}

/** All of them, with an honest signature last, which alone is accepted. */
export const strictCases = async (): Promise<StrictCase[]> => {
  const seed = filler(1, 32)
  const a = (await expandSeed(seed)).scalar
  const r = (await expandSeed(filler(101, 32))).scalar % order
  const recipes = [mixedCases, scalarCases, nonCanonicalCases, measuredCases]
  const cases: StrictCase[] = []
  for (const recipe of recipes.flatMap((kind) => kind(a, r))) cases.push(await make(recipe))
  const message = filler(1, 32)
  const publicKey = encode(multiply(a, base))
  const signature = await sign(seed, message)
  const verdict = await verify(publicKey, signature, message)
  return [...cases, { name: 'honest', reason: '', publicKey, message, signature, ...verdict }]
}

/** Every encoding of the points of order 1, 2, 4 and 8, canonical or not. */
export const smallOrderEncodings = (): Hex[] => {
  const canonical = [0, 1, 2, 3, 4, 5, 6, 7].map((i) => encode(small(i)))
  const signed = (hex: Hex): Hex =>
    hex.slice(0, 62) + integer(parseInt(hex.slice(62), 16) | 0x80, 1)
  const one = encode(identity)
  const highOne = 'ee' + 'ff'.repeat(30) + '7f'
  const others = [
    signed(one),
    signed(encode(small(4))),
    highZero,
    signed(highZero),
    highOne,
    signed(highOne),
  ]
  return [...canonical, ...others]
}
