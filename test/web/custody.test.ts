/**
 * A full session in real browsers with a marker in each place where something secret stands. Then every byte that the
 * browsers sent (URLs, headers, bodies, frames of sockets), all that their scripts can read back, and their profiles on
 * the disk are searched for every marker in every spelling; and for the keys, which are found out afterwards.
 */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createClient } from '@hearthold/client'
import { parseRecoveryKey } from '@hearthold/crypto'
import {
  listShares,
  memoryHeads,
  openShare,
  signInWithRecoveryKey,
  unlock,
} from '@hearthold/member'
import { Secret } from 'otpauth'
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { nodeTransport } from '../../apps/cli/src/transport/node-transport.ts'
import { BrowserPerson } from '../../tools/demo/browser-person.ts'
import * as steps from '../../tools/demo/browser-steps.ts'
import { WireTap } from '../../tools/demo/wire-tap.ts'
import { type Find, PlaintextScanner } from '../../tools/plaintext-scanner.ts'
import { type Marker, needlesFor } from '../custody/markers.ts'
import { dumpStore, type StoreDump } from './custody-store.ts'
import { startWebServer, type WebServer } from './harness.ts'
import { Authenticator, choose, heading, press, signOut } from './identity-steps.ts'

const planted = {
  'sign-in name': 'planted-ada-93kz',
  'display name': 'Ada Lindqvist planted 93kZq',
  'other display name': 'Bertil planted 93kZq',
  password: 'planted password 93kZq of ada',
  'wrong password': 'planted wrong password 93kZq',
  'share name': 'planted share 93kZq',
  'other share name': 'planted other share 93kZq',
  'folder name': 'planted folder 93kZq',
  'new folder name': 'planted new folder 93kZq',
  'file name': 'planted file name 93kZq.txt',
  'new file name': 'planted new file name 93kZq.txt',
  'note name': 'planted note 93kZq.txt',
  'large file name': 'planted large file 93kZq.bin',
  contents: 'planted contents 93kZq of a file',
  'contents across segments': 'planted contents 93kZq across two segments',
} as const
const markers: Marker[] = Object.entries(planted).map(([what, value]) => ({ what, value }))
const plant = (what: string, value: string | Uint8Array): void => void markers.push({ what, value })

let server: WebServer
let tap: WireTap
let folder = ''
let ada: BrowserPerson
let bertil: BrowserPerson
const dumps: StoreDump[] = []
const at = (name: string): string => join(folder, name)

const plantRecoveryKey = (text: string): string => {
  plant('recovery key', text)
  plant('recovery key, bare', text.replaceAll('-', ''))
  plant('recovery secret', parseRecoveryKey(text))
  return text
}

/** Tells this test what a passkey's PRF gave, which no server may learn. The way goes around the network. */
const overhearPrf = async ({ context }: BrowserPerson): Promise<void> => {
  await context.exposeFunction('overheard', (hex: string) => {
    plant('output of a passkey', Buffer.from(hex, 'hex'))
  })
  await context.addInitScript(() => {
    const { credentials } = navigator
    const tell = (credential: Credential | null): Credential | null => {
      const { prf } = (credential as PublicKeyCredential).getClientExtensionResults()
      const first = prf?.results?.first
      if (!first) return credential
      const bytes = new Uint8Array(ArrayBuffer.isView(first) ? first.buffer : first)
      const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')
      ;(globalThis as unknown as { overheard: (text: string) => void }).overheard(hex)
      return credential
    }
    const [create, get] = [credentials.create.bind(credentials), credentials.get.bind(credentials)]
    credentials.create = async (options) => tell(await create(options))
    credentials.get = async (options) => tell(await get(options))
  })
}

const plantTree = (): string => {
  const top = at(planted['folder name'])
  mkdirSync(top)
  writeFileSync(join(top, planted['file name']), planted.contents)
  // Large enough to go by a socket.
  const large = Buffer.alloc(5_000_000, 1)
  large.write(planted['contents across segments'], 262_144 - 10)
  large.write(planted.contents, 1_900_000)
  writeFileSync(join(top, planted['large file name']), large)
  for (let i = 0; i < 40; i++)
    writeFileSync(join(top, `${i} ${planted['note name']}`), planted.contents)
  return top
}

/** Ada's first visit: a password and an authenticator. Returns the recovery key. */
const setUpByPassword = async (authenticator: Authenticator): Promise<string> => {
  const { page } = ada
  plant('set-up token', server.setUpToken()!)
  await steps.beginSetUp(ada, {
    token: server.setUpToken()!,
    instanceName: 'Custody',
    name: planted['sign-in name'],
    displayName: planted['display name'],
  })
  await choose(page, 'A password and an authenticator app')
  await page.getByLabel('Password', { exact: true }).fill(planted.password)
  await press(page, 'Continue')
  const recoveryKey = plantRecoveryKey(await steps.keepRecoveryKey(page))
  await heading(page, 'Your authenticator app')
  await authenticator.scan(page)
  const secret = (await page.getByTestId('totp-secret').textContent())!.replaceAll(/\s/g, '')
  plant('authenticator secret', secret)
  plant('authenticator secret, raw', Secret.fromBase32(secret).bytes)
  await page.getByLabel('Code that the app shows').fill(authenticator.code())
  await heading(page, 'Your backup codes')
  for (const code of await page.getByTestId('backup-codes').locator('li').allTextContents()) {
    plant('backup code', code.trim())
    plant('backup code, bare', code.replaceAll(/[^0-9A-Za-z]/g, ''))
  }
  await press(page, 'Open Files')
  await heading(page, 'Files')
  return recoveryKey
}

/** Everything that one does with files. */
const useFiles = async (person: BrowserPerson, share: string, tree: string): Promise<void> => {
  const { page } = person
  await steps.createShare(person, share)
  await steps.drop(person, tree)
  await steps.openFolder(person, planted['folder name'])
  const grid = page.getByRole('grid')
  await steps.filterRows(page, planted['file name'])
  await grid.getByRole('button', { name: planted['file name'], exact: true }).click()
  await page.getByRole('dialog').getByText(planted.contents).waitFor()
  await page.keyboard.press('Escape')
  await grid
    .getByRole('button', { name: `Who can read ${planted['file name']}?` })
    .first()
    .click()
  await page.getByText('What would change this').waitFor()
  await steps.downloadRow(person, planted['large file name'], at(`saved ${share}`))
  expect(readFileSync(at(`saved ${share}`)).includes(planted['contents across segments'])).toBe(
    true,
  )
  await rename(page)
  await steps.openShare(person, share)
  await steps.downloadRow(person, planted['folder name'], at(`saved ${share}.zip`))
  await makeFolder(page)
  await moveToTrash(person)
}

const rename = async (page: Page): Promise<void> => {
  await steps.filterRows(page, planted['file name'])
  await page.getByRole('row').filter({ hasText: planted['file name'] }).focus()
  await page.keyboard.press('F2')
  const dialog = page.getByRole('dialog')
  await dialog.getByRole('textbox').fill(planted['new file name'])
  await dialog.getByRole('button', { name: 'Rename', exact: true }).click()
  await dialog.waitFor({ state: 'hidden' })
  await steps.filterRows(page, planted['new file name'])
  await page.getByRole('button', { name: planted['new file name'], exact: true }).waitFor()
}

const makeFolder = async (page: Page): Promise<void> => {
  await steps.filterRows(page, '')
  await press(page, 'New folder')
  const dialog = page.getByRole('dialog')
  await dialog.getByRole('textbox').fill(planted['new folder name'])
  await dialog.getByRole('button', { name: 'Create folder' }).click()
  await page.getByRole('button', { name: planted['new folder name'], exact: true }).waitFor()
}

const moveToTrash = async (person: BrowserPerson): Promise<void> => {
  const { page } = person
  await steps.selectRow(person, planted['new folder name'])
  await page.getByRole('toolbar').getByRole('button', { name: 'Move to trash' }).click()
  const gone = page
    .getByRole('grid')
    .getByRole('button', { name: planted['new folder name'], exact: true })
  await gone.waitFor({ state: 'hidden' })
}

const unlockByPassword = async (page: Page, password: string): Promise<void> => {
  await page.getByLabel('Password', { exact: true }).fill(password)
  await press(page, 'Unlock')
}

/** Unlocked, in the list of shares or in the share that was open before. */
const inApp = (page: Page): Promise<void> =>
  page.getByRole('heading', { name: /^(?:Files|planted share 93kZq)$/, level: 1 }).waitFor()

/** Out and in again in each way there is; returns the recovery key that then holds. */
const comeAndGo = async (authenticator: Authenticator, recoveryKey: string): Promise<string> => {
  const { page } = ada
  await page.reload()
  await heading(page, 'Unlock')
  await unlockByPassword(page, planted['wrong password'])
  await page.getByText('That password did not fit.').waitFor()
  await unlockByPassword(page, planted.password)
  await inApp(page)
  await signOut(page)
  dumps.push(await dumpStore(page))
  await page.getByLabel('Sign-in name').fill(planted['sign-in name'])
  await page.getByLabel('Password', { exact: true }).fill(planted.password)
  await page.getByRole('checkbox', { name: 'Stay signed in' }).check({ force: true })
  await press(page, 'Sign in')
  await page.getByLabel('Code').fill(authenticator.code())
  await inApp(page)
  await page.reload()
  await inApp(page)
  await steps.openShare(ada, planted['share name'])
  dumps.push(await dumpStore(page))
  await signOut(page)
  await press(page, 'Use your recovery key')
  await page.getByLabel('Recovery key').fill(recoveryKey)
  await press(page, 'Continue')
  const renewed = plantRecoveryKey(await steps.keepRecoveryKey(page))
  await inApp(page)
  dumps.push(await dumpStore(page))
  return renewed
}

/** The keys themselves: whoever has the recovery key can find them out, and so can this test. */
const plantKeys = async (recoveryKey: string): Promise<void> => {
  const transport = nodeTransport({ origin: tap.origin })
  let token: string | undefined
  const client = createClient({ transport, token: () => token })
  const context = { client, heads: memoryHeads() }
  const signedIn = await signInWithRecoveryKey(context, { recoveryKey, transport: 'bearer' })
  token = signedIn.token
  const member = await unlock(context, signedIn, signedIn.unlockBy)
  plant('account key', member.keys.accountKey)
  plant('root seed', member.keys.keyring.rootSeed)
  for (const [domain, versions] of Object.entries(member.keys.keyring.domains))
    for (const { key } of versions) plant(`domain key ${domain}`, key)
  for (const { log } of await listShares(member)) {
    const share = await openShare(member, log)
    for (const epoch of share.view.epochs.values()) plant('log key', await share.keys.open(epoch))
    const contents = [...share.view.nodes.values()].flatMap(({ versions }) =>
      versions.flatMap(({ content }) => (content ? [content] : [])),
    )
    // Each is looked for in ten spellings.
    for (const { key } of contents.slice(0, 20)) plant('object key', key)
  }
  transport.close()
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'hearthold-custody-web-'))
  tap = await WireTap.start(at('wire'), () => server.port)
  server = await startWebServer([], tap.origin)
  ada = await BrowserPerson.open(tap.origin, at('ada'), { passkeys: false })
  bertil = await BrowserPerson.open(tap.origin, at('bertil'))
  await overhearPrf(bertil)
  const tree = plantTree()
  const authenticator = new Authenticator(server)
  const first = await setUpByPassword(authenticator)
  const link = await steps.makeInvitation(ada)
  plant('invitation', link.slice(link.indexOf('#') + 1).split('.')[0]!)
  await useFiles(ada, planted['share name'], tree)
  const adaKey = await comeAndGo(authenticator, first)
  const who = { link, name: 'bertil', displayName: planted['other display name'] }
  const bertilKey = plantRecoveryKey(await steps.signUpByPasskey(bertil, who))
  await useFiles(bertil, planted['other share name'], tree)
  await signOut(bertil.page)
  await steps.signInByPasskey(bertil)
  dumps.push(await dumpStore(bertil.page))
  await Promise.all([ada.close(), bertil.close()])
  await plantKeys(adaKey)
  await plantKeys(bertilKey)
  await tap.stop()
}, 300_000)

afterAll(async () => {
  await Promise.all([ada.close(), bertil.close()])
  await tap.stop()
  await server.dispose()
  rmSync(folder, { recursive: true, force: true })
})

const scanner = (): PlaintextScanner => new PlaintextScanner(needlesFor(markers))

const requestLine = /(?:GET|HEAD|POST|PUT|PATCH|DELETE) \S+ HTTP\/1\.1(?=\r\n)/g

/** The request within which a find lies, as `POST /path`. */
const requestOf = ({ file, offset }: Find): string => {
  const before = readFileSync(join(tap.folder, file)).subarray(0, offset).toString('latin1')
  const line = (before.match(requestLine) ?? []).at(-1)
  return line?.replace(/ HTTP.*/, '') ?? 'no request'
}

/** What the protocol must show to the server, and in which requests. All else may be nowhere. */
const shown = [
  'set-up token (plain) in POST /api/set-up/start',
  'set-up token (plain) in POST /api/set-up/finish',
  'invitation (plain) in POST /api/sign-up/start',
  'invitation (plain) in POST /api/sign-up/finish',
  'sign-in name (plain) in POST /api/set-up/start',
  'sign-in name (plain) in POST /api/sign-in/password/start',
]

describe('after a full session in two browsers', () => {
  it('nothing that was sent shows a name, a content, a secret or a key, but what the server must be told', async () => {
    expect(tap.fault).toBeUndefined()
    expect(tap.sockets).toBeGreaterThan(1)
    expect(markers.filter(({ what }) => what === 'output of a passkey').length).toBeGreaterThan(1)
    expect(markers.filter(({ what }) => what === 'object key').length).toBe(40)
    const frames = readdirSync(tap.folder).filter((file) => file.endsWith('.frames'))
    const sizes = frames.map((file) => readFileSync(join(tap.folder, file)).length)
    expect(Math.max(...sizes)).toBeGreaterThan(5_000_000)
    const { finds, bytes } = await scanner().scanFolder(tap.folder)
    expect(bytes).toBeGreaterThan(6_000_000)
    const told = new Set(finds.map((find) => `${find.what} in ${requestOf(find)}`))
    expect([...told].sort()).toEqual([...shown].sort())
  })

  it('no request line carried anything secret, not even what the server must be told', () => {
    const lines = readdirSync(tap.folder).flatMap(
      (file) => readFileSync(join(tap.folder, file)).toString('latin1').match(requestLine) ?? [],
    )
    expect(lines.length).toBeGreaterThan(100)
    expect(scanner().scanBytes(Buffer.from(lines.join('\n'), 'latin1'), 'request lines')).toEqual(
      [],
    )
  })

  it('what scripts can read back from databases, caches and storage is sealed, and no key can be taken out', () => {
    for (const { bytes, extractable, values } of dumps) {
      expect(values).toBeGreaterThan(20)
      expect(extractable).toBe(0)
      expect(scanner().scanBytes(bytes, 'store')).toEqual([])
    }
  })

  it('the profiles on the disk hold none of it', async () => {
    for (const name of ['ada', 'bertil']) {
      const { finds, bytes } = await scanner().scanFolder(at(name))
      expect(bytes).toBeGreaterThan(1_000_000)
      expect(finds).toEqual([])
    }
  })

  it('nor does the disk of the server', async () => {
    expect((await scanner().scanFolder(join(server.folder, 'data'))).finds).toEqual([])
  })

  it('the pages broke no policy, said no error, and asked nobody else', () => {
    expect([...ada.complaints(), ...bertil.complaints()]).toEqual([])
  })

  it('what is planted is found: in requests, in databases and in caches', async () => {
    const found = new Set<string>()
    const line = await WireTap.start(at('careless-wire'), () => server.port)
    const careless = await BrowserPerson.open(line.origin, at('careless'), { passkeys: false })
    await careless.page.goto(`${line.origin}/sign-in`)
    await careless.page.evaluate(keepAndSend, planted.contents)
    const { bytes } = await dumpStore(careless.page)
    await careless.close()
    await line.stop()
    for (const { what } of scanner().scanBytes(bytes, 'store')) found.add(`store: ${what}`)
    for (const place of ['careless', 'careless-wire']) {
      for (const { file, what } of (await scanner().scanFolder(at(place))).finds)
        found.add(`${/IndexedDB|CacheStorage|http/.exec(file)?.[0]}: ${what}`)
    }
    const expected = ['store', 'IndexedDB', 'CacheStorage', 'http']
    expect([...found]).toEqual(
      expect.arrayContaining(expected.map((one) => `${one}: contents (plain)`)),
    )
  })
})

/** Runs in the page: does what ours never may. */
const keepAndSend = async (text: string): Promise<void> => {
  const cache = await caches.open('planted')
  await cache.put('/planted', new Response(text))
  await new Promise((done) => {
    const opening = indexedDB.open('planted')
    opening.addEventListener('upgradeneeded', () => opening.result.createObjectStore('kept'))
    opening.addEventListener('success', () => {
      const writing = opening.result.transaction('kept', 'readwrite')
      writing.objectStore('kept').put({ text }, 'marker')
      writing.addEventListener('complete', done)
    })
  })
  await fetch('/api/session', { method: 'POST', body: text }).catch(() => undefined)
}
