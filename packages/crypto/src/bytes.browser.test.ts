import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { ByteReader, ByteWriter } from './byte-io.ts'
import {
  concat,
  equalBytes,
  fromB64,
  fromHex,
  fromUtf8,
  lp,
  randomBytes,
  randomId,
  toB64,
  toHex,
  utf8,
} from './bytes.ts'
import { LpReader } from './lp-reader.ts'
import { frame, hexOf, text, u64 } from './oracle/hex.oracle.ts'
import { refusalOf } from './oracle/tamper.oracle.ts'

describe('encodings', () => {
  test('hex and base64url there and back', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
        expect(toHex(bytes)).toBe(hexOf(bytes))
        expect(hexOf(fromHex(toHex(bytes)))).toBe(hexOf(bytes))
        const plain = btoa(String.fromCharCode(...bytes))
        expect(toB64(bytes)).toBe(
          plain.replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', ''),
        )
        expect(hexOf(fromB64(toB64(bytes)))).toBe(hexOf(bytes))
      }),
    )
  })

  test('every other spelling is malformed', async () => {
    for (const hex of ['0', 'AB', 'zz', '0x', ' 00', '00 ']) {
      expect(await refusalOf(() => fromHex(hex))).toBe('malformed')
    }
    // Stray bits, padding, the other alphabet, an impossible length, and letters of other scripts.
    for (const b64 of [
      'AB',
      'AAB',
      'AA==',
      'AA+A',
      'AA/A',
      'A',
      'AAAAA',
      'AA\u0391A',
      'AA A',
      'AA\n',
    ]) {
      expect(await refusalOf(() => fromB64(b64))).toBe('malformed')
    }
    expect(fromB64('AQ')).toEqual(Uint8Array.of(1))
  })

  test('text that would not survive is refused', async () => {
    expect(() => utf8('\uD800')).toThrow(TypeError)
    for (const bytes of ['80', 'c080', 'eda080', 'f5808080', 'e282']) {
      expect(await refusalOf(() => fromUtf8(fromHex(bytes)))).toBe('malformed')
    }
    expect(fromUtf8(fromHex('efbbbf61'))).toBe('\uFEFFa')
  })

  test('random bytes beyond what one call gives, ids of 16', () => {
    const bytes = randomBytes(200_000)
    expect(bytes).toHaveLength(200_000)
    expect(bytes.subarray(199_000).some((byte) => byte !== 0)).toBe(true)
    expect(randomId()).toHaveLength(16)
  })

  test('equality', () => {
    expect(equalBytes(Uint8Array.of(1, 2), Uint8Array.of(1, 2))).toBe(true)
    expect(equalBytes(Uint8Array.of(1, 2), Uint8Array.of(1, 3))).toBe(false)
    expect(equalBytes(Uint8Array.of(1, 2), Uint8Array.of(1))).toBe(false)
    expect(equalBytes(new Uint8Array(0), new Uint8Array(0))).toBe(true)
  })
})

describe('lp', () => {
  test('is what the second implementation frames', () => {
    const field = fc.oneof(
      fc.string({ unit: 'grapheme' }),
      fc.uint8Array({ maxLength: 300 }),
      fc.nat({ max: Number.MAX_SAFE_INTEGER }),
      fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
    )
    const slow = (value: string | number | bigint | Uint8Array): string => {
      if (typeof value === 'string') return text(value)
      return value instanceof Uint8Array ? hexOf(value) : u64(value)
    }
    fc.assert(
      fc.property(fc.array(field), (fields) => {
        expect(toHex(lp(...fields))).toBe(frame(...fields.map(slow)))
      }),
    )
  })

  test('no two lists of fields frame alike by moving a border', () => {
    expect(lp('ab', 'c')).not.toEqual(lp('a', 'bc'))
    expect(lp('a', '')).not.toEqual(lp('a'))
    expect(toHex(lp('ab', 3))).toBe('0002616200080000000000000003')
  })

  test('refuses what it cannot frame', () => {
    expect(lp(new Uint8Array(65_535))).toHaveLength(65_537)
    expect(() => lp(new Uint8Array(65_536))).toThrow(RangeError)
    for (const number of [-1, 0.5, 2 ** 53, Number.NaN])
      expect(() => lp(number)).toThrow(RangeError)
  })

  test('is read back field by field, and nothing else is', async () => {
    const bytes = lp('label', 7, randomId())
    const read = (input: Uint8Array) => {
      const reader = new LpReader(input, 'account_state')
      reader.label('label')
      const values = [reader.integer(), reader.bytes(16).length]
      reader.end()
      return values
    }
    expect(read(bytes)).toEqual([7, 16])
    for (let length = 0; length < bytes.length; length++) {
      expect(await refusalOf(() => read(bytes.subarray(0, length)))).toBe('account_state')
    }
    expect(await refusalOf(() => read(concat(bytes, Uint8Array.of(0))))).toBe('account_state')
    expect(await refusalOf(() => read(lp('other', 7, randomId())))).toBe('account_state')
    expect(await refusalOf(() => read(lp('label', 2n ** 53n, randomId())))).toBe('account_state')
    expect(await refusalOf(() => read(lp('label', 7, randomBytes(15))))).toBe('account_state')
  })
})

describe('reader and writer', () => {
  test('integers and bytes there and back', () => {
    const parts = fc.tuple(
      fc.nat({ max: 0xff }),
      fc.nat({ max: 0xffff }),
      fc.nat({ max: 0xffff_ffff }),
      fc.nat({ max: Number.MAX_SAFE_INTEGER }),
      fc.uint8Array({ maxLength: 1000 }),
    )
    fc.assert(
      fc.property(parts, ([a, b, c, d, e]) => {
        const bytes = new ByteWriter(1).u8(a).u16(b).u32(c).u64(d).sized(e).bytes(e).finish()
        const reader = new ByteReader(concat(Uint8Array.of(0), bytes).subarray(1))
        expect([reader.u8(), reader.u16(), reader.u32(), reader.u64()]).toEqual([a, b, c, d])
        expect(hexOf(reader.sized(1000))).toBe(hexOf(e))
        expect(hexOf(reader.bytes(e.length))).toBe(hexOf(e))
        reader.end()
        expect(reader.left).toBe(0)
      }),
    )
  })

  test('overruns, left-overs, oversized lengths and numbers above 2^53 are malformed', async () => {
    const reader = (hex: string) => new ByteReader(fromHex(hex))
    expect(await refusalOf(() => reader('').u8())).toBe('malformed')
    expect(await refusalOf(() => reader('00').u16())).toBe('malformed')
    expect(await refusalOf(() => reader('000000').u32())).toBe('malformed')
    expect(await refusalOf(() => reader('00000000000000').u64())).toBe('malformed')
    expect(await refusalOf(() => reader('0020000000000000').u64())).toBe('malformed')
    expect(reader('001fffffffffffff').u64()).toBe(Number.MAX_SAFE_INTEGER)
    expect(await refusalOf(() => reader('0000000500').sized(10))).toBe('malformed')
    expect(await refusalOf(() => reader('0000000500').sized(4))).toBe('malformed')
    expect(await refusalOf(() => reader('00').end())).toBe('malformed')
  })

  test('numbers that do not fit are refused, not cut', () => {
    const writer = () => new ByteWriter()
    for (const none of [-1, 0.5, Number.NaN, 2 ** 53]) {
      expect(() => writer().u8(none)).toThrow(RangeError)
      expect(() => writer().u16(none)).toThrow(RangeError)
      expect(() => writer().u32(none)).toThrow(RangeError)
      expect(() => writer().u64(none)).toThrow(RangeError)
    }
    expect(() => writer().u8(0x100)).toThrow(RangeError)
    expect(() => writer().u16(0x1_0000)).toThrow(RangeError)
    expect(() => writer().u32(0x1_0000_0000)).toThrow(RangeError)
  })
})
