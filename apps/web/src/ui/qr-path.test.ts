import { encodeQR } from 'qr'
import { decodeQR } from 'qr/decode.js'
import { expect, test } from 'vitest'
import { qrPath } from './qr-path.ts'

/** Draws the path again, module by module, as an image of grey values. */
const draw = (text: string, scale: number) => {
  const { d, size } = qrPath(text)
  const width = size * scale
  const data = new Uint8ClampedArray(width * width * 4).fill(255)
  for (const [, x, y, run] of d.matchAll(/M(\d+) (\d+)h(\d+)v1h-\d+z/g)) {
    for (let row = Number(y) * scale; row < (Number(y) + 1) * scale; row++) {
      const from = row * width + Number(x) * scale
      for (let column = from; column < from + Number(run) * scale; column++) {
        data.fill(0, column * 4, column * 4 + 3)
      }
    }
  }
  return { width, height: width, data }
}

test.each([
  'otpauth://totp/Hearthold:ada?secret=T6HBOQXP6YL34RI6UWCXCX4IKMY7MIZ6&issuer=Hearthold',
  'TJEF-QJVD-86JA-APH7-2GZF-VWE9-WYJV-RKTK-303G',
])('what is drawn for %s is read back', (text) => {
  expect(decodeQR(draw(text, 6))).toBe(text)
})

test('every dark module is drawn, within a quiet zone of four', () => {
  const rows = encodeQR('hearthold', 'raw', { ecc: 'medium', border: 4 })
  const { d, size } = qrPath('hearthold')
  const drawn = [...d.matchAll(/h(\d+)v1/g)].reduce((sum, [, run]) => sum + Number(run), 0)
  expect(size).toBe(rows.length)
  expect(drawn).toBe(rows.flat().filter(Boolean).length)
})
