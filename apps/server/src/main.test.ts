import { type ChildProcess, spawn } from 'node:child_process'
import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { version } from '#platform/version.ts'

let folder = ''
const children: ChildProcess[] = []
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'hearthold-main-'))
})
afterEach(async () => {
  for (const child of children.splice(0)) {
    if (child.exitCode !== null || child.signalCode !== null) continue
    const gone = new Promise((resolve) => child.once('exit', resolve))
    child.kill('SIGKILL')
    await gone
  }
  rmSync(folder, { recursive: true, force: true })
})

/** A host verb in a process of its own, with nothing but these variables. */
const run = (argv: string[], env: Record<string, string> = {}) => {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'main.ts'), ...argv], {
    cwd: folder,
    env: { PATH: process.env['PATH'] ?? '', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  children.push(child)
  const output = { out: '', err: '' }
  child.stdout.on('data', (chunk: Buffer) => {
    output.out += chunk.toString()
  })
  child.stderr.on('data', (chunk: Buffer) => {
    output.err += chunk.toString()
  })
  const ended = new Promise<number | null>((resolve) =>
    child.once('close', (code) => resolve(code)),
  )
  return { child, output, ended }
}
const serve = async (argv: string[], env: Record<string, string> = {}) => {
  const started = run(['serve', ...argv], env)
  for (let tries = 0; !started.output.out.includes('Data: '); tries++) {
    if (tries > 400 || started.child.exitCode !== null)
      throw new Error(`did not start: ${started.output.err}`)
    await new Promise((resolve) => setTimeout(resolve, 25))
  }
  return { ...started, address: /https?:\/\/[^/]+/.exec(started.output.out)?.[0] ?? '' }
}
const anyPort = ['--listen', '127.0.0.1:0']

describe('serve', () => {
  test('needs nothing, says where to go, keeps its files to itself, and stops when told', async () => {
    const { child, output, ended, address } = await serve(anyPort)
    expect(output.out).toMatch(
      /^Hearthold \d+\.\d+\.\d+ is running\.\n(?:Address|Set it up at): http:\/\/localhost:\d+\//,
    )
    expect(output.out).toContain(`Data: ${join(folder, 'data')}\n`)
    expect(await (await fetch(`${address}/healthz`)).json()).toEqual({ live: true })
    expect(await (await fetch(`${address}/readyz`)).json()).toMatchObject({ ready: true })
    expect((await fetch(`${address}/api/logs`)).status).toBe(503)
    for (const [path, mode] of [
      ['data', 0o700],
      ['data/hearthold.db', 0o600],
      ['data/keys', 0o700],
      ['data/keys/root-key', 0o600],
    ] as const) {
      expect([path, statSync(join(folder, path)).mode & 0o777]).toEqual([path, mode])
    }
    child.kill('SIGTERM')
    expect(await ended).toBe(0)
  })
  test('with its own certificate prints the pin, appended to the set-up address, and reloads on SIGHUP', async () => {
    const { child, output, ended } = await serve([
      ...anyPort,
      '--public-url',
      'https://localhost:8765',
      '--access-log',
      'access.log',
    ])
    const pin = /Public key \(SHA-256\): ([0-9a-f]{64})\n/.exec(output.out)?.[1]
    expect(pin).toBeDefined()
    expect(output.out).not.toMatch(/set-up#(?!\S+\.[0-9a-f]{64}\n)/)
    expect(output.err).toContain('self-signed')
    // Opening is asynchronous, and may take a while on a busy machine.
    const accessLog = join(folder, 'access.log')
    await expect.poll(() => existsSync(accessLog), { timeout: 10_000 }).toBe(true)
    rmSync(accessLog)
    child.kill('SIGHUP')
    await expect.poll(() => existsSync(accessLog), { timeout: 10_000 }).toBe(true)
    child.kill('SIGINT')
    expect(await ended).toBe(0)
  })
  test('on a port in use ends with 1 and says what to do', async () => {
    const other = createServer().listen(0, '127.0.0.1')
    await new Promise((resolve) => other.once('listening', resolve))
    const { port } = other.address() as { port: number }
    const { ended, output } = run(['serve', '--listen', `127.0.0.1:${port}`])
    expect(await ended).toBe(1)
    expect(output.err).toMatch(/^Error: port \d+ on 127\.0\.0\.1 is in use\. .*HEARTHOLD_LISTEN/m)
    other.close()
  })
  test('on a data folder in use ends with 1', async () => {
    await serve(anyPort)
    const second = run(['serve', ...anyPort])
    expect(await second.ended).toBe(1)
    expect(second.output.err).toMatch(/^Error: .*data is in use by another Hearthold/)
  })
  test('with a data folder or key that others can read ends with 1 and the remedy', async () => {
    const first = await serve(anyPort)
    first.child.kill('SIGTERM')
    await first.ended
    for (const [path, mode, good] of [
      ['data', 0o755, 0o700],
      ['data/keys/pepper', 0o640, 0o600],
    ] as const) {
      chmodSync(join(folder, path), mode)
      const { ended, output } = run(['serve', ...anyPort])
      expect([path, await ended, output.err]).toEqual([
        path,
        1,
        expect.stringContaining(`chmod ${good.toString(8)} ${join(folder, path)}`),
      ])
      chmodSync(join(folder, path), good)
    }
  })
  test('with wrong settings ends with 2 and all of them, without their values', async () => {
    const { ended, output } = run(['serve', '--listen', 'zzhush', '--nonsense'], {
      HEARTHOLD_CORS_ORIGINS: '*',
      HEARTHOLD_ROOT_KEY: 'zzhush',
    })
    expect(await ended).toBe(2)
    expect(output.err).toMatch(
      /^4 settings are wrong:\n {2}--nonsense .*\n {2}--listen .*\n {2}HEARTHOLD_CORS_ORIGINS .*\n {2}HEARTHOLD_ROOT_KEY /,
    )
    expect(output.err + output.out).not.toContain('zzhush')
  })
  test('beyond this machine refuses the default public URL, and says how to set it', async () => {
    const { ended, output } = run(['serve', '--listen', '0.0.0.0:0'])
    expect(await ended).toBe(2)
    expect(output.err).toContain('Set HEARTHOLD_PUBLIC_URL')
  })
})

describe('the other verbs', () => {
  test('config prints what is in force, as text and as JSON', async () => {
    const key = Buffer.alloc(32, 5).toString('base64url')
    const { ended, output } = run(['config', '--json', '--listen', '127.0.0.1:9'], {
      HEARTHOLD_ROOT_KEY: key,
      HEARTHOLD_WRONG: '1',
    })
    expect(await ended).toBe(0)
    const printed = JSON.parse(output.out) as {
      settings: { name: string; value?: string; source: string }[]
      warnings: string[]
    }
    expect(printed.settings).toEqual(
      expect.arrayContaining([
        { name: 'listen', value: '127.0.0.1:9', source: '--listen', secret: false },
        { name: 'rootKey', value: '********', source: 'HEARTHOLD_ROOT_KEY', secret: true },
      ]),
    )
    expect(printed.warnings).toEqual([
      'HEARTHOLD_WRONG is set but is not a setting of this server.',
    ])
    expect(output.out).not.toContain(key)
  })
  test('doctor ends with 1 for a problem', async () => {
    writeFileSync(join(folder, 'data'), '', { mode: 0o644 })
    const { ended, output } = run(['doctor', '--json'])
    expect(await ended).toBe(1)
    const { checks } = JSON.parse(output.out) as { checks: { name: string; state: string }[] }
    expect(checks.find(({ name }) => name === 'file modes')?.state).toBe('problem')
  })
  test('unknown ones end with 2, help with 0', async () => {
    const [unknown, help, serveHelp] = [run(['zzhush']), run(['--help']), run(['serve', '--help'])]
    expect(await Promise.all([unknown.ended, help.ended, serveHelp.ended])).toEqual([2, 0, 0])
    expect(unknown.output.err).not.toContain('zzhush')
    expect(serveHelp.output.out).toContain('HEARTHOLD_LISTEN')
    expect(help.output.out).toContain(version)
  })
})

test('the version is that of package.json', () => {
  const manifest: unknown = JSON.parse(
    readFileSync(join(import.meta.dirname, '../package.json'), 'utf8'),
  )
  expect(manifest).toMatchObject({ version })
})
