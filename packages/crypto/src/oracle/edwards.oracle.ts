/** Ed25519 as RFC 8032, 5.1 writes it, in whole numbers; and the two verification equations people use. */
import { bytesOf, type Hex, hexOf, sha512 } from './hex.oracle.ts'

const p = 2n ** 255n - 19n
/** Order of the prime-order group. */
export const order = 2n ** 252n + 27742317777372353535851937790883648493n

const modulo = (value: bigint, modulus: bigint): bigint => ((value % modulus) + modulus) % modulus

const power = (base: bigint, exponent: bigint): bigint => {
  let result = 1n
  let square = modulo(base, p)
  for (let left = exponent; left > 0n; left >>= 1n) {
    if (left & 1n) result = modulo(result * square, p)
    square = modulo(square * square, p)
  }
  return result
}
const inverse = (value: bigint): bigint => power(value, p - 2n)

const d = modulo(-121665n * inverse(121666n), p)
const rootOfMinusOne = power(2n, (p - 1n) / 4n)

/** x, y, z, t with x = X/Z, y = Y/Z, t = XY/Z. */
export type Point = readonly [bigint, bigint, bigint, bigint]

export const identity: Point = [0n, 1n, 1n, 0n]

export const add = ([x1, y1, z1, t1]: Point, [x2, y2, z2, t2]: Point): Point => {
  const a = modulo((y1 - x1) * (y2 - x2), p)
  const b = modulo((y1 + x1) * (y2 + x2), p)
  const c = modulo(2n * d * t1 * t2, p)
  const zz = modulo(2n * z1 * z2, p)
  const [e, f, g, h] = [b - a, zz - c, zz + c, b + a]
  return [modulo(e * f, p), modulo(g * h, p), modulo(f * g, p), modulo(e * h, p)]
}

export const multiply = (scalar: bigint, point: Point): Point => {
  let result = identity
  let double = point
  for (let left = scalar; left > 0n; left >>= 1n) {
    if (left & 1n) result = add(result, double)
    double = add(double, double)
  }
  return result
}

export const equal = ([x1, y1, z1]: Point, [x2, y2, z2]: Point): boolean =>
  modulo(x1 * z2 - x2 * z1, p) === 0n && modulo(y1 * z2 - y2 * z1, p) === 0n

/** The x of a y and a sign; undefined where there is no such point. */
const recoverX = (y: bigint, sign: bigint): bigint | undefined => {
  const xx = modulo((y * y - 1n) * inverse(d * y * y + 1n), p)
  let x = power(xx, (p + 3n) / 8n)
  if (modulo(x * x - xx, p) !== 0n) x = modulo(x * rootOfMinusOne, p)
  if (modulo(x * x - xx, p) !== 0n) return undefined
  return (x & 1n) === sign ? x : modulo(-x, p)
}

export const littleEndian = (bytes: Uint8Array): bigint =>
  bytes.reduceRight((value, byte) => (value << 8n) | BigInt(byte), 0n)

export const toLittleEndian = (value: bigint): Hex =>
  hexOf(Uint8Array.from({ length: 32 }, (_, i) => Number((value >> BigInt(8 * i)) & 255n)))

/** Decodes without any strictness: y is reduced, and the sign of x = 0 does not matter. */
export const decode = (hex: Hex): Point | undefined => {
  const value = littleEndian(bytesOf(hex))
  const y = modulo(value & (2n ** 255n - 1n), p)
  const x = recoverX(y, value >> 255n)
  return x === undefined ? undefined : [x, y, 1n, modulo(x * y, p)]
}

export const encode = ([x, y, z]: Point): Hex => {
  const [ax, ay] = [modulo(x * inverse(z), p), modulo(y * inverse(z), p)]
  return toLittleEndian(ay | ((ax & 1n) << 255n))
}

const baseY = modulo(4n * inverse(5n), p)
const baseX = recoverX(baseY, 0n)!
export const base: Point = [baseX, baseY, 1n, modulo(baseX * baseY, p)]

/** A point of order 8, and so by its multiples all of small order. */
export const orderEight: Point = (() => {
  for (let y = 2n; ; y++) {
    const x = recoverX(y, 0n)
    if (x === undefined) continue
    const torsion = multiply(order, [x, y, 1n, modulo(x * y, p)])
    if (!equal(multiply(4n, torsion), identity)) return torsion
  }
})()

/** SHA-512(R | A | message) modulo L. */
export const challenge = async (r: Hex, a: Hex, message: Hex): Promise<bigint> =>
  modulo(littleEndian(bytesOf(await sha512(r + a + message))), order)

/** Private scalar and prefix of a seed. */
export const expandSeed = async (seed: Hex): Promise<{ scalar: bigint; prefix: Hex }> => {
  const hash = await sha512(seed)
  const low = littleEndian(bytesOf(hash.slice(0, 64)))
  return { scalar: (low & (2n ** 254n - 8n)) | (2n ** 254n), prefix: hash.slice(64) }
}

export const publicKey = async (seed: Hex): Promise<Hex> =>
  encode(multiply((await expandSeed(seed)).scalar, base))

export const sign = async (seed: Hex, message: Hex): Promise<Hex> => {
  const { scalar, prefix } = await expandSeed(seed)
  const a = encode(multiply(scalar, base))
  const nonce = modulo(littleEndian(bytesOf(await sha512(prefix + message))), order)
  const r = encode(multiply(nonce, base))
  const k = await challenge(r, a, message)
  return r + toLittleEndian(modulo(nonce + k * scalar, order))
}

export type Verdict = {
  /** [8]SB = [8]R + [8]kA: some verifiers. */
  readonly cofactored: boolean
  /** SB = R + kA: others. */
  readonly cofactorless: boolean
  /** Ours: the latter, and no ambiguous key, R or S. */
  readonly strict: boolean
}

/** All three answers; `hashedR` and `hashedA` are the spellings that went into the hash. */
export const verify = async (
  a: Hex,
  signature: Hex,
  message: Hex,
  hashedR = signature.slice(0, 64),
  hashedA = a,
): Promise<Verdict> => {
  const never = { cofactored: false, cofactorless: false, strict: false }
  if (signature.length !== 128 || a.length !== 64) return never
  const r = signature.slice(0, 64)
  const [pointA, pointR] = [decode(a), decode(r)]
  if (pointA === undefined || pointR === undefined) return never
  const s = littleEndian(bytesOf(signature.slice(64)))
  const k = await challenge(hashedR, hashedA, message)
  const left = multiply(s, base)
  const right = add(pointR, multiply(k, pointA))
  const cofactorless = equal(left, right)
  const isSmall = (point: Point): boolean => equal(multiply(8n, point), identity)
  const strict =
    cofactorless &&
    s < order &&
    encode(pointA) === a &&
    encode(pointR) === r &&
    !isSmall(pointA) &&
    !isSmall(pointR) &&
    equal(multiply(order, pointA), identity)
  return { cofactored: equal(multiply(8n, left), multiply(8n, right)), cofactorless, strict }
}
