/** OKLCH to sRGB and WCAG 2.2 contrast, by the formulas of CSS Color 4: the tests judge the tokens by it. */

export type Oklch = { l: number; c: number; h: number }
/** Channels 0 to 1, gamma-encoded. */
export type Rgb = readonly [number, number, number]

/** Reads `98.6% 0.004 95`, with an alpha or without (it is not used). */
export const parseOklch = (text: string): Oklch => {
  const match = /^\s*([\d.]+)%\s+([\d.]+)\s+([\d.]+)/.exec(text)
  if (!match) throw new Error(`not an OKLCH colour: ${text}`)
  return { l: Number(match[1]) / 100, c: Number(match[2]), h: Number(match[3]) }
}

/** Clips what sRGB cannot show, as screens do. */
export const toRgb = ({ l, c, h }: Oklch): Rgb => {
  const a = c * Math.cos((h * Math.PI) / 180)
  const b = c * Math.sin((h * Math.PI) / 180)
  const long = (l + 0.3963377774 * a + 0.2158037573 * b) ** 3
  const middle = (l - 0.1055613458 * a - 0.0638541728 * b) ** 3
  const short = (l - 0.0894841775 * a - 1.291485548 * b) ** 3
  return [
    encode(4.0767416621 * long - 3.3077115913 * middle + 0.2309699292 * short),
    encode(-1.2684380046 * long + 2.6097574011 * middle - 0.3413193965 * short),
    encode(-0.0041960863 * long - 0.7034186147 * middle + 1.707614701 * short),
  ]
}

const encode = (linear: number): number => {
  const value = Math.min(1, Math.max(0, linear))
  return value <= 0.0031308 ? 12.92 * value : 1.055 * value ** (1 / 2.4) - 0.055
}

const decode = (value: number): number =>
  value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4

const luminance = ([red, green, blue]: Rgb): number =>
  0.2126 * decode(red) + 0.7152 * decode(green) + 0.0722 * decode(blue)

/** Contrast of two colours, 1 to 21. */
export const contrast = (one: Rgb, other: Rgb): number => {
  const [dark, light] = [luminance(one), luminance(other)].sort((a, b) => a - b) as [number, number]
  return (light + 0.05) / (dark + 0.05)
}
