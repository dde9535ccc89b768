/** Which preview a file gets, by the ending of its name. Contents decide nothing: what an ending promises falsely fails to show. */

export type PreviewKind = 'image' | 'pdf' | 'text' | 'markdown' | 'audio' | 'video'
export type Preview = {
  readonly kind: PreviewKind
  /** The media type that the browser is told. Never one that runs: no HTML, and SVG only inside `<img>`. */
  readonly type: string
}

const byEnding: Readonly<Record<string, readonly [PreviewKind, string]>> = {
  png: ['image', 'image/png'],
  jpg: ['image', 'image/jpeg'],
  jpeg: ['image', 'image/jpeg'],
  gif: ['image', 'image/gif'],
  webp: ['image', 'image/webp'],
  avif: ['image', 'image/avif'],
  bmp: ['image', 'image/bmp'],
  ico: ['image', 'image/x-icon'],
  svg: ['image', 'image/svg+xml'],
  pdf: ['pdf', 'application/pdf'],
  md: ['markdown', 'text/plain'],
  markdown: ['markdown', 'text/plain'],
  mp3: ['audio', 'audio/mpeg'],
  m4a: ['audio', 'audio/mp4'],
  aac: ['audio', 'audio/aac'],
  ogg: ['audio', 'audio/ogg'],
  oga: ['audio', 'audio/ogg'],
  opus: ['audio', 'audio/ogg'],
  wav: ['audio', 'audio/wav'],
  flac: ['audio', 'audio/flac'],
  mp4: ['video', 'video/mp4'],
  m4v: ['video', 'video/mp4'],
  webm: ['video', 'video/webm'],
  ogv: ['video', 'video/ogg'],
  mov: ['video', 'video/quicktime'],
}

const asText = new Set(
  (
    'txt text log csv tsv json jsonl ndjson xml yaml yml toml ini cfg conf env properties html htm css js mjs cjs ts ' +
    'tsx jsx svelte vue py rb rs go c h cc cpp hpp cs java kt swift php sh bash zsh fish ps1 bat sql tex bib rst adoc ' +
    'org srt vtt diff patch eml ics vcf gpx'
  ).split(' '),
)

const endingOf = (name: string): string => {
  const dot = name.lastIndexOf('.')
  return dot < 0 ? '' : name.slice(dot + 1).toLowerCase()
}

/** Names that are text without an ending that says so. */
const plainNames =
  /^(readme|licen[cs]e|copying|makefile|dockerfile|changelog|authors|notice|\.[a-z]+(rc|ignore))$/i

/** The preview of a file of this name; undefined where there is none. */
export const previewOf = (name: string): Preview | undefined => {
  const ending = endingOf(name)
  const known = Object.hasOwn(byEnding, ending) ? byEnding[ending] : undefined
  if (known) return { kind: known[0], type: known[1] }
  if (asText.has(ending) || plainNames.test(name)) return { kind: 'text', type: 'text/plain' }
  return undefined
}

/** Whole in memory up to here; larger ones are offered as a download. */
export const imageLimitBytes = 64 * 1024 * 1024
/** So much of a text is shown. */
export const textLimitBytes = 1024 * 1024
