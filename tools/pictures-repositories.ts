/** Repositories for the pictures: with months of snapshots, planted as a folder that the server takes up. */
import { createHash, randomBytes } from 'node:crypto'
import { mkdir, truncate, utimes, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Page } from 'playwright-core'
import {
  file,
  folder,
  testPassword,
  TestRepository,
} from '../packages/member/src/restic/test-repository.oracle.ts'
import { text } from '../apps/web/src/text/en/repositories.ts'
import { text as reader } from '../apps/web/src/text/en/reader.ts'
import type { BrowserPerson } from './demo/browser-person.ts'
import type { DemoServer } from './demo/instance.ts'

const dayMs = 24 * 3_600_000
const gib = 1024 ** 3

type Planted = {
  readonly name: string
  readonly gibibytes: number
  /** Days ago on which a snapshot was made. */
  readonly days: readonly number[]
  readonly hours: number
}

const daysFrom = (first: number, last: number, without: readonly number[] = []): number[] =>
  Array.from({ length: first - last + 1 }, (_, index) => first - index).filter(
    (day) => !without.includes(day),
  )

const planted: readonly Planted[] = [
  { name: 'laptop', gibibytes: 84.2, days: daysFrom(70, 0, [8, 31, 32]), hours: 2 },
  { name: 'studio', gibibytes: 412, days: daysFrom(70, 4, [22]), hours: 7 },
  { name: 'phone-photos', gibibytes: 31, days: daysFrom(70, 0), hours: 6 },
  { name: 'club-server', gibibytes: 9.4, days: daysFrom(21, 0), hours: 1 },
]

const folders = ['Documents', 'Letters', 'Music', 'Photos', 'Projects'] as const

/** What the newest snapshot of each holds: folders with a file in each, and some files beside them. */
const plantTree = async (repository: TestRepository): Promise<string> => {
  const plain = new TextEncoder().encode('Well and pump: turn the valve to the left.\n')
  const blob = await repository.putBlob('data', plain)
  const nodes: object[] = []
  for (const name of folders) {
    const inside = await repository.putTree([
      file('Well and pump.txt', [blob], { size: plain.length }),
    ])
    nodes.push(folder(name, inside, { mtime: '2026-10-03T09:00:00Z' }))
  }
  for (const [name, size] of [
    ['Budget 2026.ods', 65_536],
    ['Garden plan.png', 1_341_440],
    ['Midsummer song.mp3', 2_969_600],
    ['Well and pump.txt', plain.length],
  ] as const) {
    nodes.push(file(name, [blob], { size, mtime: '2026-11-02T18:20:00Z' }))
  }
  return repository.putTree(nodes)
}

/** Writes one repository as a folder of rest-server's layout, with the times at which its snapshots came. */
const plantOne = async (top: string, { gibibytes, days, hours, name }: Planted): Promise<void> => {
  const repository = await TestRepository.create()
  const tree = await plantTree(repository)
  const arrivals = new Map<string, Date>()
  for (const day of days) {
    const at = new Date(Date.now() - day * dayMs - hours * 3_600_000)
    const more = { hostname: name, username: 'ada', paths: ['/home/ada'], tags: ['daily'] }
    const id = await repository.putSnapshot(tree, { ...more, time: at.toISOString() })
    arrivals.set(`snapshots/${id}`, at)
  }
  await repository.putIndex()
  for (const [object, bytes] of repository.files) {
    const path = join(top, object.replace(/^data\/(..)/, 'data/$1/$1'))
    await mkdir(dirname(path), { recursive: true })
    await writeFile(path, bytes)
    const at = arrivals.get(object)
    if (at) await utimes(path, at, at)
  }
  // The bulk, which no picture opens: a file with nothing written in it.
  const bulk = createHash('sha256').update(randomBytes(32)).digest('hex')
  await mkdir(join(top, 'data', bulk.slice(0, 2)), { recursive: true })
  const path = join(top, 'data', bulk.slice(0, 2), bulk)
  await writeFile(path, '')
  await truncate(path, Math.round(gibibytes * gib))
}

/** Plants all of them for the person who is in, and makes them known in the page. Ends in the list. */
export const plantRepositories = async (
  person: BrowserPerson,
  server: DemoServer,
): Promise<void> => {
  const { page } = person
  const account = await page.evaluate(async () => {
    const answer = (await (await fetch('/api/session')).json()) as { account: string }
    return answer.account
  })
  for (const one of planted) {
    await plantOne(join(server.dataFolder, 'repositories', account, one.name), one)
    await person.visit('/repositories')
    await page.getByRole('button', { name: text.list.create }).first().click()
    await page.getByLabel(text.create.name, { exact: true }).fill(one.name)
    await page.getByRole('button', { name: text.create.act }).click()
    await page.getByRole('heading', { name: one.name, level: 1 }).waitFor()
  }
  await person.visit('/repositories')
  await page.getByRole('link', { name: 'club-server' }).waitFor()
}

/** From the list to the overview of the first. */
export const openRepository = async (page: Page): Promise<void> => {
  await page.getByRole('link', { name: 'laptop' }).click()
  await page.getByText(text.overview.backups).waitFor()
}

/** From there into its newest snapshot. */
export const browseRepository = async (page: Page): Promise<void> => {
  await page.getByRole('link', { name: text.page.browse, exact: true }).click()
  await page.getByLabel(reader.open.password, { exact: true }).fill(testPassword)
  await page.getByRole('button', { name: reader.open.act, exact: true }).click()
  const snapshots = page.getByRole('grid', { name: reader.list.label })
  await snapshots
    .getByRole('button', { name: /^Open the snapshot/ })
    .first()
    .click()
  await page.getByRole('button', { name: 'Garden plan.png', exact: true }).waitFor()
}
