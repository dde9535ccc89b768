/**
 * CRC-32 as zips have it, eight bytes at a time: one table look-up for each byte as before, but the eight of a step do not
 * wait for one another, which is about three times as fast.
 */
const slices = 8

const tables = ((): Uint32Array => {
  const made = new Uint32Array(slices * 256)
  for (let byte = 0; byte < 256; byte++) {
    let value = byte
    for (let bit = 0; bit < 8; bit++) value = (value >>> 1) ^ (value & 1 ? 0xedb88320 : 0)
    made[byte] = value
  }
  for (let at = 256; at < made.length; at++) {
    const before = made[at - 256] ?? 0
    made[at] = (before >>> 8) ^ (made[before & 255] ?? 0)
  }
  return made
})()

/** The CRC-32 of `bytes` behind those whose CRC-32 is `before` (0 at the beginning). */
export const crc32 = (bytes: Uint8Array, before = 0): number => {
  const table = tables
  const whole = bytes.length - (bytes.length % slices)
  let crc = ~before
  let at = 0
  // All places are within the bytes and the tables: `!` costs nothing here, a default would.
  for (; at < whole; at += slices) {
    crc ^= bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)
    crc =
      table[1792 + (crc & 255)]! ^
      table[1536 + ((crc >>> 8) & 255)]! ^
      table[1280 + ((crc >>> 16) & 255)]! ^
      table[1024 + (crc >>> 24)]! ^
      table[768 + bytes[at + 4]!]! ^
      table[512 + bytes[at + 5]!]! ^
      table[256 + bytes[at + 6]!]! ^
      table[bytes[at + 7]!]!
  }
  for (; at < bytes.length; at++) crc = (crc >>> 8) ^ table[(crc ^ bytes[at]!) & 255]!
  return ~crc >>> 0
}
