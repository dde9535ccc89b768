/**
 * Where the tests get a browser: the one named by CHROMIUM_PATH, else an installed one, else the
 * build that `npm ci` brought. Nothing is ever downloaded here.
 */
import { execFileSync } from 'node:child_process'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { delimiter, join } from 'node:path'

const root = join(import.meta.dirname, '..')
const packageFolder = join(root, 'node_modules', '@sparticuz', 'chromium')
const systemNames = ['chromium', 'chromium-browser', 'google-chrome-stable', 'google-chrome']

/** What Playwright's `chromium.launch` needs to start the browser that was found. */
export type ChromiumLaunch = {
  executablePath: string
  args: string[]
  env?: Record<string, string>
}

/**
 * Finds a Chromium, unpacking the one from `node_modules` into `.cache/chromium` the first time
 * (about two seconds and 250 MB). Throws when CHROMIUM_PATH names a file that is not there.
 * Only `--no-sandbox` is passed: the flags the packaged build recommends switch off web security.
 */
export const chromiumLaunch = async (): Promise<ChromiumLaunch> => {
  const args = ['--no-sandbox']
  const named = process.env['CHROMIUM_PATH']
  if (named) {
    if (!existsSync(named)) throw new Error('CHROMIUM_PATH names a file that does not exist')
    return { executablePath: named, args }
  }
  const installed = findOnPath(systemNames)
  if (installed) return { executablePath: installed, args }
  return { ...(await packagedChromium()), args }
}

const findOnPath = (names: string[]): string | undefined => {
  const folders = (process.env['PATH'] ?? '').split(delimiter)
  return names.flatMap((name) => folders.map((folder) => join(folder, name))).find(existsSync)
}

const packagedChromium = async (): Promise<Omit<ChromiumLaunch, 'args'>> => {
  const folder = join(root, '.cache', `chromium-${packagedVersion()}`)
  if (!existsSync(folder)) await unpack(folder)
  const executablePath = join(folder, 'chromium')
  const env = { ...definedEnvironment(), FONTCONFIG_PATH: folder }
  // Slim machines lack libnss3 and its kin; the package brings them for that case.
  if (!lacksLibraries(executablePath)) return { executablePath, env }
  return { executablePath, env: { ...env, LD_LIBRARY_PATH: join(folder, 'al2023', 'lib') } }
}

const packagedVersion = (): string => {
  const text = readFileSync(join(packageFolder, 'package.json'), 'utf8')
  return (JSON.parse(text) as { version: string }).version
}

/** Unpacks beside the target and renames, so that two runs at once cannot meet half a browser. */
const unpack = async (folder: string): Promise<void> => {
  mkdirSync(join(root, '.cache'), { recursive: true })
  const temporary = mkdtempSync(`${folder}-`)
  const previous = process.env['TMPDIR']
  // The package returns whatever it finds at <tmpdir>/chromium, so it gets a folder of its own.
  process.env['TMPDIR'] = temporary
  try {
    const { default: chromium, inflate } = await import('@sparticuz/chromium')
    await chromium.executablePath()
    await inflate(join(packageFolder, 'bin', 'al2023.tar.br'))
    writeFileSync(join(temporary, 'fonts.conf'), fontsConf(folder))
    renameSync(temporary, folder)
  } catch (error) {
    // Another run may have been first; its copy is as good as ours.
    if (!existsSync(folder)) throw error
  } finally {
    if (previous === undefined) delete process.env['TMPDIR']
    else process.env['TMPDIR'] = previous
    rmSync(temporary, { recursive: true, force: true })
  }
}

const fontsConf = (folder: string): string => `<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
  <dir>${folder}/fonts</dir>
  <dir>/usr/share/fonts</dir>
  <cachedir>${folder}/fonts-cache</cachedir>
</fontconfig>
`

const lacksLibraries = (file: string): boolean => {
  try {
    return execFileSync('ldd', [file], { encoding: 'utf8' }).includes('not found')
  } catch {
    return false
  }
}

const definedEnvironment = (): Record<string, string> =>
  Object.fromEntries(
    Object.entries(process.env).filter(
      (entry): entry is [string, string] => entry[1] !== undefined,
    ),
  )
