/**
 * Which Node runs Hearthold, and how a script started by another one gets there.
 *
 * Plain JavaScript, because this is what an old Node meets first: package.json pins a build of Node
 * as an optional package per platform, and everything in TypeScript runs on that one.
 */
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const root = join(dirname(fileURLToPath(import.meta.url)), '..')

const oldest = { major: 24, minor: 11 }
const pinnedPackages = [
  `node-${process.platform === 'win32' ? 'win' : process.platform}-${process.arch}`,
  `node-bin-${process.platform}-${process.arch}`,
]

/**
 * What the server's Node is started with. An append leaves some 100 kB of short-lived objects: with the standard young
 * generation of 1 to 16 MB they are collected, and the survivors copied, many times a second. Costs 32 MB at most.
 */
export const serverFlags = ['--min-semi-space-size=16', '--max-semi-space-size=16']

/**
 * Can this version run the TypeScript sources as they are?
 * @param {string} version such as process.version, `v24.11.0`
 */
export const isNodeFit = (version) => {
  const [major = 0, minor = 0] = version.replace(/^v/, '').split('.').map(Number)
  return major > oldest.major || (major === oldest.major && minor >= oldest.minor)
}

/**
 * The pinned build inside node_modules, or undefined where this platform has none.
 * @param {string} [folder] the checkout
 */
export const findPinnedNode = (folder = root) =>
  pinnedPackages
    .map((name) => join(folder, 'node_modules', name, 'bin', executable('node')))
    .find((file) => existsSync(file))

/**
 * The Node to run with: this one if it is fit, else the pinned build; undefined where neither is.
 * @param {string} [folder] the checkout
 */
export const findFitNode = (folder = root) =>
  isNodeFit(process.version) ? process.execPath : findPinnedNode(folder)

/** What to tell someone for whom findFitNode found nothing. */
export const noFitNode = () =>
  `Hearthold needs Node ${oldest.major}.${oldest.minor} or newer; this is ${process.version}.\n` +
  `The pinned build for ${process.platform}-${process.arch} is not in node_modules: run "npm ci",\n` +
  'or, if there is none for this machine, install a newer Node from https://nodejs.org.\n'

/** Tells a Node whose it is: where that process was killed, nobody passes signals on to it any more. */
const launcherVariable = 'HEARTHOLD_LAUNCHER_PID'

/**
 * Runs a script with another Node in this process's place: same terminal, exit code and signals.
 * Where the running Node can replace itself, the process id stays the same too. Where it cannot,
 * the other one finds by `whenOrphaned` that this process was killed.
 * @param {string} node path of the Node to run
 * @param {string[]} args the script and its arguments
 * @param {NodeJS.ProcessEnv} [env]
 */
export const becomeNode = (node, args, env = process.env) => {
  if (process.execve && process.platform !== 'win32') {
    process.execve(node, [node, ...args], definedOnly(env))
  }
  const child = spawn(node, args, {
    stdio: 'inherit',
    env: { ...env, [launcherVariable]: String(process.pid) },
  })
  // A terminal sends its interrupt to both of us; sending it again would look like a second one.
  const forward = (/** @type {NodeJS.Signals} */ signal) => {
    if (signal !== 'SIGINT' || !process.stdin.isTTY) child.kill(signal)
  }
  for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP'])) {
    process.on(signal, forward)
  }
  whenAbandoned(() => child.kill('SIGTERM'))
  child.on('error', (error) => {
    process.stderr.write(`Cannot run ${node}: ${error.message}\n`)
    process.exit(1)
  })
  child.on('exit', (code, signal) => {
    if (signal === null) process.exit(code ?? 1)
    process.removeAllListeners(signal)
    process.kill(process.pid, signal)
  })
}

/**
 * Calls `act` when the process that started this one is gone. npm passes a signal on to the shell
 * it runs scripts with, and many shells die of it without telling their child, so that a stopped
 * `npm start` would leave a server behind. Does nothing outside npm, where a parent may well leave.
 * @param {() => void} act
 */
export const whenAbandoned = (act) => {
  if (!process.env.npm_lifecycle_event || process.platform === 'win32') return
  const parent = process.ppid
  watch(() => process.ppid !== parent, act)
}

/**
 * Calls `act` when the launcher that runs this process in its place (`becomeNode`) is gone, which
 * could not tell that it was killed. Does nothing in any other process, also where that was
 * started by one that has a launcher.
 * @param {() => void} act
 */
export const whenOrphaned = (act) => {
  const launcher = Number(process.env[launcherVariable])
  delete process.env[launcherVariable]
  if (launcher !== process.ppid) return
  watch(() => process.ppid !== launcher || !isRunning(launcher), act)
}

const watch = (/** @type {() => boolean} */ isGone, /** @type {() => void} */ act) => {
  const timer = setInterval(() => {
    if (!isGone()) return
    clearInterval(timer)
    act()
  }, 500)
  timer.unref()
}

/** Windows names the parent for ever. */
const isRunning = (/** @type {number} */ pid) => {
  try {
    return process.kill(pid, 0)
  } catch (error) {
    return /** @type {NodeJS.ErrnoException} */ (error).code === 'EPERM'
  }
}

const executable = (/** @type {string} */ name) =>
  process.platform === 'win32' ? `${name}.exe` : name

const definedOnly = (/** @type {NodeJS.ProcessEnv} */ env) =>
  /** @type {Record<string, string>} */ (
    Object.fromEntries(Object.entries(env).filter(([, value]) => value !== undefined))
  )
