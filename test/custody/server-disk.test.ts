/**
 * A stolen disk: a real server is used for everything that members do, with a marker in each place where something
 * secret stands, and then its data folder, its logs and the requests on the wire are searched for every one of them.
 */
import { appendFileSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { createClient, NetworkError } from '@hearthold/client'
import {
  createInvitation,
  createRepository,
  createRepositoryCredential,
  endSession,
  updateRepository,
} from '@hearthold/contract'
import { parseRecoveryKey, utf8 } from '@hearthold/crypto'
import {
  addDeviceMethod,
  bindDevice,
  createAccount,
  createShare,
  enrolDevice,
  type LocalItem,
  makeFolder,
  type MemberContext,
  memoryHeads,
  moveItem,
  putTree,
  renameShare,
  type Share,
  signInWithPassword,
  signInWithRecoveryKey,
  totpCode,
  trashItems,
  unlock,
  type Unlocked,
} from '@hearthold/member'
import { Secret } from 'otpauth'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { nodeTransport } from '../../apps/cli/src/transport/node-transport.ts'
import { type Find, PlaintextScanner } from '../../tools/plaintext-scanner.ts'
import { type Marker, needlesFor } from './markers.ts'
import { RealServer } from './real-server.ts'

const marker = (what: string): string => `planted ${what} 7Qx${what.length}vK`
const names = {
  signIn: marker('ada').slice(0, 60),
  invited: marker('bob').slice(0, 60),
  unknown: marker('unknown'),
  share: marker('share name'),
  renamed: marker('new share name'),
  folder: marker('folder name'),
  file: marker('file name.txt'),
  moved: marker('moved name.txt'),
  large: marker('large file.bin'),
  link: marker('link name'),
  target: `../${marker('link target')}`,
  content: marker('contents of a small file'),
  inside: marker('contents across two segments'),
  label: marker('device label'),
  password: marker('password'),
  guessed: marker('wrong password'),
}
const markers: Marker[] = Object.entries(names).map(([what, value]) => ({ what, value }))
const plant = (what: string, value: string | Uint8Array): void => void markers.push({ what, value })

let server: RealServer
const transports: { close(): void }[] = []
beforeAll(async () => {
  server = await RealServer.start()
  await useEverything()
}, 60_000)
afterAll(async () => {
  for (const transport of transports) transport.close()
  await server.stop()
})

const device = () => {
  let token: string | undefined
  const transport = nodeTransport({ origin: server.origin })
  transports.push(transport)
  const client = createClient({ transport, token: () => token })
  const context: MemberContext = { client, heads: memoryHeads() }
  const setToken = (given: string | undefined): void => {
    token = given
    if (given !== undefined) plant('bearer token', given)
    if (given !== undefined) plant('bearer token, raw', Buffer.from(given, 'base64url'))
  }
  return { context, client, setToken }
}

type Pass = Parameters<typeof createAccount>[1]['pass']

/** Codes are taken in order: each sign-in of a person needs a step of its own. */
const steps = new Map<string, number>()
const codeFor = (secret: string): Promise<string> => {
  const next = totpCode(secret, Date.now(), steps.get(secret))
  if ('waitMs' in next) return Promise.reject(new Error('too many codes for one test'))
  steps.set(secret, next.step)
  return Promise.resolve(next.code)
}

const signUp = async (pass: Pass, name: string) => {
  const mine = device()
  let recoveryKey = ''
  let totpSecret = ''
  const created = await createAccount(mine.context, {
    pass,
    name,
    way: {
      kind: 'password',
      password: names.password,
      keepTotp: ({ secret }) => {
        totpSecret = secret
        return codeFor(secret)
      },
    },
    deviceLabel: names.label,
    deviceMethod: true,
    keepRecoveryKey: (text) => Promise.resolve(void (recoveryKey = text)),
    transport: 'bearer',
  })
  mine.setToken(created.token)
  plant('recovery key', recoveryKey)
  plant('recovery key without spaces', recoveryKey.replaceAll(/[^0-9A-Za-z]/g, ''))
  plant('recovery secret', parseRecoveryKey(recoveryKey))
  plant('authenticator secret', totpSecret)
  plant('authenticator secret, raw', Secret.fromBase32(totpSecret).bytes)
  plant('device method secret', created.unlockBy.secret)
  plant('device key seed', created.device.seed)
  for (const code of created.backupCodes) {
    plant('backup code', code)
    const bare = code.replaceAll(/[^0-9A-Za-z]/g, '')
    if (bare !== code) plant('backup code without dashes', bare)
  }
  const member = await unlock(mine.context, created, created.unlockBy, created.device)
  plantKeys(member)
  return { ...mine, created, recoveryKey, totpSecret, member }
}

const plantKeys = ({ keys }: Unlocked): void => {
  plant('account key', keys.accountKey)
  plant('root seed', keys.keyring.rootSeed)
  for (const [domain, versions] of Object.entries(keys.keyring.domains))
    for (const { key } of versions) plant(`domain key ${domain}`, key)
}

const large = Buffer.alloc(1_500_000, 1)
large.write(names.inside, 262_144 - 10)
large.write(names.content, 900_000)

async function* tree(): AsyncGenerator<LocalItem> {
  const file = (path: string, bytes: Uint8Array): LocalItem => ({
    kind: 'file',
    path,
    size: bytes.length,
    modifiedAt: Date.now(),
    open: async function* (offset) {
      yield bytes.subarray(offset)
    },
  })
  yield { kind: 'folder', path: names.folder }
  yield file(`${names.folder}/${names.file}`, utf8(names.content))
  yield file(names.large, large)
  yield { kind: 'link', path: names.link, target: names.target }
}

/** An upload that is cut off half-way stays at the server as it is. */
const leaveUnfinished = async (share: Share): Promise<void> => {
  const bytes = Buffer.alloc(3_000_000, names.inside)
  const item: LocalItem = {
    kind: 'file',
    path: 'unfinished',
    size: bytes.length,
    modifiedAt: Date.now(),
    open: async function* () {
      yield bytes.subarray(0, 1_048_576)
      throw new NetworkError('dropped', 'pulled out')
    },
  }
  await putTree(
    share,
    (async function* () {
      yield item
    })(),
    '/',
  )
}

const useEverything = async (): Promise<void> => {
  const { setUpToken } = server
  plant('set-up token', setUpToken)
  const ada = await signUp({ setUpToken, instanceName: 'Custody' }, names.signIn)
  const { invitation } = await ada.client.call(createInvitation, {
    body: { role: 'member', uses: 1, validHours: 1 },
  })
  plant('invitation', invitation)
  plant('invitation, raw', Buffer.from(invitation, 'base64url'))
  await signUp({ invitation }, names.invited)

  const share = await createShare(ada.member, names.share)
  expect((await putTree(share, tree(), '/')).skipped).toEqual([])
  await moveItem(share, `/${names.folder}/${names.file}`, `/${names.moved}`)
  await trashItems(share, [`/${names.moved}`])
  await renameShare(share, names.renamed)
  await leaveUnfinished(share)
  for (const epoch of share.view.epochs.values()) plant('log key', await share.keys.open(epoch))
  for (const { versions } of share.view.nodes.values())
    for (const { content } of versions) plant('object key', content!.key)

  const elsewhere = device()
  const wrong = { name: names.signIn, password: names.guessed, transport: 'bearer' } as const
  const noCode = () => Promise.reject(new Error('never asked'))
  for (const name of [names.signIn, names.unknown, names.password]) {
    const attempt = signInWithPassword(elsewhere.context, { ...wrong, name, secondFactor: noCode })
    await expect(attempt).rejects.toMatchObject({ code: 'sign_in_failed' })
  }
  const signedIn = await signInWithPassword(elsewhere.context, {
    name: names.signIn,
    password: names.password,
    secondFactor: () => codeFor(ada.totpSecret),
    transport: 'bearer',
  })
  elsewhere.setToken(signedIn.token)
  plant('export key of the password', signedIn.unlockBy.secret)
  const member = await unlock(elsewhere.context, signedIn, signedIn.unlockBy)
  await enrolDevice(member, `${names.label} 2`)
  await bindDevice(member, signedIn.session)
  plant('second device secret', (await addDeviceMethod(member)).secret)
  await makeFolder(share, `/${names.folder}/${names.folder}`)

  await useRepository(ada.client)

  const byKey = device()
  const { token } = await signInWithRecoveryKey(byKey.context, {
    recoveryKey: ada.recoveryKey,
    transport: 'bearer',
  })
  byKey.setToken(token)
  await byKey.client.call(endSession)
}

/** The secrets of credentials and the passwords that are tried are what nobody may find; restic seals the rest itself. */
const useRepository = async (client: ReturnType<typeof device>['client']): Promise<void> => {
  const repository = await client.call(createRepository, { body: { name: 'backup' } })
  const params = { repository: repository.repository }
  for (const scope of ['append', 'maintain'] as const) {
    const { credential, secret } = await client.call(createRepositoryCredential, {
      params,
      body: { label: 'laptop', scope, validDays: null },
    })
    plant(`${scope} secret of a repository`, secret)
    const basic = (password: string): string =>
      Buffer.from(`${credential.credential}:${password}`).toString('base64')
    plant(`${scope} secret as it travels`, basic(secret))
    const ask = async (password: string, method: string, body?: Uint8Array<ArrayBuffer>) => {
      const headers = { authorization: `Basic ${basic(password)}` }
      const address = `${server.origin}${repository.path}config`
      const answer = await fetch(address, { method, headers, ...(body ? { body } : {}) })
      await answer.body?.cancel()
      return answer.status
    }
    expect(await ask(secret, 'POST', new Uint8Array([1, 2, 3]))).toBe(200)
    expect(await ask(secret, 'DELETE')).toBe(scope === 'append' ? 403 : 200)
    expect(await ask(names.guessed, 'GET')).toBe(401)
  }
  await client.call(updateRepository, { params, body: { freezeDays: 31 } })
}

const scan = async (folder: string): Promise<Find[]> => {
  const { finds, files, bytes } = await new PlaintextScanner(needlesFor(markers)).scanFolder(folder)
  expect(files).toBeGreaterThan(3)
  expect(bytes).toBeGreaterThan(100)
  return finds
}
const scanText = (text: string, what: string): Find[] =>
  new PlaintextScanner(needlesFor(markers)).scanBytes(Buffer.from(text), what)

describe('after everything that members do', () => {
  it('the data folder of the running server holds nothing of theirs in plain, keys and database log included', async () => {
    expect(readdirSync(server.dataFolder)).toEqual(
      expect.arrayContaining(['hearthold.db', 'hearthold.db-wal', 'objects', 'keys']),
    )
    expect(markers.length).toBeGreaterThan(40)
    expect(await scan(server.dataFolder)).toEqual([])
  })

  it('the keys folder by itself holds nothing of theirs either', async () => {
    expect(await scan(join(server.dataFolder, 'keys'))).toEqual([])
  })

  it('no request line carried anything secret, not even something that looks like it', () => {
    const lines = server.proxy.requestLines
    expect(lines.length).toBeGreaterThan(30)
    expect(scanText(lines.join('\n'), 'request lines')).toEqual([])
    expect(lines.filter((line) => /[A-Za-z0-9_-]{33,}/.test(line))).toEqual([])
  })

  it('its output at level debug told nothing, but the set-up link once, before it was used', () => {
    const [output] = server.outputs
    expect(output!.split('\n').length).toBeGreaterThan(40)
    const finds = scanText(output!, 'output')
    expect(finds).toMatchObject([{ what: 'set-up token (plain)' }])
  })

  it('after a restart the same holds, and the set-up token is gone', async () => {
    await server.end()
    expect(await scan(server.dataFolder)).toEqual([])
    await server.run()
    expect(server.waitsForSetUp).toBe(false)
    expect(await scan(server.dataFolder)).toEqual([])
    expect(scanText(server.outputs[1]!, 'output')).toEqual([])
  })

  it('a planted marker is found, in every spelling: the search does search', async () => {
    const planted = join(server.dataFolder, 'objects', 'planted')
    for (const { bytes, what } of needlesFor(markers)) {
      const finds = new PlaintextScanner(needlesFor(markers)).scanBytes(bytes, 'planted')
      expect(finds.map((find) => find.what)).toContain(what)
    }
    appendFileSync(planted, Buffer.from(`xx${names.content}`).toString('base64'))
    expect(await scan(server.dataFolder)).toMatchObject([
      { file: 'objects/planted', what: 'content (base64)' },
    ])
    rmSync(planted)
  })
})
