/** The command line at a lying server: it says by name what is wrong, exits with the number for it, and leaves nothing wrong behind. */
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { randomBytes } from 'node:crypto'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { getCheckpoint, getObject, putCheckpoint, readLog } from '@hearthold/contract'
import { decodePage, generateSigningSeed } from '@hearthold/crypto'
import { type App, createApp, loadConfig } from '@hearthold/server'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { type Run, runHearthold } from '../custody/real-server.ts'
import { all, isCallOf, type Lie, rewriteBytes, rewriteJson, truth, withhold } from './answers.ts'
import { type ForgedLog, serve } from './forged-log.ts'
import { type LyingServer, startLyingServer } from './lying-server.ts'
import { readReceiptSeed } from './world.ts'

let folder = ''
let app: App
let liar: LyingServer
let seed: Uint8Array
const at = (name: string): string => join(folder, name)
const run = (...args: string[]): Promise<Run> =>
  runHearthold(args, { HEARTHOLD_HOME: at('home'), HEARTHOLD_SERVER: liar.origin })
const large = randomBytes(1_500_000)

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'hearthold-lies-'))
  const { config, secrets } = loadConfig({ argv: ['--listen', '127.0.0.1:0'], env: {}, folder })
  const silent = { debug() {}, info() {}, warn() {}, error() {} }
  app = await createApp(config, secrets, silent)
  await app.start()
  seed = readReceiptSeed(folder)
  liar = await startLyingServer(app.publicUrl())
  writeFileSync(at('token'), app.setUpToken()!)
  writeFileSync(at('password'), 'a password of good length')
  writeFileSync(at('large.bin'), large)
  const out = ['--recovery-key-out', at('recovery'), '--totp-secret-out', at('totp')]
  const who = ['--name', 'ada', '--password-file', at('password'), '--instance-name', 'Lies']
  const steps = [
    ['set-up', '--token-file', at('token'), ...who, ...out],
    ['share', 'create', 'docs'],
    ['put', at('large.bin'), 'docs:/'],
  ]
  for (const step of steps) {
    const { code, stderr } = await run(...step)
    if (code !== 0) throw new Error(`${step[0]} failed: ${stderr}`)
  }
}, 60_000)
afterAll(async () => {
  await liar.stop()
  await app.stop()
  rmSync(folder, { recursive: true, force: true })
})

/** Pages of all logs go through; what the liar saw of each it can serve again later. */
const seen = new Map<string, ForgedLog>()
const watch: Lie = rewriteBytes(readLog, (bytes) => {
  const { log, genesis, entries } = decodePage(bytes)
  const id = Buffer.from(log).toString('hex')
  if (entries.length > 0 && !seen.has(id)) seen.set(id, { log, genesis, entries })
  return bytes
})

const expectRefused = (done: Run, code: string): void => {
  const { error } = JSON.parse(done.stdout) as { error: { code: string; message: string } }
  expect([error.code, done.code]).toEqual([code, 1])
  expect(error.message.length).toBeGreaterThan(10)
}

afterEach(() => liar.tell(truth))

describe('the command line', () => {
  it('writes no file of which a segment was exchanged, and says so', async () => {
    const segment = 262_172
    liar.tell(
      rewriteBytes(getObject, (bytes) => {
        const copy = Buffer.from(bytes)
        bytes.slice(0, segment).forEach((byte, i) => (copy[segment + i] = byte))
        return copy
      }),
    )
    const done = await run('get', 'docs:/large.bin', at('got'), '--json')
    liar.tell(truth)
    expect(done.code).not.toBe(0)
    expect(done.stdout + done.stderr).toContain('object_segment')
    const left = existsSync(at('got')) ? readdirSync(at('got')) : []
    expect(left).toEqual([])
  })

  it('remembers across runs what it saw: a share rolled back is refused', async () => {
    // A home without what it keeps reads logs from their beginning, and so shows the liar all of them.
    rmSync(at('home/cache'), { recursive: true, force: true })
    liar.tell(watch)
    expect(await run('ls', 'docs:/')).toMatchObject({ code: 0 })
    liar.tell(truth)
    expect(await run('mkdir', 'docs:/newer')).toMatchObject({ code: 0 })
    for (const old of seen.values()) if (old.genesis.kind === 2) liar.tell(serve(old, seed))
    expectRefused(await run('ls', 'docs:/', '--json'), 'log_rolled_back')
    liar.tell(truth)
    expect((await run('ls', 'docs:/')).stdout).toContain('newer')
  })

  it('refuses receipts of another instance', async () => {
    liar.tell(watch)
    await run('whoami')
    for (const old of seen.values())
      if (old.genesis.kind === 1) liar.tell(serve(old, generateSigningSeed()))
    expectRefused(await run('ls', 'docs:/', '--json'), 'log_receipt')
    liar.tell(truth)
  })

  const homeFiles = (name: string): string[] =>
    readdirSync(at('home'), { recursive: true, encoding: 'utf8' })
      .filter((path) => path.endsWith(name))
      .map((path) => at(join('home', path)))
  const forget = (...names: string[]): void => {
    const paths = names.flatMap(homeFiles)
    expect(paths.length).toBeGreaterThanOrEqual(names.length)
    for (const path of paths) rmSync(path, { recursive: true, force: true })
  }

  it('leaves a checkpoint of a large share, warns of a forged one, and shows the truth all the same', async () => {
    mkdirSync(at('many'))
    for (let i = 0; i < 1100; i++) writeFileSync(join(at('many'), `file ${i}`), `${i}`)
    let written = 0
    liar.tell((next) => (request) => {
      if (isCallOf(putCheckpoint, request)) written++
      return next(request)
    })
    expect(await run('put', at('many'), 'docs:/')).toMatchObject({ code: 0 })
    expect(written).toBe(1)
    for (const forged of [false, true]) {
      forget('cache')
      const signature = 'ab'.repeat(64)
      liar.tell(forged ? rewriteJson(getCheckpoint, (one) => ({ ...one, signature })) : truth)
      const done = await run('ls', 'docs:/many')
      expect(done.code).toBe(0)
      expect(done.stdout).toContain('file 1099')
      expect(done.stderr.includes('(checkpoint)')).toBe(forged)
    }
  })

  it('tells the other devices what it saw: one that remembers nothing refuses a share rolled back', async () => {
    expect(await run('mkdir', 'docs:/newest')).toMatchObject({ code: 0 })
    forget('cache', 'heads.json')
    for (const old of seen.values()) {
      if (old.genesis.kind === 2) liar.tell(all(serve(old, seed), withhold(getCheckpoint)))
    }
    expectRefused(await run('ls', 'docs:/', '--json'), 'log_rolled_back')
    liar.tell(truth)
    expect((await run('ls', 'docs:/')).stdout).toContain('newest')
  })

  it('and gets everything, byte for byte, once the server is honest', async () => {
    expect(await run('get', 'docs:/large.bin', at('honest'))).toMatchObject({ code: 0 })
    expect(readFileSync(join(at('honest'), 'large.bin')).equals(large)).toBe(true)
  })
})
