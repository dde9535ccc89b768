import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { CliError } from '../cli-error.ts'
import type { ServerPin } from '../transport/server-pin.ts'
import { homePath, openHome } from './home.ts'
import { serverFolderName } from './server-home.ts'

const url = 'https://hearth.example:8765'
const logA = 'a'.repeat(32)
let folder = ''
let path = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'hearthold-home-'))
  path = join(folder, 'home')
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const everything = (from: string): string[] =>
  readdirSync(from, { recursive: true, encoding: 'utf8' }).map((name) => join(from, name))
const head = (seq: number, digit: string) => ({ seq, chain: digit.repeat(64), at: 1000 + seq })

describe('where the home is', () => {
  it("is HEARTHOLD_HOME, else in the user's configuration", () => {
    expect(homePath({ HEARTHOLD_HOME: '/x/y' })).toBe('/x/y')
    expect(homePath({ HEARTHOLD_HOME: '' })).toMatch(/[/\\]\.config[/\\]hearthold$/)
  })
})

describe('the home', () => {
  it('creates nothing by reading', () => {
    const home = openHome(path)
    expect(home.findCurrentServer()).toBeUndefined()
    expect(home.findDeviceSeed()).toBeUndefined()
    expect(home.listServers()).toEqual([])
    expect(home.server(url).findToken()).toBeUndefined()
    expect(home.server(url).knownHeads()).toEqual({})
    expect(existsSync(path)).toBe(false)
  })

  it('keeps one device key for good, until it is removed', async () => {
    const [first, second] = await Promise.all([
      openHome(path).deviceSeed(),
      openHome(path).deviceSeed(),
    ])
    expect(first).toHaveLength(32)
    expect(second).toEqual(first)
    await openHome(path).server(url).forgetSecrets()
    expect(openHome(path).findDeviceSeed()).toEqual(first)
    await openHome(path).removeDeviceSeed()
    expect(await openHome(path).deviceSeed()).not.toEqual(first)
  })

  it('keeps each server apart', async () => {
    const home = openHome(path)
    const other = 'http://localhost:8765'
    await home.server(url).updateRecord((record) => ({
      ...record,
      trust: { kind: 'pin', pin: 'f'.repeat(64) as ServerPin },
      account: { id: logA, log: logA, name: 'ann' },
    }))
    await home.server(other).updateRecord((record) => record)
    await home.server(url).writeToken('token-1')
    await home.selectServer(other)
    const again = openHome(path)
    expect(again.findCurrentServer()).toBe(other)
    expect(
      again
        .listServers()
        .map((record) => record.url)
        .toSorted(),
    ).toEqual([other, url])
    expect(again.server(url).findRecord()).toEqual({
      url,
      trust: { kind: 'pin', pin: 'f'.repeat(64) },
      account: { id: logA, log: logA, name: 'ann' },
    })
    expect(again.server(url).findToken()).toBe('token-1')
    expect(again.server(other).findToken()).toBeUndefined()
    expect(serverFolderName(url)).toMatch(/^hearth\.example-8765-[0-9a-f]{12}$/)
  })

  it('forgets token and secret at sign-out, and nothing else', async () => {
    const server = openHome(path).server(url)
    const secret = Uint8Array.from({ length: 32 }, (_, index) => index)
    await server.updateRecord((record) => ({ ...record, deviceMethod: logA }))
    await server.writeToken('t')
    await server.writeDeviceSecret(secret)
    expect(server.findDeviceSecret()).toEqual(secret)
    await server.forgetSecrets()
    expect([server.findToken(), server.findDeviceSecret()]).toEqual([undefined, undefined])
    expect(server.findRecord()).toMatchObject({ deviceMethod: logA })
    await server.forgetSecrets()
  })

  it('never takes an older head for a newer one', async () => {
    const server = openHome(path).server(url)
    await server.raiseHeads({ [logA]: head(5, '5') })
    await server.raiseHeads({ [logA]: head(4, '4') })
    await server.raiseHeads({ [logA]: head(5, '6'), ['b'.repeat(32)]: head(0, '0') })
    expect(server.knownHeads()).toEqual({ [logA]: head(5, '5'), ['b'.repeat(32)]: head(0, '0') })
  })

  it('loses no change of many at once', async () => {
    const logs = Array.from({ length: 20 }, (_, index) => index.toString(16).padStart(32, '0'))
    await Promise.all(
      logs.map((log) =>
        openHome(path)
          .server(url)
          .raiseHeads({ [log]: head(1, '1') }),
      ),
    )
    expect(Object.keys(openHome(path).server(url).knownHeads())).toHaveLength(20)
  })

  it('can be changed from within its own lock', async () => {
    const home = openHome(path)
    await home.withLock('home', async () => {
      await home.selectServer(url)
      await home.server(url).writeToken('t')
    })
    expect(home.findCurrentServer()).toBe(url)
  })
})

describe('who may read it', () => {
  it('makes folders 0700 and files 0600, whatever the umask', async () => {
    const before = process.umask(0)
    try {
      const server = openHome(path).server(url)
      await openHome(path).deviceSeed()
      await server.updateRecord((record) => record)
      await server.writeToken('t')
      await server.writeDeviceSecret(new Uint8Array(32))
      await server.raiseHeads({ [logA]: head(1, '1') })
      await server.cacheFolder('shares')
    } finally {
      process.umask(before)
    }
    const modes = [path, ...everything(path)].map((name) => [
      statSync(name).isDirectory(),
      (statSync(name).mode & 0o777).toString(8),
    ])
    expect(modes.length).toBeGreaterThan(10)
    expect(modes.filter(([isFolder, mode]) => mode !== (isFolder ? '700' : '600'))).toEqual([])
    expect(
      everything(path).filter((name) => name.endsWith('.new') || name.endsWith('-journal')),
    ).toEqual([])
  })

  it('refuses a home or a secret that others can read, and says what to do', async () => {
    await openHome(path).server(url).writeToken('t')
    const tokenPath = join(path, 'servers', serverFolderName(url), 'token')
    chmodSync(tokenPath, 0o640)
    expect(() => openHome(path).server(url).findToken()).toThrow(CliError)
    chmodSync(tokenPath, 0o600)
    chmodSync(path, 0o755)
    expect(() => openHome(path)).toThrow(
      expect.objectContaining({ advice: expect.stringContaining(`chmod 700 '${path}'`) as string }),
    )
    rmSync(path, { recursive: true })
    mkdirSync(path, { mode: 0o750 })
    expect(() => openHome(path)).toThrow(CliError)
  })

  it('follows no link to a secret, and writes through none', async () => {
    await openHome(path).deviceSeed()
    const elsewhere = join(folder, 'elsewhere')
    writeFileSync(elsewhere, `${'ab'.repeat(32)}\n`, { mode: 0o600 })
    const seed = join(path, 'device-key')
    rmSync(seed)
    symlinkSync(elsewhere, seed)
    expect(() => openHome(path).findDeviceSeed()).toThrow('is a link')
    rmSync(seed)
    symlinkSync(elsewhere, `${seed}.new`)
    await expect(openHome(path).deviceSeed()).rejects.toMatchObject({ code: 'ELOOP' })
    expect(lstatSync(elsewhere).size).toBe(65)
  })
})

describe('damage', () => {
  it.each([
    '',
    '{',
    '[]',
    '{"version":2}',
    '{"version":1,"url":"https://other"}',
    `{"version":1,"url":"${url}","trust":{"kind":"everybody"}}`,
  ])('refuses a record it cannot read (%j), instead of trusting less', async (content) => {
    await openHome(path)
      .server(url)
      .updateRecord((record) => record)
    writeFileSync(join(path, 'servers', serverFolderName(url), 'server.json'), content)
    expect(() => openHome(path).server(url).findRecord()).toThrow('is damaged')
    await expect(
      openHome(path)
        .server(url)
        .updateRecord((record) => record),
    ).rejects.toThrow('is damaged')
  })

  it('refuses a damaged key without making a new one', async () => {
    await openHome(path).deviceSeed()
    writeFileSync(join(path, 'device-key'), 'short')
    await expect(openHome(path).deviceSeed()).rejects.toThrow('is damaged')
  })

  it('takes what a crash left of a half-written file for nothing', async () => {
    await openHome(path).selectServer(url)
    writeFileSync(join(path, 'home.json.new'), '{"ver', { mode: 0o600 })
    expect(openHome(path).findCurrentServer()).toBe(url)
    await openHome(path).selectServer('https://b.example')
    expect(openHome(path).findCurrentServer()).toBe('https://b.example')
  })
})
