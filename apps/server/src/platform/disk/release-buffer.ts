/**
 * Gives a buffer's memory back at once instead of leaving it to the garbage collector, which costs twice what hashing
 * does when a gigabyte comes in pieces of 64 KiB. Only for bytes that nobody will look at again: they are empty
 * afterwards. Small buffers, and those that share their memory with others, are left alone.
 */
export const releaseBuffer = ({ buffer, byteLength }: Uint8Array): void => {
  const worthwhile = byteLength >= 16 * 1024 && byteLength === buffer.byteLength
  if (worthwhile && buffer instanceof ArrayBuffer && !buffer.detached) buffer.transfer(0)
}
