/** What people do with repositories in the web app; and restic's protocol by hand, with repositories made for it. */
import type { Page } from 'playwright-core'
import { expect } from 'vitest'
import {
  file,
  type Files,
  folder,
  TestRepository,
} from '../../packages/member/src/restic/test-repository.oracle.ts'
import { saved } from './files-steps.ts'
import type { View } from './harness.ts'
import { heading, look, press, visit } from './identity-steps.ts'

export const repositoryPassword = 'planted repository password 93kZq'

/** The newer snapshot: contents by path. */
export const newerContents: Readonly<Record<string, string>> = {
  'Budget 2026.txt': `rent 900\n${'food 12\n'.repeat(400)}`,
  'Letters/Aunt Märta.md': '# Dear aunt\n\nThank you for the **socks**.\n',
  'Letters/Council.txt': 'Dear council,\nthe lamp in our street is dark.\n',
  'Photos/Summer/List.csv': 'name,day\nlake,3\nwell,4\n',
  'Zero.bin': '',
}
/** The older one: a shorter budget, no letter to the council, and one that is gone later. */
export const olderContents: Readonly<Record<string, string>> = {
  ...Object.fromEntries(Object.entries(newerContents).filter(([path]) => !/Council/.test(path))),
  'Budget 2026.txt': 'rent 900\n',
  'Letters/To nobody.txt': 'I think of you.\n',
}

type Tree = { [name: string]: string | Tree }

const treeOf = (flat: Readonly<Record<string, string>>): Tree => {
  const top: Tree = {}
  for (const [path, content] of Object.entries(flat)) {
    const names = path.split('/')
    const last = names.pop() ?? ''
    let place = top
    for (const name of names) place = (place[name] ??= {}) as Tree
    place[last] = content
  }
  return top
}

const mtime = (name: string) => ({ mtime: `2026-03-0${1 + (name.length % 9)}T08:00:00Z` })

/** Writes a tree, folders after what is in them; answers the id of its top. */
const putTree = async (repository: TestRepository, tree: Tree): Promise<string> => {
  const nodes: object[] = []
  for (const name of Object.keys(tree).sort()) {
    const value = tree[name]
    if (typeof value === 'string') {
      const plain = new TextEncoder().encode(value)
      const content = plain.length === 0 ? [] : [await repository.putBlob('data', plain)]
      nodes.push(file(name, content, { size: plain.length, ...mtime(name) }))
    } else if (value) nodes.push(folder(name, await putTree(repository, value), mtime(name)))
  }
  return repository.putTree(nodes)
}

/** A repository that opens by `repositoryPassword` alone. */
export const emptyRepository = async (): Promise<TestRepository> => {
  const repository = await TestRepository.create()
  for (const name of repository.files.keys()) {
    if (name.startsWith('keys/')) repository.files.delete(name)
  }
  await repository.putKey({}, repositoryPassword)
  return repository
}

const day = 24 * 3_600_000

/** With two snapshots of the machine `laptop`. */
export const smallRepository = async (): Promise<TestRepository> => {
  const repository = await emptyRepository()
  for (const [contents, daysAgo] of [
    [olderContents, 2],
    [newerContents, 0],
  ] as const) {
    const time = new Date(Date.now() - daysAgo * day - 3_600_000).toISOString()
    const tree = await putTree(repository, treeOf(contents))
    const more = { time, hostname: 'laptop', username: 'ada', paths: ['/home/ada'] }
    await repository.putSnapshot(tree, daysAgo === 0 ? { ...more, tags: ['daily'] } : more)
  }
  await repository.putIndex()
  return repository
}

/** A flat folder of many empty files, in one snapshot. */
export const wideRepository = async (files: number): Promise<TestRepository> => {
  const repository = await emptyRepository()
  const nodes = Array.from({ length: files }, (_, index) =>
    file(`File ${String(index).padStart(6, '0')}.txt`, [], { size: 0 }),
  )
  const tree = await repository.putTree(nodes)
  await repository.putSnapshot(tree, { hostname: 'archive', paths: ['/many'] })
  await repository.putIndex()
  return repository
}

/** Address and credential, as a repository file has them. */
export type Place = { readonly url: string; readonly authorization: string }

/** Reads what restic would be given. */
export const placeOf = (repositoryFile: string): Place => {
  const url = new URL(repositoryFile.trim().replace(/^rest:/, ''))
  const pair = `${url.username}:${url.password}`
  url.username = ''
  url.password = ''
  return { url: url.href, authorization: `Basic ${Buffer.from(pair).toString('base64')}` }
}

/** One request of restic's; answers its status. */
export const ask = async (
  { url, authorization }: Place,
  method: string,
  path: string,
  body?: Uint8Array<ArrayBuffer>,
): Promise<number> => {
  const response = await fetch(`${url}${path}`, {
    method,
    headers: { authorization },
    ...(body === undefined ? {} : { body }),
  })
  await response.arrayBuffer()
  return response.status
}

/** Makes the repository and stores each object, as restic does. */
export const store = async (place: Place, files: Files): Promise<void> => {
  expect(await ask(place, 'POST', '?create=true')).toBe(200)
  for (const [name, bytes] of files) {
    expect([name, await ask(place, 'POST', name, bytes)]).toEqual([name, 200])
  }
}

// ---------------------------------------------------------------- in the browser

export const inRepositories = async (page: Page): Promise<void> => {
  await page.getByRole('link', { name: 'Repositories', exact: true }).first().click()
  await heading(page, 'Repositories')
}

/** From the list to the credentials of the new repository; returns its path in the app. */
export const makeRepository = async (page: Page, name: string): Promise<string> => {
  await page.getByRole('button', { name: 'New repository' }).first().click()
  await page.getByLabel('Name', { exact: true }).fill(name)
  await press(page, 'Create repository')
  await heading(page, name)
  await page.getByRole('heading', { name: 'Credentials' }).waitFor()
  return new URL(page.url()).pathname.replace(/\/credentials$/, '')
}

/** From the credentials; saves the repository file and returns what is in it. `shown` sees the secret. */
export const makeCredential = async (
  page: Page,
  { label, scope = 'Adds and reads' }: { label: string; scope?: string },
  shown: () => Promise<void> = () => Promise.resolve(),
): Promise<{ place: Place; secret: string }> => {
  await page.getByRole('button', { name: 'New credential' }).first().click()
  await page.getByLabel('For which machine').fill(label)
  await page.getByText(scope, { exact: true }).click()
  await press(page, 'Create credential')
  const secret = await page.getByTestId('credential-secret').textContent()
  await shown()
  const { bytes } = await saved(page, () => press(page, 'Download the repository file'))
  await press(page, 'I have put it on the machine')
  return { place: placeOf(bytes.toString('utf8')), secret: secret ?? '' }
}

/** Opens the reader with a password; ends at the snapshots, or where `wrong` at the refusal. */
export const openReader = async (
  page: Page,
  path: string,
  password = repositoryPassword,
): Promise<void> => {
  await visit(page, `${path}/browse`)
  await page.getByLabel('Password of the repository', { exact: true }).fill(password)
  await press(page, 'Open')
  await page.getByRole('grid', { name: 'Snapshots' }).waitFor({ timeout: 30_000 })
}

/** Opens the newest snapshot. */
export const openNewest = async (page: Page): Promise<void> => {
  await page
    .getByRole('grid', { name: 'Snapshots' })
    .getByRole('button', { name: /^Open the snapshot of/ })
    .first()
    .click()
  await page.getByRole('grid', { name: /^Contents of/ }).waitFor({ timeout: 30_000 })
}

/** Opens a folder, a preview, or restores: whatever the name does. */
export const openName = (page: Page, name: string): Promise<void> =>
  page.getByRole('gridcell').getByRole('button', { name, exact: true }).click()

/** Chooses a way out of a menu of ways to restore. */
export const restoreBy = async (page: Page, what: string | RegExp, way: string): Promise<void> => {
  await page
    .getByRole('button', { name: what, exact: typeof what === 'string' })
    .first()
    .click()
  await page.getByRole('menuitem', { name: way, exact: true }).click()
}

/** The same page wide, narrow and dark, each without a finding. Between light and dark only colours differ. */
export const lookAll = async (view: View, name: string): Promise<void> => {
  const { page } = view
  const before = page.viewportSize() ?? { width: 1280, height: 800 }
  await look(view, name)
  await page.emulateMedia({ colorScheme: 'dark' })
  await look(view, `${name}-dark`, 'colours')
  await page.setViewportSize({ width: 360, height: 740 })
  await look(view, `${name}-phone-dark`, 'colours')
  await page.emulateMedia({ colorScheme: 'light' })
  await look(view, `${name}-phone`)
  await page.setViewportSize(before)
}
