import { encodeQR } from 'qr'

/** A QR code as one SVG path: `d` in modules, `size` modules wide, with the quiet zone that scanners need. */
export type QrPath = { readonly d: string; readonly size: number }

const quietZone = 4

/** Throws where `text` is too long for a QR code. */
export const qrPath = (text: string): QrPath => {
  const rows = encodeQR(text, 'raw', { ecc: 'medium', border: quietZone })
  const parts: string[] = []
  rows.forEach((row, y) => {
    for (let x = 0; x < row.length; x++) {
      if (!row[x]) continue
      const from = x
      while (row[x + 1]) x++
      const width = x - from + 1
      parts.push(`M${from} ${y}h${width}v1h-${width}z`)
    }
  })
  return { d: parts.join(''), size: rows.length }
}
