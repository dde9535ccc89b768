/** What people do in the web app, by the words that it shows them. */
import type { Download, Page } from 'playwright-core'
import { text as administration } from '../../apps/web/src/text/en/administration.ts'
import { text as files } from '../../apps/web/src/text/en/files.ts'
import { text as identity } from '../../apps/web/src/text/en/identity.ts'
import { text as ui } from '../../apps/web/src/text/en/ui.ts'
import type { BrowserPerson } from './browser-person.ts'

/** An upload of a whole folder may take this long. */
const transferMs = 30 * 60_000

const press = (page: Page, name: string): Promise<void> =>
  page.getByRole('button', { name, exact: true }).click()

const heading = (page: Page, name: string | RegExp): Promise<void> =>
  page.getByRole('heading', { name, level: 1 }).waitFor()

/** Reads the recovery key off the page, keeps it, and types back the groups that are asked. */
export const keepRecoveryKey = async (page: Page): Promise<string> => {
  const shown = page.getByTestId('recovery-key')
  await shown.waitFor()
  const groups = await shown.locator('li > span[aria-hidden]').allTextContents()
  await press(page, identity.recovery.kept)
  const labels = groups.map((_, at) => identity.recovery.groupField(at + 1))
  await page.getByRole('button', { name: identity.recovery.checkAct, exact: true }).waitFor()
  for (const [at, label] of labels.entries()) {
    const field = page.getByRole('textbox', { name: label, exact: true })
    if ((await field.count()) > 0) await field.fill(groups[at]!)
  }
  await press(page, identity.recovery.checkAct)
  return groups.join('-')
}

type Names = { readonly name: string; readonly displayName: string }

const fillNames = async (page: Page, { name, displayName }: Names): Promise<void> => {
  await page.getByLabel(identity.names.name, { exact: true }).fill(name)
  await page.getByLabel(identity.names.displayName, { exact: true }).fill(displayName)
  await press(page, identity.next)
  await heading(page, identity.way.title)
}

/** From the way in to Files, by a passkey; `atKey` sees the recovery key first. Returns the recovery key. */
export const enterByPasskey = async (
  page: Page,
  atKey: () => Promise<void> = () => Promise.resolve(),
): Promise<string> => {
  await page.getByText(identity.way.passkey, { exact: true }).click()
  await press(page, identity.way.makePasskey)
  await page.getByTestId('recovery-key').waitFor()
  await atKey()
  const recoveryKey = await keepRecoveryKey(page)
  await heading(page, files.shares.title)
  return recoveryKey
}

/** Names the server and oneself; ends where the way in is chosen. */
export const beginSetUp = async (
  { page, origin }: BrowserPerson,
  setUp: Names & { readonly token: string; readonly instanceName: string },
): Promise<void> => {
  await page.goto(`${origin}/set-up#${setUp.token}`)
  await page.getByLabel(identity.names.server, { exact: true }).fill(setUp.instanceName)
  await fillNames(page, setUp)
}

/** The host's first visit, by a passkey. Ends in Files; returns the recovery key. */
export const setUpByPasskey = async (
  person: BrowserPerson,
  setUp: Parameters<typeof beginSetUp>[1],
): Promise<string> => {
  await beginSetUp(person, setUp)
  return enterByPasskey(person.page)
}

/** Sign-up by an invitation's link and a passkey. Ends in Files; returns the recovery key. */
export const signUpByPasskey = async (
  { page }: BrowserPerson,
  { link, ...names }: Names & { readonly link: string },
): Promise<string> => {
  await page.goto(link)
  await fillNames(page, names)
  return enterByPasskey(page)
}

/** Signs in and unlocks by the passkey of this device. Ends in Files. */
export const signInByPasskey = async ({ page, origin }: BrowserPerson): Promise<void> => {
  await page.goto(`${origin}/sign-in`)
  await press(page, identity.signIn.passkey)
  await heading(page, files.shares.title)
}

/** Makes an invitation for one member; returns its link. */
export const makeInvitation = async (person: BrowserPerson): Promise<string> => {
  const { page } = person
  await person.visit('/administration/invitations')
  await page.getByRole('button', { name: administration.invitations.create }).first().click()
  const dialog = page.getByRole('dialog')
  await dialog.getByRole('button', { name: administration.invite.act }).click()
  const link = await page.getByTestId('invitation-link').textContent()
  await dialog.getByRole('button', { name: administration.invite.done }).click()
  await person.visit('/files')
  return link ?? ''
}

/** Makes a share and opens it; returns its id. */
export const createShare = async ({ page }: BrowserPerson, name: string): Promise<string> => {
  await press(page, files.shares.create)
  await page.getByLabel(files.shares.name, { exact: true }).fill(name)
  await press(page, files.shares.createAct)
  await heading(page, name)
  return new URL(page.url()).pathname.split('/')[2] ?? ''
}

/** Opens a share from the list of them, however it came there. */
export const openShare = async (person: BrowserPerson, name: string): Promise<void> => {
  await person.visit('/files')
  await heading(person.page, files.shares.title)
  await person.page.getByRole('list', { name: files.shares.list }).getByText(name).click()
  await heading(person.page, name)
}

/** Resolves once an upload that now begins is stored. Throws where it stopped. */
const uploaded = async (page: Page, begin: () => Promise<void>): Promise<void> => {
  const stored = page.getByText(/sealed and stored$/)
  // That of an upload before leaves by itself.
  await stored.first().waitFor({ state: 'hidden' })
  const ended = stored
    .or(page.getByText(files.transfers.failed, { exact: true }))
    .first()
    .textContent({ timeout: transferMs })
  await begin()
  if ((await ended) === files.transfers.failed)
    throw new Error('The upload in the browser stopped.')
}

/** Drops files and folders of the disk onto the open folder, as from a window of the system. */
export const beginDrop = async (
  { page, context }: BrowserPerson,
  ...paths: string[]
): Promise<void> => {
  // Never detached: that would take the passkeys of another session of this page along.
  const cdp = await context.newCDPSession(page)
  const { width, height } = page.viewportSize() ?? { width: 800, height: 600 }
  const place = { x: Math.round(width / 2), y: Math.round(height / 2) }
  const data = { items: [], files: paths, dragOperationsMask: 1 }
  for (const type of ['dragEnter', 'dragOver', 'drop'] as const) {
    await cdp.send('Input.dispatchDragEvent', { type, ...place, data })
  }
}

/** The same; resolves once all is stored. */
export const drop = (person: BrowserPerson, ...paths: string[]): Promise<void> =>
  uploaded(person.page, () => beginDrop(person, ...paths))

/** Chooses files in the browser's own picker; resolves once they are stored. */
export const chooseFiles = ({ page }: BrowserPerson, paths: string[]): Promise<void> =>
  uploaded(page, async () => {
    await press(page, files.folder.upload)
    const choosing = page.waitForEvent('filechooser')
    await page.getByRole('menuitem', { name: files.folder.uploadFiles }).click()
    await (await choosing).setFiles(paths)
  })

/** Shows only the rows whose name holds `part`; all of them where it is empty. */
export const filterRows = async (page: Page, part: string): Promise<void> => {
  const field = page.getByRole('searchbox', { name: files.folder.filter })
  if (!(await field.isVisible())) {
    if (part === '') return
    await press(page, files.folder.filter)
  }
  await field.fill(part)
}

/** Marks one row of the open folder, however long the folder is. */
export const selectRow = async ({ page }: BrowserPerson, name: string): Promise<void> => {
  await filterRows(page, name)
  const box = page.getByRole('checkbox', { name: files.selection.select(name), exact: true })
  await box.check({ force: true })
}

/** Opens a folder of the open folder. */
export const openFolder = async ({ page }: BrowserPerson, name: string): Promise<void> => {
  await filterRows(page, name)
  await page.getByRole('grid').getByRole('button', { name, exact: true }).click()
  await heading(page, name)
}

/** Downloads one row: a file as it is, a folder as a zip. Resolves once it is in `path`. */
export const downloadRow = async (
  person: BrowserPerson,
  name: string,
  path: string,
): Promise<Download> => {
  const { page } = person
  await selectRow(person, name)
  const beginning = page.waitForEvent('download')
  await page.getByRole('toolbar').getByRole('button', { name: files.selection.download }).click()
  const download = await beginning
  await download.saveAs(path)
  return download
}

/** Somebody without shares asks for another's by its address; returns all that the page then shows. */
export const lookForShare = async (person: BrowserPerson, share: string): Promise<string> => {
  const { page } = person
  await person.visit('/files')
  await page.getByText(files.shares.emptyTitle).waitFor()
  await person.visit(`/files/${share}`)
  await page.getByRole('button', { name: ui.again, exact: true }).waitFor()
  return (await page.locator('body').textContent()) ?? ''
}
