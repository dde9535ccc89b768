import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { serverFlags } from './require-node.mjs'

const root = join(import.meta.dirname, '..')

/** Stands for an app: says what it was given, then waits to be stopped or ends with code 5. */
const app = (name: string) => `
export const main = async (argv: string[]): Promise<number> => {
  const stopped = Promise.withResolvers<number>()
  const alive = setInterval(() => {}, 1000)
  for (const [signal, code] of [['SIGTERM', 7], ['SIGINT', 8], ['SIGHUP', 9]] as const)
    process.on(signal, () => {
      console.log(signal)
      stopped.resolve(code)
    })
  if (!argv.includes('--wait')) stopped.resolve(5)
  if (argv.includes('--warn')) {
    process.emitWarning('an experimental thing', 'ExperimentalWarning')
    process.emitWarning('of another kind')
    await new Promise(setImmediate)
  }
  const threads = process.env['UV_THREADPOOL_SIZE']
  const flags = process.execArgv
  console.log(JSON.stringify({ app: '${name}', argv, pid: process.pid, threads, flags }))
  const code = await stopped.promise
  clearInterval(alive)
  return code
}
`

let checkout = ''
beforeAll(() => {
  checkout = mkdtempSync(join(tmpdir(), 'launcher-'))
  mkdirSync(join(checkout, 'tools'))
  for (const path of ['bin/hearthold', 'tools/require-node.mjs']) {
    cpSync(join(root, path), join(checkout, path))
  }
  writeFileSync(join(checkout, 'package.json'), '{"type":"module"}')
  for (const name of ['server', 'cli']) {
    const file = join(checkout, 'apps', name, 'src/main.ts')
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(file, app(name))
  }
  symlinkSync(join(root, 'node_modules'), join(checkout, 'node_modules'))
})
afterAll(() => {
  rmSync(checkout, { recursive: true })
})

const start = (args: string[], node = process.execPath) => {
  const { UV_THREADPOOL_SIZE: _size, NODE_OPTIONS: _options, ...env } = process.env
  return spawn(node, args, { cwd: checkout, env, stdio: ['ignore', 'pipe', 'pipe'] })
}

const ended = async (child: ChildProcess) => {
  const said = { out: '', err: '' }
  child.stdout?.on('data', (chunk: Buffer) => (said.out += chunk.toString()))
  child.stderr?.on('data', (chunk: Buffer) => (said.err += chunk.toString()))
  const [code, signal] = (await once(child, 'close')) as [number | null, string | null]
  return { ...said, code, signal }
}

const firstLine = async (child: ChildProcess): Promise<Record<string, unknown>> => {
  const [chunk] = (await once(child.stdout ?? child, 'data')) as [Buffer]
  return JSON.parse(chunk.toString()) as Record<string, unknown>
}

/** A Node that cannot replace itself, as Node 20 cannot: becomes another one by a child. */
const byChild = (script: string, ...args: string[]) => [
  '--input-type=module',
  '--eval',
  `process.execve = undefined
   const { becomeNode } = await import('./tools/require-node.mjs')
   becomeNode(process.execPath, ${JSON.stringify([script, ...args])})`,
]

describe('the launcher', () => {
  test('says what to do where nothing is installed', async () => {
    const bare = join(checkout, 'bare')
    for (const path of ['bin', 'tools', 'package.json']) {
      cpSync(join(checkout, path), join(bare, path), { recursive: true })
    }
    const result = await ended(start([join(bare, 'bin/hearthold'), 'serve']))
    expect(result).toMatchObject({ code: 1, out: '' })
    expect(result.err).toContain('Run "npm start" or "npm ci" first.')
  })

  test.each([
    ['serve', 'server', '16'],
    ['doctor', 'server', '16'],
    ['put', 'cli', undefined],
    ['--help', 'cli', undefined],
  ])('hands %s to the %s', async (verb, name, threads) => {
    const result = await ended(start(['bin/hearthold', verb, 'x']))
    expect(result).toMatchObject({ code: 5, err: '' })
    expect(JSON.parse(result.out)).toMatchObject({ app: name, argv: [verb, 'x'] })
    expect((JSON.parse(result.out) as { threads?: string }).threads).toBe(threads)
  })

  test.each([
    ['serve', [...serverFlags]],
    ['rest-server', [...serverFlags]],
    ['doctor', []],
    ['put', []],
  ])('lays out the heap of %s', async (verb, flags) => {
    const result = await ended(start(['bin/hearthold', verb]))
    expect(JSON.parse(result.out)).toMatchObject({ flags })
  })

  test('does not begin anew where systemd passed a socket, which Node would close', async () => {
    const words = [process.execPath, 'bin/hearthold', 'rest-server']
    const child = spawn('/bin/sh', ['-c', 'LISTEN_PID=$$ exec "$0" "$@"', ...words], {
      cwd: checkout,
    })
    expect(JSON.parse((await ended(child)).out)).toMatchObject({ flags: [], pid: child.pid })
  })

  test('hushes what Node calls experimental, and no other warning', async () => {
    const result = await ended(start(['bin/hearthold', 'put', '--warn']))
    expect(result.err).toContain('Warning: of another kind')
    expect(result.err).not.toContain('experimental')
  })

  test('is itself the server, so that its process id is the one to signal', async () => {
    const child = start(['bin/hearthold', 'serve', '--wait'])
    expect(await firstLine(child)).toMatchObject({ pid: child.pid })
    child.kill('SIGTERM')
    expect(await ended(child)).toMatchObject({ code: 7, signal: null })
  })
})

describe('stopping npm', () => {
  // What npm does, and a shell that dies without telling its child.
  const startUnderShell = (args: string[]) => {
    const env = { ...process.env, npm_lifecycle_event: 'start' }
    const script = ['-c', '"$@"; true', 'sh', process.execPath, ...args]
    return spawn('sh', script, { cwd: checkout, env, stdio: ['ignore', 'pipe', 'pipe'] })
  }

  test.each([
    ['the server', ['bin/hearthold', 'serve', '--wait']],
    ['the server behind an older Node', byChild('bin/hearthold', 'serve', '--wait')],
  ])('stops %s', async (_, args) => {
    const shell = startUnderShell(args)
    await firstLine(shell)
    shell.kill('SIGTERM')
    // `close` comes only when the last process that holds the pipes has ended.
    expect(await ended(shell)).toMatchObject({ signal: 'SIGTERM', err: '' })
  })
})

describe('where the running Node is too old', () => {
  test('the exit code is that of the other Node', async () => {
    const result = await ended(start(byChild('bin/hearthold', 'serve')))
    expect(result).toMatchObject({ code: 5, err: '' })
  })

  test.each([
    ['SIGTERM', 7],
    ['SIGINT', 8],
    ['SIGHUP', 9],
  ] as const)('%s reaches it, and is waited for', async (signal, code) => {
    const child = start(byChild('bin/hearthold', 'serve', '--wait'))
    expect((await firstLine(child))['pid']).not.toBe(child.pid)
    child.kill(signal)
    expect(await ended(child)).toMatchObject({ code, signal: null, out: `${signal}\n` })
  })

  test.each([['serve'], ['rest-server'], ['put']])(
    '%s stops in order where this one is killed',
    async (verb) => {
      const child = start(byChild('bin/hearthold', verb, '--wait'))
      await firstLine(child)
      child.kill('SIGKILL')
      // `close` comes only when the other has ended too: it holds the pipes.
      const result = await ended(child)
      expect(result).toMatchObject({ signal: 'SIGKILL', out: 'SIGTERM\n', err: '' })
    },
  )

  test('what that one starts is not stopped with it, nor taken for an orphan', async () => {
    const inner = `
      const { spawn } = await import('node:child_process')
      spawn(process.execPath, ['bin/hearthold', 'serve', '--wait'], { stdio: 'inherit' })`
    writeFileSync(join(checkout, 'starts-another.mjs'), inner)
    const child = start(byChild('starts-another.mjs'))
    const { pid } = await firstLine(child)
    await new Promise((resolve) => setTimeout(resolve, 1200))
    process.kill(Number(pid), 'SIGINT')
    expect(await ended(child)).toMatchObject({ code: 0, out: 'SIGINT\n' })
  })

  test('its death by a signal is passed on', async () => {
    const child = start(byChild('bin/hearthold', 'serve', '--wait'))
    process.kill(Number((await firstLine(child))['pid']), 'SIGKILL')
    expect(await ended(child)).toMatchObject({ code: null, signal: 'SIGKILL' })
  })
})
