/** What other devices of the member show for this browser, such as "Chrome on Linux". */

type Brands = {
  readonly brands?: readonly { readonly brand: string }[]
  readonly platform?: string
}

const browsers: readonly (readonly [RegExp, string])[] = [
  [/Edg\//, 'Edge'],
  [/OPR\//, 'Opera'],
  [/Firefox\//, 'Firefox'],
  [/Chromium\//, 'Chromium'],
  [/Chrome\//, 'Chrome'],
  [/Safari\//, 'Safari'],
]
const systems: readonly (readonly [RegExp, string])[] = [
  [/Android/, 'Android'],
  [/iPhone|iPad|iOS/, 'iOS'],
  [/Windows/, 'Windows'],
  [/Mac OS X|Macintosh|macOS/, 'macOS'],
  [/CrOS/, 'ChromeOS'],
  [/Linux/, 'Linux'],
]

const firstOf = (table: readonly (readonly [RegExp, string])[], text: string): string | undefined =>
  table.find(([pattern]) => pattern.test(text))?.[1]

/** By the browser's own hints where it gives them, else by its user agent. */
export const deviceLabel = (from: {
  readonly userAgent: string
  readonly userAgentData?: Brands
}): string => {
  const named = from.userAgentData?.brands
    ?.map(({ brand }) => brand)
    .find((brand) => /Chrome|Edge|Opera|Brave/.test(brand))
  const browser = named?.replace(/^(Google|Microsoft) /, '') ?? firstOf(browsers, from.userAgent)
  const system = from.userAgentData?.platform || firstOf(systems, from.userAgent)
  if (browser === undefined) return system ?? 'Browser'
  return system === undefined ? browser : `${browser} on ${system}`
}
