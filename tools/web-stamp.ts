/** Tells builds of the web app's sources apart. */
import { createHash } from 'node:crypto'
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

const root = join(import.meta.dirname, '..')

const sources = [
  'package-lock.json',
  'apps/web/index.html',
  'apps/web/vite.config.ts',
  'apps/web/package.json',
  'apps/web/public/**/*',
  'apps/web/src/!(design)/**/*',
  'apps/web/src/*',
  'packages/*/src/**/*.ts',
]

/** One hash over the names and contents of all that the web app is made from, and of `more` files, named from the root. */
export const webStamp = (more: readonly string[] = []): string => {
  const hash = createHash('sha256')
  const files = globSync([...sources, ...more], { cwd: root, withFileTypes: true })
    .filter((entry) => entry.isFile() && !/\.(test|oracle)\.ts$/.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort()
  for (const file of files) hash.update(file.slice(root.length)).update(readFileSync(file))
  return hash.digest('hex')
}
