/**
 * `npm run pictures`: looks at the web app as its users see it, and writes docs/pictures/*.png: first run, Files, "Who can
 * read this?", repositories and the recovery sheet, light and dark, wide and narrow. Real server, real browser, invented people.
 */
import { execFileSync } from 'node:child_process'
import { mkdir, mkdtemp, readFile, rm, stat, truncate, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import type { Page } from 'playwright-core'
import { text as files } from '../apps/web/src/text/en/files.ts'
import { BrowserPerson } from './demo/browser-person.ts'
import * as steps from './demo/browser-steps.ts'
import { DemoServer } from './demo/instance.ts'
import { browseRepository, openRepository, plantRepositories } from './pictures-repositories.ts'

const root = resolve(import.meta.dirname, '..')
const pictures = join(root, 'docs', 'pictures')
const mostBytes = 150_000

const looks = [
  { name: '', viewport: { width: 1280, height: 800 }, colorScheme: 'light' },
  { name: '-dark', viewport: { width: 1280, height: 800 }, colorScheme: 'dark' },
  { name: '-narrow', viewport: { width: 360, height: 740 }, colorScheme: 'light' },
  { name: '-narrow-dark', viewport: { width: 360, height: 740 }, colorScheme: 'dark' },
] as const
type Look = (typeof looks)[number]

const kib = 1024
const film = 'Film of the summer.mkv'
const filmBytes = 200 * kib * kib
/** What lies in the share: path, bytes, age in hours. */
const contents: readonly (readonly [path: string, bytes: number, hours: number])[] = [
  ['Insurance/Home 2026.pdf', 410 * kib, 50],
  ['School/Timetable.pdf', 90 * kib, 20],
  ['Summer house/Well and pump.txt', 3 * kib, 700],
  ['Taxes/Receipts.csv', 18 * kib, 400],
  ['Budget 2026.ods', 64 * kib, 3],
  ['Garden plan.png', 1_310 * kib, 26],
  ['Letter to the council.odt', 31 * kib, 75],
  ['Midsummer song.mp3', 2_900 * kib, 2100],
  ['Recipes of grandmother Elsa.md', 12 * kib, 190],
]

const plant = async (folder: string): Promise<void> => {
  for (const [path, bytes, hours] of contents) {
    const file = join(folder, path)
    await mkdir(dirname(file), { recursive: true })
    await writeFile(file, Buffer.alloc(bytes, path))
    const at = new Date(Date.now() - hours * 3_600_000)
    await utimes(file, at, at)
  }
}

/** Takes one picture; `name` says what it shows. */
const take = async (page: Page, name: string): Promise<void> => {
  // What moves has come to rest.
  await page.waitForTimeout(500)
  const path = join(pictures, `${name}.png`)
  await page.screenshot({ path, animations: 'disabled', caret: 'hide' })
  const { size } = await stat(path)
  if (size > mostBytes) throw new Error(`${name}.png has ${size} bytes: at most ${mostBytes}.`)
  process.stdout.write(`docs/pictures/${name}.png  ${size}\n`)
}

/** The sheet as it is printed: the page's own styles for paper, without a printer. */
const takeSheet = async (page: Page, { name, viewport }: Look): Promise<void> => {
  const isWide = viewport.width > 560
  await take(page, `recovery-key${name}`)
  if (name !== '') return
  await page.emulateMedia({ media: 'print', colorScheme: 'light' })
  await page.setViewportSize({ width: 640, height: 640 })
  await take(page, 'recovery-sheet')
  await page.emulateMedia({ media: 'screen', colorScheme: isWide ? 'light' : 'dark' })
  await page.setViewportSize(viewport)
}

/** A large file on its way: the server holds its breath while the picture is taken. */
const takeUpload = async (
  person: BrowserPerson,
  server: DemoServer,
  file: string,
  name: string,
): Promise<void> => {
  const { page } = person
  await writeFile(file, '')
  await truncate(file, filmBytes)
  await steps.beginDrop(person, file)
  const card = page.getByRole('article', { name: files.transfers.uploading(1) })
  await card.getByText(/^(?:[4-9]\d|1\d\d)\.\d MiB of/).waitFor()
  process.kill(server.pid, 'SIGSTOP')
  try {
    await page.mouse.move(0, 0)
    await take(page, name)
  } finally {
    process.kill(server.pid, 'SIGCONT')
  }
  const stored = page.getByText(/sealed and stored/).first()
  await stored.waitFor()
  await stored.waitFor({ state: 'hidden' })
}

/** The list, one of it, and what is in its newest snapshot. */
const takeRepositories = async (
  person: BrowserPerson,
  server: DemoServer,
  look: Look,
): Promise<void> => {
  const { page } = person
  await plantRepositories(person, server)
  await page.mouse.move(0, 0)
  await take(page, `repositories${look.name}`)
  await openRepository(page)
  await take(page, `repository${look.name}`)
  await browseRepository(page)
  await take(page, `browse${look.name}`)
}

const takeAll = async (
  person: BrowserPerson,
  server: DemoServer,
  look: Look,
  tree: string,
): Promise<void> => {
  const { page } = person
  const token = (await readFile(server.setUpTokenFile, 'utf8')).trim()
  const who = { name: 'ada', displayName: 'Ada Lindqvist' }
  await steps.beginSetUp(person, { token, instanceName: 'The Lindqvists', ...who })
  await take(page, `first-run${look.name}`)
  await steps.enterByPasskey(page, () => takeSheet(page, look))
  await steps.createShare(person, 'House papers')
  const tops = new Set(contents.map(([path]) => path.split('/')[0]!))
  await steps.drop(person, ...[...tops].map((top) => join(tree, top)))
  // The card of what ended well leaves by itself.
  await page
    .getByText(/sealed and stored/)
    .first()
    .waitFor({ state: 'hidden' })
  await page.mouse.move(0, 0)
  await takeUpload(person, server, join(tree, film), `files${look.name}`)
  await page.getByRole('button', { name: files.folder.seal('Budget 2026.ods') }).click()
  await page.getByText('What would change this').waitFor()
  await take(page, `who-can-read${look.name}`)
  await takeRepositories(person, server, look)
  const complaints = person.complaints()
  if (complaints.length > 0) throw new Error(complaints.join('\n'))
}

const picture = async (look: Look): Promise<void> => {
  const folder = await mkdtemp(join(tmpdir(), 'hearthold-pictures-'))
  const tree = join(folder, 'tree')
  await plant(tree)
  const server = await DemoServer.start(folder)
  const person = await BrowserPerson.open(server.url, join(folder, 'browser'), look)
  try {
    await takeAll(person, server, look, tree)
  } finally {
    await person.close()
    await server.stop()
    await rm(folder, { recursive: true, force: true })
  }
}

await mkdir(pictures, { recursive: true })
execFileSync(process.execPath, [join(root, 'tools', 'build-web.ts')], { stdio: 'inherit' })
for (const look of looks) await picture(look)
