/**
 * What Ed25519 verifiers disagree on, decided once (cryptography.md "Ed25519 strictness"). Measured: with
 * the identity as key Chromium and noble accept one signature for every message and Node 26 refuses; with
 * R = identity Chromium accepts and Node 26 refuses; noble accepts torsion in R. These checks make all
 * verifiers answer alike, so that no signature shows two members two histories.
 */
import { ed25519 } from '@noble/curves/ed25519.js'

/** A compressed point is y little-endian, with the sign of x in the top bit of the last byte. */
const pointBytes = 32

/** Hexadecimal of the point without its sign bit: one text per y. */
const unsignedHex = (point: Uint8Array): string => {
  let text = ''
  for (let i = 0; i < pointBytes; i++) {
    text += (i === pointBytes - 1 ? point[i]! & 0x7f : point[i]!).toString(16).padStart(2, '0')
  }
  return text
}

/** The y of all points of order 1, 2, 4 and 8; with either sign bit, so that "-0" is refused too. */
const smallOrderY: ReadonlySet<string> = new Set([
  '0100000000000000000000000000000000000000000000000000000000000000', // order 1: y = 1
  'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f', // order 2: y = -1
  '0000000000000000000000000000000000000000000000000000000000000000', // order 4: y = 0
  '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05', // order 8
  'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a', // order 8: the negated y
])

/** Most points differ in their first byte from all of these. */
const smallOrderStarts: ReadonlySet<number> = new Set(
  Array.from(smallOrderY, (y) => Number.parseInt(y.slice(0, 2), 16)),
)

const isSmallOrder = (point: Uint8Array): boolean =>
  smallOrderStarts.has(point[0]!) && smallOrderY.has(unsignedHex(point))

/** y below p = 2^255 - 19: the only encoding of a point that has another one is refused. */
const hasCanonicalY = (point: Uint8Array): boolean => {
  if ((point[31]! & 0x7f) !== 0x7f || point[0]! < 0xed) return true
  for (let i = 1; i < 31; i++) if (point[i] !== 0xff) return true
  return false
}

/** False for R of a signature which small-order or non-canonical encodings make ambiguous. */
export const isPlainPoint = (point: Uint8Array): boolean =>
  point.length === pointBytes && hasCanonicalY(point) && !isSmallOrder(point)

/** The order of the group, little-endian. */
const orderBytes = ed25519.Point.Fn.toBytes(ed25519.Point.Fn.neg(1n))

/** S below the group order L: S + L would be a second signature over the same message. */
export const isReducedScalar = (scalar: Uint8Array): boolean => {
  if (scalar.length !== 32) return false
  // orderBytes is L - 1, so that equality is still in range.
  for (let i = 31; i >= 0; i--) {
    if (scalar[i] !== orderBytes[i]) return scalar[i]! < orderBytes[i]!
  }
  return true
}

/** In the prime-order group: on the curve, canonical, not small, without torsion. Costs a multiplication (1 ms). */
const isPrimeOrderPoint = (point: Uint8Array): boolean => {
  if (!isPlainPoint(point)) return false
  try {
    return ed25519.Point.fromBytes(point).isTorsionFree()
  } catch {
    return false
  }
}

const keptKeysLimit = 4096
/** Keys that passed, the least recently used first. Refused keys are not kept: they must not push out good ones. */
const passedKeys = new Map<string, true>()

/** Whether a public key is one that an honest signer can have. The answer is remembered for recent good keys. */
export const isPlainPublicKey = (publicKey: Uint8Array): boolean => {
  if (publicKey.length !== pointBytes) return false
  const name = String.fromCharCode(...publicKey)
  if (passedKeys.delete(name)) {
    passedKeys.set(name, true)
    return true
  }
  if (!isPrimeOrderPoint(publicKey)) return false
  if (passedKeys.size >= keptKeysLimit) passedKeys.delete(passedKeys.keys().next().value!)
  passedKeys.set(name, true)
  return true
}

/**
 * Verifier for platforms without Ed25519; callers have already made the checks above. noble multiplies by
 * the cofactor, native verifiers compare R byte by byte: with A in the prime-order group both agree exactly
 * when R has no torsion.
 */
export const verifyEd25519InScript = (
  publicKey: Uint8Array,
  signature: Uint8Array,
  message: Uint8Array,
): boolean => {
  try {
    return (
      isPrimeOrderPoint(signature.subarray(0, pointBytes)) &&
      ed25519.verify(signature, message, publicKey, { zip215: false })
    )
  } catch {
    return false
  }
}
