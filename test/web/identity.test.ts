/** First run, signing in and unlocking in a real browser, with passkeys that give a key, that give none, and without any. */
import { gzipSync } from 'node:zlib'
import type { Browser, Response } from 'playwright-core'
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
  beginSetUp,
  choose,
  heading,
  inFiles,
  keepRecoveryKey,
  look,
  makeByPasskey,
  makeByPassword,
  press,
  signOut,
  typePassword,
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

/** Runs in the page: marks the moment at which the sign-in form is there. */
const markForm = (): void => {
  const watcher = new MutationObserver(() => {
    if (document.querySelector('form button[type=submit]') === null) return
    performance.mark('form')
    watcher.disconnect()
  })
  watcher.observe(document, { childList: true, subtree: true })
}

const password = 'a long sentence that only ada says'
/** Everything that the page sent, as text: where a secret must not be. */
const sent = (view: View): string =>
  view.requests.map(({ url, body }) => `${url}\n${body?.toString('latin1') ?? ''}`).join('\n')

describe('set-up', () => {
  test('by passkey, wide: recovery key kept, unlock after a reload, sign out, sign in', async () => {
    const view = await open()
    const { page } = view
    await beginSetUp(view, server)
    expect(page.url()).not.toContain('#')
    await look(view, 'set-up-way')
    const recoveryKey = await makeByPasskey(view, 'set-up')
    expect(server.setUpToken()).toBeUndefined()
    await look(view, 'files-empty')

    await page.reload()
    await heading(page, 'Unlock')
    await look(view, 'unlock')
    await press(page, 'Unlock with a passkey')
    await inFiles(page)

    await signOut(page)
    await look(view, 'sign-in')
    await press(page, 'Sign in with a passkey')
    await inFiles(page)
    expect(sent(view)).not.toContain(recoveryKey)
    expect(sent(view)).not.toContain(recoveryKey.replaceAll('-', ''))
    expect(sent(view)).not.toMatch(/"prf"|"results"/)
  })

  test('by password, 360 px and dark: wrong groups, wrong code, then in', async () => {
    const view = await open({ size: 'phone', colorScheme: 'dark', passkeys: 'none' })
    const { page } = view
    await beginSetUp(view, server)
    await choose(page, 'A password and an authenticator app')
    await page.getByLabel('Password', { exact: true }).fill('too short')
    await press(page, 'Continue')
    await page.getByText('3 more characters are needed.').waitFor()
    await look(view, 'phone-way')
    await page.getByLabel('Password', { exact: true }).fill(password)
    await press(page, 'Continue')

    await page.getByTestId('recovery-key').waitFor()
    await press(page, 'I have kept it')
    for (const field of await page.getByRole('textbox', { name: /group$/ }).all()) {
      await field.fill('0000')
    }
    await press(page, 'Check')
    expect(await page.getByText('That is not what the key says.').count()).toBe(2)
    await look(view, 'phone-recovery-wrong')
    await press(page, 'Show the key again')
    await keepRecoveryKey(view)

    await heading(page, 'Your authenticator app')
    await page.getByLabel('Code that the app shows').fill('000000')
    await page.getByText('That code is wrong, or ran out.').waitFor()
    await look(view, 'phone-authenticator-wrong')
    expect(server.setUpToken()).toBeDefined()
    await page.goBack()
    await page.getByRole('dialog').getByRole('button', { name: 'Stop' }).click()
    await heading(page, 'How you sign in and unlock')

    const made = await makeByPassword(view, server, { password, name: 'phone' })
    expect(made.backupCodes).toHaveLength(10)
    await look(view, 'phone-files')
    await page.reload()
    await heading(page, 'Unlock')
    await look(view, 'phone-unlock')
    await page.getByLabel('Password', { exact: true }).fill('not the password at all')
    await press(page, 'Unlock')
    await page.getByText('That password did not fit.').waitFor()
    await page.getByLabel('Password', { exact: true }).fill(password)
    await press(page, 'Unlock')
    await inFiles(page)
    expect(sent(view)).not.toContain(password)
    expect(sent(view)).not.toContain(made.recoveryKey)
  })

  test('a passkey without PRF makes no account, and says what else there is', async () => {
    const view = await open({ passkeys: 'no-prf' })
    const { page } = view
    await beginSetUp(view, server)
    await press(page, 'Create passkey')
    await page.getByText('This passkey cannot unlock').waitFor()
    await look(view, 'set-up-no-prf')
    expect(server.setUpToken()).toBeDefined()
    await makeByPassword(view, server, { password, name: 'after-no-prf' })
  })

  test('a passkey that is cancelled, and Back, lose nothing that was typed', async () => {
    const view = await open()
    const { page, authenticator } = view
    await beginSetUp(view, server)
    await authenticator?.willing(false)
    await press(page, 'Create passkey')
    await page.getByText('No passkey was made.').waitFor()
    await look(view, 'set-up-cancelled')
    await page.goBack()
    await heading(page, 'Set up this server')
    expect(await page.getByLabel('Sign-in name').inputValue()).toBe('ada')
    await press(page, 'Continue')
    await authenticator?.willing(true)
    await makeByPasskey(view)
  })

  test('a wrong token, no token, and a server that is set up already', async () => {
    const view = await open()
    const { page } = view
    await page.goto(`${server.origin}/`)
    await heading(page, 'This server waits for its host')
    await look(view, 'not-set-up')
    await page.getByLabel('Set-up link or token').fill('nonsense')
    await press(page, 'Begin set-up')
    await page.getByText('That is no set-up link.').waitFor()
    await page.getByLabel('Set-up link or token').fill(`${server.origin}/set-up#${'A'.repeat(43)}`)
    await press(page, 'Begin set-up')
    await page.getByLabel('Name of this server').fill('Nobody')
    await page.getByLabel('Sign-in name').fill('eve')
    await press(page, 'Continue')
    await press(page, 'Create passkey')
    await heading(page, 'This set-up link does not work')
    await look(view, 'set-up-wrong-token')
    expect(server.setUpToken()).toBeDefined()

    const host = await open()
    const token = server.setUpToken()
    await beginSetUp(host, server)
    await makeByPasskey(host)
    const late = await open()
    await late.page.goto(`${server.origin}/set-up#${token}`)
    await heading(late.page, 'This server is set up already')
    await look(late, 'set-up-done')
  })
})

describe('signing in', () => {
  test('password, second factor, backup code; unknown and wrong are answered alike', async () => {
    const view = await open({ passkeys: 'none' })
    const { page } = view
    await beginSetUp(view, server)
    const made = await makeByPassword(view, server, { password })
    await signOut(page)

    await typePassword(page, 'nobody-here', password)
    await page.getByText('That did not fit').waitFor()
    const unknown = await page.getByRole('alert').textContent()
    await typePassword(page, 'ada', 'a password that is wrong')
    await page.getByText('That did not fit').waitFor()
    expect(await page.getByRole('alert').textContent()).toBe(unknown)
    await look(view, 'sign-in-failed')

    await typePassword(page, 'ada', password)
    await heading(page, 'One more step')
    await page.getByLabel('Code', { exact: true }).fill('000000')
    await page.getByText('That code is wrong, or was used already.').waitFor()
    await look(view, 'second-factor-wrong')
    await page.getByLabel('Code', { exact: true }).fill(made.authenticator.code())
    await inFiles(page)

    await signOut(page)
    await typePassword(page, 'ada', password)
    await heading(page, 'One more step')
    await page.getByLabel('Code', { exact: true }).fill(made.backupCodes[0]!)
    await press(page, 'Continue')
    await inFiles(page)
  })

  test('locked out: how long, and that other ways still work', async () => {
    const view = await open()
    const { page } = view
    await beginSetUp(view, server)
    await makeByPasskey(view)
    await signOut(page)
    for (let attempt = 0; attempt < 5; attempt++) {
      await typePassword(page, 'ada', `wrong password number ${attempt}`)
      await page.getByRole('alert').getByText('That did not fit').waitFor()
    }
    await typePassword(page, 'ada', 'one more wrong password')
    await page.getByText('Too many failures').waitFor()
    await page.getByText(/opens again in \d+ minutes/).waitFor()
    await look(view, 'locked-out')
    await press(page, 'Sign in with a passkey')
    await inFiles(page)
  })

  test('recovery key: no name is asked, and a new one is kept; the old one is dead', async () => {
    const view = await open({ size: 'phone' })
    await beginSetUp(view, server)
    const old = await makeByPasskey(view)

    const elsewhere = await open({ size: 'phone', passkeys: 'none' })
    const { page: other } = elsewhere
    await other.goto(server.origin)
    await heading(other, 'Sign in to The Lindqvists')
    await press(other, 'Use your recovery key')
    await other.getByLabel('Recovery key').fill('TOO-SHORT')
    await press(other, 'Continue')
    await other.getByText('A recovery key has 36 letters and digits.').waitFor()
    const mistyped = old.startsWith('0') ? `1${old.slice(1)}` : `0${old.slice(1)}`
    await other.getByLabel('Recovery key').fill(mistyped)
    await press(other, 'Continue')
    await other.getByText('There is a typing mistake').waitFor()
    await look(elsewhere, 'phone-recovery-typo')
    await other.getByLabel('Recovery key').fill(old.toLowerCase().replaceAll('-', ' '))
    await press(other, 'Continue')
    await heading(other, 'Your new recovery key')
    const fresh = await keepRecoveryKey(elsewhere, 'phone-new')
    expect(fresh).not.toBe(old)
    await inFiles(other)

    const third = await open({ passkeys: 'none' })
    await third.page.goto(`${server.origin}/recover`)
    await third.page.getByLabel('Recovery key').fill(old)
    await press(third.page, 'Continue')
    await third.page.getByText('The server knows no account for this key.').waitFor()
    await look(third, 'recovery-old-key')
  })

  test('stay signed in: a reload opens Files without asking', async () => {
    const view = await open()
    const { page } = view
    await beginSetUp(view, server)
    await page.getByLabel('Stay signed in on this device').check()
    await makeByPasskey(view)
    await page.reload()
    await inFiles(page)
    await look(view, 'stayed')
  })

  test('a session that was ended elsewhere says so in the open tab', async () => {
    const view = await open()
    await beginSetUp(view, server)
    await makeByPasskey(view)
    const cookies = await view.context.cookies()
    const ended = await fetch(`${server.origin}/api/sessions?scope=all`, {
      method: 'DELETE',
      headers: {
        cookie: cookies.map(({ name, value }) => `${name}=${value}`).join('; '),
        origin: server.origin,
      },
    })
    expect(ended.status).toBe(200)
    view.tolerate(/WebSocket/)
    await view.page.getByText(/You were signed out/).waitFor()
    await look(view, 'signed-out-elsewhere')
  })

  test('the sign-in form is usable with less than 120 kB, without the worker', async () => {
    const view = await open()
    await beginSetUp(view, server)
    await makeByPasskey(view)
    const visitor = await open()
    const answers = new Map<string, Response>()
    visitor.page.on('response', (response) => {
      const { pathname } = new URL(response.url())
      if (/\.(js|css|woff2)$/.test(pathname)) answers.set(pathname, response)
    })
    await visitor.page.addInitScript(markForm)
    await visitor.page.goto(server.origin)
    await visitor.page.getByRole('button', { name: 'Sign in', exact: true }).waitFor()
    const names = await visitor.page.evaluate(async () => {
      await document.fonts.ready
      const form = performance.getEntriesByName('form')[0]?.startTime ?? Infinity
      return performance
        .getEntriesByType('resource')
        .filter(({ name, startTime }) => startTime < form || name.endsWith('.woff2'))
        .map(({ name }) => new URL(name).pathname)
    })
    const loaded = names.filter((name) => answers.has(name))
    const sizes = await Promise.all(
      loaded.map(async (name) => {
        const body = await answers.get(name)!.body()
        return name.endsWith('.woff2') ? body.length : gzipSync(body).length
      }),
    )
    expect(loaded.length).toBeGreaterThan(5)
    expect(loaded.filter((name) => name.includes('worker'))).toEqual([])
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThan(120 * 1024)
  })
})
