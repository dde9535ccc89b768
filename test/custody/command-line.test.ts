/**
 * A stolen laptop that is signed out, and a curious one that is signed in: the command line is used for everything,
 * and then its folder is searched for what it must never keep.
 */
import { spawn } from 'node:child_process'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Find, PlaintextScanner } from '../../tools/plaintext-scanner.ts'
import { type Marker, needlesFor } from './markers.ts'
import { launcher, RealServer, type Run, runHearthold } from './real-server.ts'

const password = 'planted password 93kZq of ada'
const contents = 'planted contents 93kZq of a file'
const fileName = 'planted file name 93kZq.txt'
const folderName = 'planted folder 93kZq'
const linkTarget = 'planted-link-target-93kZq'
const shareName = 'planted share 93kZq'

let server: RealServer
let folder = ''
const runs: Run[] = []
const markers: Marker[] = [
  { what: 'password', value: password },
  { what: 'contents', value: contents },
  { what: 'file name', value: fileName },
  { what: 'folder name', value: folderName },
  { what: 'link target', value: linkTarget },
  { what: 'share name', value: shareName },
]
const at = (name: string): string => join(folder, name)
const home = (): string => at('home')
const environment = () => ({ HEARTHOLD_HOME: home(), HEARTHOLD_SERVER: server.origin })

const run = async (...args: string[]): Promise<Run> => {
  const done = await runHearthold(args, environment())
  runs.push(done)
  return done
}
const succeed = async (...args: string[]): Promise<Run> => {
  const done = await run(...args)
  expect([args[0], done.code, done.stderr]).toEqual([args[0], 0, expect.any(String)])
  return done
}

const plantFile = (what: string, name: string): void => {
  for (const line of readFileSync(at(name), 'utf8').split('\n')) {
    if (line.trim().length < 8) continue
    markers.push({ what, value: line.trim() })
    markers.push({ what: `${what}, bare`, value: line.replaceAll(/[^0-9A-Za-z]/g, '') })
  }
}

const makeTree = (): void => {
  const top = at(folderName)
  mkdirSync(top)
  writeFileSync(join(top, fileName), contents)
  symlinkSync(linkTarget, join(top, 'link'))
  for (let i = 0; i < 250; i++) writeFileSync(join(top, `${i} ${fileName}`), `${contents} ${i}`)
  writeFileSync(at(`large ${fileName}`), Buffer.alloc(24_000_000, contents))
}

/** Killed in the middle of a large upload: what it keeps for going on stays where it is. */
const killWhilePutting = async (): Promise<void> => {
  const before = server.proxy.requestLines.length
  const args = ['put', at(`large ${fileName}`), `${shareName}:/`]
  const env = { ...process.env, ...environment() }
  const child = spawn(process.execPath, [launcher, ...args], { env, stdio: 'ignore' })
  const closed = new Promise((done) => child.once('close', done))
  const began = (): boolean =>
    server.proxy.requestLines.slice(before).some((line) => line.startsWith('PATCH'))
  for (let i = 0; i < 2000 && !began() && child.exitCode === null; i++) await delay(5)
  child.kill('SIGKILL')
  await closed
}

beforeAll(async () => {
  server = await RealServer.start()
  folder = mkdtempSync(join(tmpdir(), 'hearthold-custody-home-'))
  markers.push({ what: 'set-up token', value: server.setUpToken })
  writeFileSync(at('password'), password)
  chmodSync(at('password'), 0o600)
  makeTree()
  const secrets = ['--recovery-key-out', at('recovery'), '--totp-secret-out', at('totp')]
  const who = ['--name', 'ada', '--password-file', at('password')]
  const token = ['--token-file', join(server.dataFolder, 'set-up-token'), '--instance-name', 'C']
  await succeed('set-up', ...token, ...who, ...secrets, '--backup-codes-out', at('codes'))
  plantFile('recovery key', 'recovery')
  plantFile('authenticator secret', 'totp')
  plantFile('backup code', 'codes')
  await succeed('invite', '--out', at('invitation'))
  const link = readFileSync(at('invitation'), 'utf8').trim()
  markers.push({ what: 'invitation', value: link.slice(link.indexOf('#') + 1) })
  await succeed('share', 'create', shareName)
  await succeed('put', at(folderName), `${shareName}:/`)
  await succeed('ls', `${shareName}:/`, '--recursive')
  await succeed('get', `${shareName}:/${folderName}`, at('got'))
  await succeed('share', 'keys', shareName, '--out', at('keys.json'))
  await killWhilePutting()
}, 90_000)
afterAll(async () => {
  await server.stop()
  rmSync(folder, { recursive: true, force: true })
})

const scan = async (where: string): Promise<Find[]> =>
  (await new PlaintextScanner(needlesFor(markers)).scanFolder(where)).finds

const below = (where: string): string[] =>
  (readdirSync(where, { recursive: true }) as string[]).map((name) => join(where, name))

describe('the folder of the command line', () => {
  it('holds no password, no recovery key, no code, no name and no content', async () => {
    expect(markers.length).toBeGreaterThan(25)
    // The kept state of the share and the record of the upload that was cut off are there, and sealed.
    const kept = below(home()).filter((path) => /[/\\]cache[/\\]|[/\\]uploads[/\\]/.test(path))
    expect(kept.length).toBeGreaterThan(2)
    expect(await scan(home())).toEqual([])
  })

  it('holds the object keys of no file', async () => {
    const values = readFileSync(at('keys.json'), 'utf8').match(/[0-9a-f]{64}/g) ?? []
    expect(values.length).toBeGreaterThan(250)
    const raw = values.slice(0, 100).map((hex) => ({ what: 'key', value: Buffer.from(hex, 'hex') }))
    const scanner = new PlaintextScanner(needlesFor(raw))
    expect((await scanner.scanFolder(home())).finds).toEqual([])
    expect((await scanner.scanFolder(server.dataFolder)).finds).toEqual([])
  })

  it('is for its owner alone, and so is every file that a secret was written to', () => {
    for (const path of below(home())) expect([path, statSync(path).mode & 0o077]).toEqual([path, 0])
    for (const name of ['recovery', 'totp', 'codes', 'invitation', 'keys.json'])
      expect([name, statSync(at(name)).mode & 0o077]).toEqual([name, 0])
  })

  it('told no secret on the way: not in its output, and not in a URL', () => {
    const secret = markers.filter(({ what }) => !/name|target|share/.test(what))
    const scanner = new PlaintextScanner(needlesFor(secret))
    const said = runs.map(({ stdout, stderr }) => stdout + stderr).join('\n')
    expect(scanner.scanBytes(Buffer.from(said), 'output')).toEqual([])
    const lines = server.proxy.requestLines.join('\n')
    expect(new PlaintextScanner(needlesFor(markers)).scanBytes(Buffer.from(lines), 'URLs')).toEqual(
      [],
    )
  })

  it("nor did any of it reach the server's disk or output", async () => {
    expect(await scan(server.dataFolder)).toEqual([])
    const [output] = server.outputs
    const found = new PlaintextScanner(needlesFor(markers)).scanBytes(Buffer.from(output!), 'log')
    expect(found.map(({ what }) => what)).toEqual(['set-up token (plain)'])
  })

  it('goes on after the kill where it was, and afterwards keeps nothing of the upload', async () => {
    await succeed('put', at(`large ${fileName}`), `${shareName}:/`)
    await succeed('get', `${shareName}:/large ${fileName}`, at('large got'))
    const name = `large ${fileName}`
    const got = readFileSync(join(at('large got'), name))
    expect(got.equals(readFileSync(at(name)))).toBe(true)
    expect(below(home()).filter((path) => /[/\\]uploads[/\\]./.test(path))).toEqual([])
    expect(await scan(home())).toEqual([])
  })

  it('after signing out holds neither token nor device secret', async () => {
    await succeed('sign-out')
    const left = below(home()).map((path) => basename(path))
    expect(left).not.toContain('token')
    expect(left).not.toContain('device-secret')
    expect(await scan(home())).toEqual([])
    expect((await run('ls', `${shareName}:/`)).code).not.toBe(0)
    expect(existsSync(at('home'))).toBe(true)
  })
})
