/** The account and administration pages in a real browser: every way in, device, session, member and invitation. */
import type { Browser, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import {
  launchBrowser,
  openView,
  startWebServer,
  type View,
  type ViewOptions,
  type WebServer,
} from './harness.ts'
import {
  Authenticator,
  beginSetUp,
  choose,
  heading,
  inFiles,
  keepRecoveryKey,
  look,
  makeByPasskey,
  makeByPassword,
  press,
  reached,
  said,
  signOut,
  typePassword,
  visit,
} from './identity-steps.ts'

let browser: Browser
let server: WebServer
let views: View[] = []

beforeAll(async () => {
  browser = await launchBrowser()
})
afterAll(() => browser.close())
beforeEach(async () => {
  server = await startWebServer()
})
afterEach(async () => {
  for (const view of views) await view.close()
  views = []
  await server.dispose()
})

const open = async (options?: ViewOptions): Promise<View> => {
  const view = await openView(browser, options)
  views.push(view)
  return view
}

const password = 'a long sentence that only ada says'
const dialog = (page: Page) => page.getByRole('dialog')
const inDialog = (page: Page, name: string): Promise<void> =>
  dialog(page).getByRole('button', { name, exact: true }).click()
/** A fresh proof counts for ten minutes of the server's clock. */
const letProofRunOut = (): void => server.advance(11 * 60_000)

const invite = async (host: Page): Promise<string> => {
  await visit(host, '/administration/invitations')
  await press(host, 'Create invitation')
  await inDialog(host, 'Create invitation')
  const link = await host.getByTestId('invitation-link').textContent()
  await inDialog(host, 'Done')
  return link ?? ''
}

describe('ways in', () => {
  test('a passkey account: add and rename another, add a password, remove a passkey', async () => {
    const view = await open()
    const { page } = view
    await beginSetUp(view, server)
    await makeByPasskey(view)
    await visit(page, '/account')
    await heading(page, 'Account')
    await said(page, 'Account key')
    await look(view, 'account-overview')

    await visit(page, '/account/methods')
    await said(page, 'Signs in and unlocks')
    await look(view, 'account-methods')
    await press(page, 'Rename')
    await page.getByLabel('Name', { exact: true }).fill('<b>Laptop</b> \u202etset')
    await inDialog(page, 'Rename')
    await said(page, '<b>Laptop</b>')

    letProofRunOut()
    await press(page, 'Add a password')
    await look(view, 'account-add-password')
    await page.getByLabel('Password', { exact: true }).fill(password)
    await inDialog(page, 'Continue')
    await page.getByRole('heading', { name: 'Is it you?' }).waitFor()
    await look(view, 'account-prove')
    await inDialog(page, 'Use a passkey')
    await page.getByTestId('totp-secret').waitFor()
    await look(view, 'account-add-authenticator')
    const authenticator = new Authenticator(server)
    await authenticator.scan(page)
    await page.getByLabel('Code that the app shows').fill('000000')
    await said(page, 'That code is wrong, or ran out.')
    await page.getByLabel('Code that the app shows').fill(authenticator.code())
    await reached(page, 'backup-codes')
    await look(view, 'account-add-codes')
    await inDialog(page, 'I have kept them')
    await said(page, '10 codes are left')

    const passkeys = page.getByRole('region', { name: 'Passkeys' })
    await passkeys.getByRole('button', { name: 'Remove' }).click()
    await look(view, 'account-remove-passkey')
    await inDialog(page, 'Remove passkey')
    await said(page, 'You have no passkey yet.')
    await look(view, 'account-no-passkey')

    await signOut(page)
    await typePassword(page, 'ada', password)
    await heading(page, 'One more step')
    await page.getByLabel('Code', { exact: true }).fill(authenticator.code())
    await inFiles(page)
  })

  test('a password account, 360 px: change it, new authenticator, new codes, new recovery key', async () => {
    const view = await open({ size: 'phone', passkeys: 'no-prf' })
    const { page } = view
    await beginSetUp(view, server)
    const { authenticator, recoveryKey } = await makeByPassword(view, server, { password })
    await visit(page, '/account')
    await said(page, 'Account key')
    await look(view, 'phone-account-overview')
    await visit(page, '/account/methods')
    await press(page, 'Change password')
    await page.getByLabel('New password').fill('quite another sentence of ada')
    await look(view, 'phone-change-password')
    letProofRunOut()
    await inDialog(page, 'Change password')
    await page.getByRole('heading', { name: 'Is it you?' }).waitFor()
    await dialog(page).last().getByLabel('Password', { exact: true }).fill('not this one at all')
    await press(page, 'Confirm')
    await said(page, 'That password did not fit.')
    await dialog(page).last().getByLabel('Password', { exact: true }).fill(password)
    await press(page, 'Confirm')
    await said(page, 'The password was changed.')

    await press(page, 'Replace authenticator')
    await said(page, 'Type a code of the old authenticator app')
    await look(view, 'phone-authenticator-ask')
    await dialog(page).getByLabel('Code', { exact: true }).fill('000000')
    await inDialog(page, 'Continue')
    await said(page, 'That code is wrong, or was used already.')
    await dialog(page).getByLabel('Code', { exact: true }).fill(authenticator.code())
    await inDialog(page, 'Continue')
    await page.getByTestId('totp-secret').waitFor()
    await authenticator.scan(page)
    await page.getByLabel('Code that the app shows').fill(authenticator.code())
    await said(page, 'The new authenticator counts from now on.')

    await press(page, 'Make new codes')
    await dialog(page).getByLabel('Code', { exact: true }).fill(authenticator.code())
    await inDialog(page, 'Continue')
    await reached(page, 'backup-codes')
    await look(view, 'phone-new-codes')
    await inDialog(page, 'I have kept them')

    await press(page, 'Replace recovery key')
    await inDialog(page, 'Make a new key')
    const fresh = await keepRecoveryKey(view, 'phone-replaced')
    expect(fresh).not.toBe(recoveryKey)
    await said(page, 'The new recovery key counts from now on.')

    await press(page, 'Add passkey')
    await look(view, 'phone-add-passkey')
    await inDialog(page, 'Create passkey')
    await said(page, 'Signs in, cannot unlock')
    await look(view, 'phone-methods')

    await signOut(page)
    await press(page, 'Sign in with a passkey')
    await heading(page, 'Unlock')
    await page.getByLabel('Password', { exact: true }).fill('quite another sentence of ada')
    await press(page, 'Unlock')
    await inFiles(page)
  })
})

describe('devices and sessions', () => {
  test('another browser is seen, ended, and shut out for good; this one unlocks by itself', async () => {
    const view = await open()
    const { page } = view
    await beginSetUp(view, server)
    const { authenticator } = await makeByPassword(view, server, { password })
    const other = await open({ size: 'phone', colorScheme: 'dark', passkeys: 'none' })
    other.tolerate(/WebSocket/)
    const enterOther = async (): Promise<void> => {
      await typePassword(other.page, 'ada', password)
      await heading(other.page, 'One more step')
      await other.page.getByLabel('Code', { exact: true }).fill(authenticator.code())
      await inFiles(other.page)
    }
    await other.page.goto(server.origin)
    await look(other, 'phone-dark-sign-in')
    await enterOther()

    await visit(page, '/account/sessions')
    await press(page, /^End the session of/)
    await said(page, 'The session was ended.')
    await look(view, 'account-sessions')
    await said(other.page, /You were signed out/)
    await enterOther()

    await visit(page, '/account/devices')
    await press(page, 'Lost or stolen')
    await look(view, 'account-lost')
    await inDialog(page, 'Revoke device')
    await said(page, 'The device was revoked')
    await page
      .getByText(/Revoked/)
      .last()
      .waitFor()
    await look(view, 'account-devices')
    await said(other.page, /You were signed out/)

    await visit(page, '/account')
    await page.getByLabel('Unlock by itself on this device').check()
    await said(page, 'This browser unlocks by itself from now on.')
    await page.reload()
    await heading(page, 'Account')
    await page.getByLabel('Unlock by itself on this device').uncheck()
    await said(page, 'asks for a way in again')
    await page.reload()
    await heading(page, 'Unlock')
  })
})

describe('administration', () => {
  test('invite, sign up by the link once, change the room, suspend and resume', async () => {
    const host = await open()
    const { page } = host
    await beginSetUp(host, server)
    await makeByPasskey(host)
    await visit(page, '/administration')
    await said(page, 'You are alone here')
    await look(host, 'administration-members')
    const link = await invite(page)
    await look(host, 'administration-invitations')

    const guest = await open({ size: 'phone' })
    await guest.page.goto(link)
    await heading(guest.page, 'Join The Lindqvists')
    expect(guest.page.url()).not.toContain('#')
    await look(guest, 'phone-sign-up')
    await guest.page.getByLabel('Sign-in name').fill('ADA ')
    await press(guest.page, 'Continue')
    await press(guest.page, 'Create passkey')
    await said(guest.page, 'Someone here has this name already.')
    await look(guest, 'phone-name-taken')
    await guest.page.getByLabel('Sign-in name').fill('bertil')
    await press(guest.page, 'Continue')
    await makeByPasskey(guest, 'phone-sign-up')
    await visit(guest.page, '/administration')
    await said(guest.page, 'Only for hosts of this server')
    await look(guest, 'phone-hosts-only')

    const late = await open()
    await late.page.goto(link)
    await late.page.getByLabel('Sign-in name').fill('chioma')
    await press(late.page, 'Continue')
    await press(late.page, 'Create passkey')
    await heading(late.page, 'This invitation does not work any more')
    await look(late, 'sign-up-used')

    await visit(page, '/administration/members')
    const bertil = page.getByRole('listitem').filter({ hasText: 'bertil' })
    await bertil.getByRole('button', { name: 'Change room' }).click()
    await choose(page, 'A limit')
    await page.getByLabel('Amount').fill('lots')
    await inDialog(page, 'Save')
    await said(page, 'Type a number, such as 50.')
    await look(host, 'administration-quota')
    await page.getByLabel('Amount').fill('1,5')
    await inDialog(page, 'Save')
    await said(bertil, '1.5 GiB')
    guest.tolerate(/WebSocket/)
    await bertil.getByRole('button', { name: 'Suspend' }).click()
    await inDialog(page, 'Suspend')
    await bertil.getByText('Suspended', { exact: true }).waitFor()
    await look(host, 'administration-suspended')
    await said(guest.page, /You were signed out/)
    await press(guest.page, 'Sign in with a passkey')
    await said(guest.page, 'This account is suspended.')
    await look(guest, 'phone-suspended')
    await bertil.getByRole('button', { name: 'End suspension' }).click()
    await said(page, 'bertil can sign in again.')
    await press(guest.page, 'Sign in with a passkey')
    // Back where they were when the session ended.
    await said(guest.page, 'Only for hosts of this server')
  })

  test('an invitation is removed; registration with approval: wait, approve, in', async () => {
    const host = await open()
    const { page } = host
    await beginSetUp(host, server)
    await makeByPasskey(host)
    const link = await invite(page)
    await page.getByRole('button', { name: /^Remove this invitation/ }).click()
    await inDialog(page, 'Remove invitation')
    await said(page, 'No open invitations')
    const late = await open({ passkeys: 'none' })
    await late.page.goto(`${server.origin}/sign-up`)
    await heading(late.page, 'You need an invitation')
    await look(late, 'sign-up-closed')
    expect(link).toContain('/sign-up#')

    await visit(page, '/administration/registration')
    await choose(page, 'Anyone, after a host approves')
    await press(page, 'Save')
    await said(page, 'The setting was saved.')
    await look(host, 'administration-registration')

    const newcomer = await open({ size: 'phone' })
    await newcomer.page.goto(server.origin)
    await press(newcomer.page, 'Create an account')
    await heading(newcomer.page, 'Join The Lindqvists')
    await newcomer.page.getByLabel('Sign-in name').fill('dora')
    await press(newcomer.page, 'Continue')
    await press(newcomer.page, 'Create passkey')
    await keepRecoveryKey(newcomer)
    await heading(newcomer.page, 'Your account waits for a host')
    await look(newcomer, 'phone-waiting')
    await press(newcomer.page, 'Go to sign-in')
    await press(newcomer.page, 'Sign in with a passkey')
    await newcomer.page.getByRole('alert').waitFor()
    await look(newcomer, 'phone-not-approved')

    await visit(page, '/administration/members')
    await visit(page, '/administration/registration')
    await said(page, 'dora')
    await look(host, 'administration-requests')
    await press(page, 'Approve')
    await said(page, 'dora can sign in now.')
    await press(newcomer.page, 'Sign in with a passkey')
    await inFiles(newcomer.page)
  })
})
