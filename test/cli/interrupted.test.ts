/** Transfers that are killed, interrupted or cut, files that change meanwhile, and several writers at once. */
import { createCipheriv, createHash, randomBytes } from 'node:crypto'
import {
  appendFileSync,
  createReadStream,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Run } from '../../tools/demo/instance.ts'
import { CountingProxy } from './counting-proxy.ts'
import { begin } from './house.ts'
import { startServer, type PlainServer } from './plain-server.ts'

const mebibyte = 1024 * 1024
const largeBytes = 48 * mebibyte

let folder = ''
let proxy: CountingProxy
let server: PlainServer
const home = (name: string) => ({ home: join(folder, `${name}-home`) })
const at = (...names: string[]) => join(folder, ...names)

/** Runs a command to its end; what it says as JSON. */
const run = (device: string, ...args: string[]): Promise<Run> =>
  begin(home(device), [...args, '--json'], { server: server.url }).ended
const must = async (device: string, ...args: string[]): Promise<unknown> => {
  const { code, stdout, stderr } = await run(device, ...args)
  if (code !== 0) throw new Error(`hearthold ${args[0]} ended with ${code}.\n${stdout}${stderr}`)
  return JSON.parse(stdout)
}
const start = (device: string, ...args: string[]) =>
  begin(home(device), args, { server: server.url })

const sha = async (path: string): Promise<string> => {
  const hash = createHash('sha256')
  await pipeline(createReadStream(path), hash)
  return hash.digest('hex')
}
const writeLarge = (path: string): void => {
  const cipher = createCipheriv('aes-128-ctr', randomBytes(16), randomBytes(16))
  writeFileSync(path, cipher.update(Buffer.alloc(largeBytes)))
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'hearthold-cut-'))
  proxy = await CountingProxy.start()
  server = await startServer(at('server'), proxy)
  writeFileSync(at('password'), randomBytes(18).toString('hex'))
  const secrets = [
    ...['--name', 'ada', '--password-file', at('password')],
    ...['--recovery-key-out', at('recovery-key'), '--totp-secret-out', at('totp-secret')],
  ]
  const token = ['--token-file', join(server.dataFolder, 'set-up-token')]
  await must('one', 'set-up', ...token, '--instance-name', 'Cut', ...secrets)
  await must('one', 'share', 'create', 'Docs')
  writeLarge(at('large'))
  mkdirSync(at('many'))
  for (let i = 0; i < 300; i++) writeFileSync(at('many', `note ${i}`), randomBytes(20_000))
})
afterAll(async () => {
  proxy.stop()
  await server.stop()
  rmSync(folder, { recursive: true, force: true })
})

/** Stops a put of the large file halfway by a signal; resolves to how it ended. */
const stopHalfway = async (target: string, signal: NodeJS.Signals) => {
  const half = proxy.after('up', largeBytes / 2)
  const { child, ended } = start('one', 'put', at('large'), target)
  await half
  // What went through is with the server before the connection breaks.
  await delay(300)
  child.kill(signal)
  const result = await ended
  proxy.release()
  await delay(100)
  return result
}

describe('put', () => {
  it.each([
    ['SIGKILL', { code: -1, signal: 'SIGKILL', stderr: '' }],
    ['SIGINT', { code: 130, signal: null }],
  ] as const)('goes on where %s stopped it', async (signal, end) => {
    const target = `Docs:/after ${signal}`
    expect(await stopHalfway(target, signal)).toMatchObject(end)
    proxy.reset()
    expect(await must('one', 'put', at('large'), target)).toMatchObject({ files: 1, failed: [] })
    expect(proxy.up).toBeLessThan(largeBytes * 0.75)
    await must('one', 'get', `${target}/large`, at(`back ${signal}`))
    expect(await sha(at(`back ${signal}`, 'large'))).toBe(await sha(at('large')))
  })

  it('goes on by itself where the connection was cut', async () => {
    const half = proxy.after('up', largeBytes / 2, true)
    const { ended } = start('one', 'put', at('large'), 'Docs:/cut', '--json')
    await half
    expect(await ended).toMatchObject({ code: 0 })
    expect(proxy.up).toBeLessThan(largeBytes * 1.5)
    await must('one', 'get', 'Docs:/cut/large', at('back cut'))
    expect(await sha(at('back cut', 'large'))).toBe(await sha(at('large')))
  })

  it('lists a file that changes while it is read, and stores nothing of it', async () => {
    writeLarge(at('changing'))
    const half = proxy.after('up', largeBytes / 2)
    const { ended } = start('one', 'put', at('changing'), at('many'), 'Docs:/', '--json')
    await half
    appendFileSync(at('changing'), 'more')
    proxy.release()
    const { code, stdout } = await ended
    expect([code, JSON.parse(stdout)]).toMatchObject([
      1,
      { files: 300, failed: [{ path: 'changing', reason: 'It changed while it was being read.' }] },
    ])
    expect(await run('one', 'ls', 'Docs:/changing')).toMatchObject({ code: 4 })
  })
})

describe('get', () => {
  it('leaves nothing half-written when it is interrupted', async () => {
    await must('one', 'put', at('large'), 'Docs:/whole')
    const half = proxy.after('down', largeBytes / 2)
    const { child, ended } = start('one', 'get', 'Docs:/whole', at('stopped'))
    await half
    const partial = readdirSync(at('stopped', 'whole'))
    child.kill('SIGINT')
    expect(await ended).toMatchObject({ code: 130 })
    proxy.release()
    expect(partial).toMatchObject([/^\.hearthold-[0-9a-f]{16}\.part$/.exec(partial[0] ?? '')?.[0]])
    expect(readdirSync(at('stopped'), { recursive: true })).toEqual(['whole'])
  })
})

describe('several writers', () => {
  it('of one home and of two devices lose nothing', async () => {
    const sign = ['sign-in', '--name', 'ada', '--password-file', at('password')]
    await must('two', ...sign, '--totp-secret-file', at('totp-secret'))
    const trees = ['a', 'b', 'c', 'd'].map((name) => {
      mkdirSync(at(name))
      for (let i = 0; i < 40; i++) writeFileSync(at(name, `${name}${i}`), `${name} ${i}`)
      return name
    })
    const puts = trees.map((name, i) =>
      must(i % 2 === 0 ? 'one' : 'two', 'put', at(name), 'Docs:/both'),
    )
    const folders = [1, 2, 3].map((i) => must('one', 'mkdir', `Docs:/made/by ${i}`))
    await Promise.all([...puts, ...folders])
    await must('two', 'get', 'Docs:/both', 'Docs:/made', at('merged'))
    for (const name of trees) expect(readdirSync(at('merged', 'both', name))).toHaveLength(40)
    expect(readdirSync(at('merged', 'made')).sort()).toEqual(['by 1', 'by 2', 'by 3'])
  }, 60_000)
})

describe('without a server', () => {
  it('says so, and keeps what this device has', async () => {
    await server.stop()
    const gone = await run('one', 'ls', 'Docs:/')
    expect(gone.code).toBe(6)
    expect(JSON.parse(gone.stdout)).toHaveProperty('error.advice')
    expect(existsSync(join(home('one').home, 'device-key'))).toBe(true)
  })
})
