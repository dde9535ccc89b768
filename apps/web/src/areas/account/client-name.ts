/** What a program calls itself, in the few words that tell one's own apart. */

const browsers: readonly (readonly [RegExp, string])[] = [
  [/\bEdg(?:e|A|iOS)?\//, 'Edge'],
  [/\bOPR\//, 'Opera'],
  [/\bFirefox\/|\bFxiOS\//, 'Firefox'],
  [/Chrom(?:e|ium)\/|\bCriOS\//, 'Chrome'],
  [/\bSafari\//, 'Safari'],
]
const systems: readonly (readonly [RegExp, string])[] = [
  [/\bAndroid\b/, 'Android'],
  [/\biPhone\b|\biPad\b/, 'iOS'],
  [/\bWindows\b/, 'Windows'],
  [/\bMac OS X\b|\bMacintosh\b/, 'macOS'],
  [/\bCrOS\b/, 'ChromeOS'],
  [/\bLinux\b/, 'Linux'],
]

const nameIn = (list: typeof browsers, text: string): string | undefined =>
  list.find(([pattern]) => pattern.test(text))?.[1]

/** "Chrome on Linux" for a browser's user agent; the first word of any other; undefined for nothing. */
export const clientName = (client: string): string | undefined => {
  const browser = nameIn(browsers, client)
  const system = nameIn(systems, client)
  if (browser !== undefined) return system === undefined ? browser : `${browser} on ${system}`
  const [first = ''] = client.trim().split(/[\s/]/, 1)
  return first === '' ? undefined : first
}
