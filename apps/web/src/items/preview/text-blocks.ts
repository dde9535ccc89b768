/** A long text in blocks, so that the browser lays out only those on screen. */
const blockLength = 8 * 1024
/** A line longer than this goes on in the next block, as if it were wrapped there. */
const longestLine = 64 * 1024

/** Blocks end at line ends, whose character they leave out: each is shown on lines of its own. */
export const textBlocks = (text: string): string[] => {
  const blocks: string[] = []
  for (let at = 0; at < text.length;) {
    const end = text.indexOf('\n', at + blockLength)
    const limit = at + longestLine
    if (end >= 0 && end <= limit) {
      blocks.push(text.slice(at, end))
      at = end + 1
    } else if (text.length <= limit) {
      blocks.push(text.slice(at))
      break
    } else {
      // No pair of code units is torn apart.
      const next = text.charCodeAt(limit)
      const cut = next >= 0xdc00 && next <= 0xdfff ? limit - 1 : limit
      blocks.push(text.slice(at, cut))
      at = cut
    }
  }
  return blocks
}
