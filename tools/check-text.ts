/** Small checks on the text of the repository: words that mean unfinished, and links that lead nowhere. */
import { existsSync, globSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { listedSkips } from './listed-skips.ts'

const skippedFolders = /(^|[/\\])(node_modules|\.cache|\.tmp|\.git|dist|data|fixtures)([/\\]|$)/

/** Conditional tests stand in a list with their reasons; a file without a line there has none. */
const conditional = /\b(?:sk[i]pIf|runI[f])\b/
const isListed = (file: string): boolean => listedSkips.some(({ test }) => test.includes(file))

// Written so that this file does not contain what it looks for.
const unfinished: [RegExp, string][] = [
  [/\b(?:TO[D]O|FIX[M]E|X[X]X|HA[C]K)\b/, 'unfinished work belongs into an issue'],
  [/@ts-(?:ig[n]ore|noch[e]ck|expect-err[o]r)/, 'the compiler must see everything'],
  [
    /\b(?:test|it|describe|suite)(?:\.\w+)*\.(?:on[l]y|sk[i]p|to[d]o|fail[s])\b/,
    'runs less than it seems',
  ],
  [conditional, 'runs less than it seems; list it in tools/listed-skips.ts'],
]

/**
 * Lines of sources that say the work is unfinished or hide it: `file:line: reason` each.
 * @param root the checkout
 */
export const checkWords = (root: string): string[] =>
  filesOf(root, '**/*.{ts,mts,mjs,js,svelte,css,html}').flatMap((file) =>
    readFileSync(join(root, file), 'utf8')
      .split('\n')
      .flatMap((line, index) =>
        unfinished
          .filter(([pattern]) => pattern.test(line))
          .filter(([pattern]) => pattern !== conditional || !isListed(file))
          .map(
            ([pattern, reason]) => `${file}:${index + 1}: ${pattern.exec(line)?.[0]}: ${reason}`,
          ),
      ),
  )

/**
 * Markdown links to files inside the repository that do not exist: `file: link` each.
 * @param root the checkout
 */
export const checkLinks = (root: string): string[] =>
  filesOf(root, '**/*.md').flatMap((file) =>
    linksOf(readFileSync(join(root, file), 'utf8'))
      .filter((link) => !existsSync(target(root, file, link)))
      .map((link) => `${file}: links to ${link}, which does not exist`),
  )

const filesOf = (root: string, pattern: string): string[] =>
  globSync(pattern, { cwd: root, exclude: (path) => skippedFolders.test(path) })
    .concat(globSync(pattern.replace('**/', '.ci/'), { cwd: root }))
    .filter((file) => !skippedFolders.test(file))
    .sort()

const target = (root: string, file: string, link: string): string =>
  link.startsWith('/') ? join(root, link) : join(root, dirname(file), link)

/** Relative link targets of a Markdown text, without their fragments; code is not looked into. */
const linksOf = (text: string): string[] => {
  const prose = text.replace(/^(```|~~~)[^]*?^\1/gm, '').replace(/`[^`\n]*`/g, '')
  const inline = [...prose.matchAll(/\]\(<?([^)\s>]+)>?(?:\s+"[^"]*")?\)/g)]
  const references = [...prose.matchAll(/^\s*\[[^\]]+\]:\s*<?(\S+?)>?(?:\s|$)/gm)]
  return [...inline, ...references]
    .map((match) => match[1] ?? '')
    .filter((link) => !/^(?:[a-z][a-z0-9+.-]*:|#)/i.test(link))
    .map((link) => decodeURIComponent(link.replace(/[#?].*$/, '')))
}
