/**
 * Checks on the web app that no other tool makes: its components keep to the same length as all files and to the content
 * security policy, and nothing that runs on the page's main thread leads to the package that handles keys.
 */
import { existsSync, globSync, readFileSync } from 'node:fs'
import { join, posix } from 'node:path'
import { importsOf } from './imports-of.ts'

const sources = 'apps/web/src'
const entry = `${sources}/main.ts`
const keyPackage = '@hearthold/member'
const mostLines = 400

const forbidden: [RegExp, string][] = [
  [/\{@html\b/, 'turns text into markup; names and contents are never markup'],
  [
    /\sstyle=(?:"|'|(?=[^{\s]))/,
    'the policy blocks style attributes: use a class, or style:name={value}',
  ],
  [/\son[a-z]+="/, 'the policy blocks handlers in attributes'],
]

/**
 * Every violation under `root` (a checkout): `file:line: reason` each, empty when there is none.
 * @param root the checkout
 */
export const checkWeb = (root: string): string[] => [
  ...filesOf(root).flatMap((file) => checkComponent(file, readFileSync(join(root, file), 'utf8'))),
  ...waysToKeys(root),
]

const filesOf = (root: string): string[] =>
  globSync(['apps/web/*.html', `${sources}/**/*.svelte`], { cwd: root })
    .map((file) => file.replaceAll('\\', '/'))
    .sort()

const checkComponent = (file: string, text: string): string[] => {
  const lines = text.replace(/\n$/, '').split('\n')
  return [
    ...(lines.length > mostLines
      ? [`${file}:${lines.length}: has more than ${mostLines} lines`]
      : []),
    ...lines.flatMap((line, index) =>
      forbidden
        .filter(([pattern]) => pattern.test(line))
        .map(([, reason]) => `${file}:${index + 1}: ${reason}`),
    ),
  ]
}

/**
 * Follows what the page loads, now or later, to the package of keys. A worker is another thread: `new Worker` and types
 * are no way.
 */
const waysToKeys = (root: string): string[] => {
  if (!existsSync(join(root, entry))) return []
  const cameFrom = new Map<string, string | undefined>([[entry, undefined]])
  const found: string[] = []
  for (const file of cameFrom.keys()) {
    for (const { line, specifier } of importsOf(
      withoutTypes(readFileSync(join(root, file), 'utf8')),
    )) {
      if (specifier === keyPackage) {
        found.push(
          `${file}:${line}: brings ${keyPackage} to the main thread: ${way(cameFrom, file)}`,
        )
      }
      const target = targetOf(root, file, specifier)
      if (target !== undefined && !cameFrom.has(target)) cameFrom.set(target, file)
    }
  }
  return found
}

/** The same lines without imports and exports of types alone, which the compiler takes out. */
const withoutTypes = (text: string): string =>
  text.replace(/^[ \t]*(?:import|export)\s+type\s[^'"]*?from\s*['"][^'"\n]*['"]/gm, (statement) =>
    statement.replace(/[^\n]/g, ''),
  )

const targetOf = (
  root: string,
  file: string,
  specifier: string | undefined,
): string | undefined => {
  if (specifier === undefined || !specifier.startsWith('.')) return undefined
  const target = posix.join(posix.dirname(file), specifier.replace(/\?.*$/, ''))
  const isSource = /\.(?:ts|svelte)$/.test(target) && target.startsWith(`${sources}/`)
  return isSource && existsSync(join(root, target)) ? target : undefined
}

const way = (cameFrom: ReadonlyMap<string, string | undefined>, end: string): string => {
  const steps: string[] = []
  for (let at: string | undefined = end; at !== undefined; at = cameFrom.get(at)) steps.unshift(at)
  return steps.map((step) => step.slice(sources.length + 1)).join(' > ')
}
