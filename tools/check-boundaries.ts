/**
 * Checks every import and every declared dependency of the workspace against import-law.ts.
 * TypeScript alone does not: an undeclared workspace import compiles in silence.
 */
import { existsSync, globSync, readFileSync } from 'node:fs'
import { isBuiltin } from 'node:module'
import { join, posix } from 'node:path'
import { areaLaw, type FolderLaw, importLaw, serverLaw } from './import-law.ts'
import { importsOf } from './imports-of.ts'

const scope = '@hearthold/'
const serverSources = 'apps/server/src'
const areas = 'apps/web/src/areas/'

type Manifest = {
  name?: string
  exports?: Record<string, unknown>
  imports?: Record<string, string | Record<string, string>>
  dependencies?: Record<string, string>
  devDependencies?: Record<string, string>
  optionalDependencies?: Record<string, string>
}

/** One workspace folder with its law. */
type Folder = { path: string; manifest: Manifest; law: FolderLaw; rootManifest: Manifest }

/**
 * Every violation under `root` (a checkout), one line of text each, empty when the law is kept.
 * Throws when a package.json cannot be read.
 */
export const checkBoundaries = (root: string): string[] => {
  const rootManifest = readManifest(root, '.')
  return globSync(['packages/*', 'apps/*'], { cwd: root })
    .map((path) => path.replaceAll('\\', '/'))
    .filter((path) => existsSync(join(root, path, 'package.json')))
    .sort()
    .flatMap((path) => {
      const law = importLaw[path]
      if (law === undefined) return [`${path}: import-law.ts does not know this folder`]
      const folder = { path, law, rootManifest, manifest: readManifest(root, path) }
      return [...checkManifest(folder), ...checkSources(root, folder)]
    })
}

const readManifest = (root: string, folder: string): Manifest =>
  JSON.parse(readFileSync(join(root, folder, 'package.json'), 'utf8')) as Manifest

const checkManifest = ({ path, manifest, law }: Folder): string[] => {
  const at = (reason: string) => `${path}/package.json: ${reason}`
  const wantedName = scope + posix.basename(path)
  const doors = Object.keys(manifest.exports ?? {})
  return [
    ...(manifest.name === wantedName ? [] : [at(`must be named ${wantedName}`)]),
    ...(law.door === false
      ? doors.map((door) => at(`must export nothing, and exports "${door}"`))
      : doors.length === 1 && doors[0] === '.'
        ? []
        : [at('must have one door, exports "."')]),
    ...Object.entries(manifest.dependencies ?? {}).flatMap(([name, version]) => [
      ...(mayDependOn(law, name) ? [] : [at(`must not depend on ${name}`)]),
      ...(/^\d+\.\d+\.\d+(?:-[\w.]+)?$/.test(version) ? [] : [at(`${name} is not pinned exactly`)]),
    ]),
  ]
}

const mayDependOn = (law: FolderLaw, name: string): boolean => {
  if (name.startsWith(scope)) return law.workspace.includes(name.slice(scope.length))
  return law.external.some(
    (allowed) =>
      allowed === '*' ||
      allowed === name ||
      (allowed.endsWith('/*') && name.startsWith(allowed.slice(0, -1))),
  )
}

const checkSources = (root: string, folder: Folder): string[] =>
  globSync(`${folder.path}/src/**/*.{ts,mts,js,mjs,svelte}`, { cwd: root })
    .map((file) => file.replaceAll('\\', '/'))
    .filter((file) => !/(^|\/)(node_modules|fixtures)\//.test(file))
    .sort()
    .flatMap((file) =>
      importsOf(readFileSync(join(root, file), 'utf8')).flatMap(({ line, specifier }) => {
        const reason = whyForbidden(folder, file, specifier)
        return reason === undefined ? [] : [`${file}:${line}: ${reason}`]
      }),
    )

/** Why this file may not import that, or undefined when it may. */
const whyForbidden = (
  folder: Folder,
  file: string,
  specifier: string | undefined,
): string | undefined => {
  if (specifier === undefined) return 'imports a name computed at run time'
  if (specifier.startsWith('/')) return `imports the absolute path ${specifier}`
  if (specifier.startsWith('#')) return whyForbiddenSubpath(folder, file, specifier)
  if (specifier.startsWith('.')) return whyForbiddenPath(folder, file, resolved(file, specifier))
  return isTest(file)
    ? whyForbiddenInTest(folder, specifier)
    : whyForbiddenPackage(folder, file, specifier)
}

/** An oracle is a second, slow and readable implementation that only tests compare with. */
const isTest = (file: string): boolean => /\.(?:test|oracle)\.ts$/.test(file)

/** What tests of several folders share: the support for product tests, and the formats' vectors. */
const sharedByTests = ['test/', 'docs/formats/vectors/']

const resolved = (file: string, specifier: string): string =>
  posix.join(posix.dirname(file), specifier)

const whyForbiddenPackage = (
  { path, law, manifest }: Folder,
  file: string,
  specifier: string,
): string | undefined => {
  if (isBuiltin(specifier)) {
    const allowed = law.node.includes('*') || law.node.includes(file.slice(path.length + 1))
    return allowed ? undefined : `must not import ${specifier}: it runs in browsers too`
  }
  const name = packageName(specifier)
  if (name.startsWith(scope) && name !== specifier) {
    return `imports ${specifier}, past the one door of ${name}`
  }
  if (!mayDependOn(law, name)) return `${path} must not import ${name}`
  const declared = { ...manifest.dependencies, ...manifest.devDependencies }
  return name in declared ? undefined : `imports ${name}, which ${path}/package.json lacks`
}

/** A test may use every package's door, Node, and the tools that the root package.json names. */
const whyForbiddenInTest = (folder: Folder, specifier: string): string | undefined => {
  const name = packageName(specifier)
  if (isBuiltin(specifier)) return undefined
  if (name.startsWith(scope)) {
    return name === specifier ? undefined : `imports ${specifier}, past the one door of ${name}`
  }
  const declared = {
    ...folder.manifest.dependencies,
    ...folder.manifest.devDependencies,
    ...folder.rootManifest.devDependencies,
  }
  return name in declared ? undefined : `imports ${name}, which no package.json here declares`
}

const packageName = (specifier: string): string =>
  specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/')

const whyForbiddenSubpath = (
  folder: Folder,
  file: string,
  specifier: string,
): string | undefined => {
  const entry = Object.entries(folder.manifest.imports ?? {}).find(([pattern]) =>
    pattern.endsWith('*') ? specifier.startsWith(pattern.slice(0, -1)) : specifier === pattern,
  )
  if (entry === undefined) return `imports ${specifier}, which ${folder.path}/package.json lacks`
  const [pattern, target] = entry
  const targets = typeof target === 'string' ? [target] : Object.values(target)
  return targets
    .map((text) => text.replace('*', specifier.slice(pattern.length - 1)))
    .map((path) => whyForbiddenPath(folder, file, posix.join(folder.path, path)))
    .find((reason) => reason !== undefined)
}

const whyForbiddenPath = (folder: Folder, file: string, target: string): string | undefined => {
  if (isTest(file)) {
    const allowed = [...sharedByTests, `${folder.path}/test/`]
    if (allowed.some((start) => target.startsWith(start))) return undefined
  }
  if (!target.startsWith(`${folder.path}/src/`)) return `imports ${target}, outside ${folder.path}`
  if (isTest(target) && !(isTest(file) && target.endsWith('.oracle.ts'))) {
    return `imports the test ${target}`
  }
  if (isTest(file)) return undefined
  return folder.path === 'apps/server'
    ? whyForbiddenInServer(file, target)
    : whyForbiddenInAreas(file, target)
}

const areaOf = (path: string): string | undefined =>
  path.startsWith(areas) ? path.slice(areas.length).split('/')[0] : undefined

/** The app itself (app.svelte, router) opens areas; what areas share knows none of them. */
const whyForbiddenInAreas = (file: string, target: string): string | undefined => {
  const [from, to] = [areaOf(file), areaOf(target)]
  if (to === undefined || from === to) return undefined
  if (from !== undefined) {
    return areaLaw[from]?.includes(to) ? undefined : `area ${from} must not import area ${to}`
  }
  const isShared = file.slice('apps/web/src/'.length).includes('/')
  return isShared ? `must not import an area (${target})` : undefined
}

const whyForbiddenInServer = (file: string, target: string): string | undefined => {
  const from = serverPart(file)
  if (from.part === undefined) return undefined
  const to = serverPart(target)
  if (to.part === undefined) return `${from.part} must not import the composer (${target})`
  if (!serverLaw[from.part]?.includes(to.part)) return `${from.part} must not import ${target}`
  if (from.part !== 'features' || to.part !== 'features' || from.name === to.name) return undefined
  return to.rest === 'public.ts'
    ? undefined
    : `feature ${from.name} may import only the public.ts of ${to.name}, not ${target}`
}

/** Where in the server a file stands: `features/files/store.ts` is part, name and rest. */
const serverPart = (path: string) => {
  const [part, name, ...rest] = path.slice(serverSources.length + 1).split('/')
  const known = part !== undefined && name !== undefined && Object.hasOwn(serverLaw, part)
  return { part: known ? part : undefined, name, rest: rest.join('/') }
}
