/**
 * Makes a bare clone ready and then runs a script: `node tools/prepare.mjs [script [arguments]]`.
 *
 * Every npm script goes through here rather than through `pre` hooks, because .npmrc switches
 * install scripts off and npm then skips those hooks too; and through one process rather than
 * `prepare && node script`, because a shell remembers where it found `node` before the install.
 */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, symlinkSync } from 'node:fs'
import { join, relative } from 'node:path'
import { becomeNode, findFitNode, findPinnedNode, noFitNode, root } from './require-node.mjs'
import { findStalePackage } from './stale-packages.mjs'

const say = (/** @type {string} */ line) => process.stderr.write(`prepare: ${line}\n`)

const readJson = (/** @type {string} */ name) => JSON.parse(readFileSync(join(root, name), 'utf8'))

/** Why `npm ci` must run, or undefined when it need not. */
const whyInstall = () => {
  if (!existsSync(join(root, 'node_modules', '.package-lock.json'))) {
    return 'node_modules is missing'
  }
  const stale = findStalePackage(
    readJson('package-lock.json'),
    readJson('node_modules/.package-lock.json'),
  )
  return stale === undefined ? undefined : `${stale} is not as package-lock.json says`
}

const install = () => {
  // npm's own Node: the pinned one lives in the folder that `npm ci` is about to remove.
  const npm = process.env.npm_execpath
  const args = ['ci', '--include=dev', '--no-audit', '--no-fund', '--loglevel=error']
  const run = npm
    ? spawnSync(process.env.npm_node_execpath ?? process.execPath, [npm, ...args], options)
    : spawnSync('npm', args, { ...options, shell: process.platform === 'win32' })
  if (run.status === 0) return
  say('npm ci failed; its own message is above. Is the registry reachable?')
  process.exit(run.status ?? 1)
}

/** @type {import('node:child_process').SpawnSyncOptions} */
const options = { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] }

/** npm leaves `.bin/node` out at times, when several optional packages offer that name. */
const linkNode = () => {
  const link = join(root, 'node_modules', '.bin', 'node')
  const pinned = findPinnedNode()
  if (process.platform === 'win32' || pinned === undefined || existsSync(link)) return
  const folder = join(root, 'node_modules', '.bin')
  mkdirSync(folder, { recursive: true })
  symlinkSync(relative(folder, pinned), link)
  say('linked node_modules/.bin/node')
}

const reason = whyInstall()
if (reason !== undefined) {
  say(`${reason}: running npm ci (about half a minute)`)
  const started = Date.now()
  install()
  say(`packages installed in ${Math.round((Date.now() - started) / 1000)} s`)
}
linkNode()

/** Scripts that start a server need the web app that it serves. */
const servesWeb = /(bin\/hearthold|tools\/test\.ts|tools\/demo\.ts|bench\/main\.ts)$/

const buildWeb = (/** @type {string} */ withNode) => {
  const run = spawnSync(withNode, [join(root, 'tools', 'build-web.ts')], options)
  if (run.status === 0) return
  say('the web app could not be built; the reason is above')
  process.exit(run.status ?? 1)
}

const [script, ...rest] = process.argv.slice(2)
const node = findFitNode()
if (node === undefined) {
  process.stderr.write(noFitNode())
  process.exitCode = 1
} else if (script !== undefined) {
  if (servesWeb.test(script)) buildWeb(node)
  becomeNode(node, [join(root, script), ...rest])
}
