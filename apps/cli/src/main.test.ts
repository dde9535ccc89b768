import { describe, expect, expectTypeOf, it } from 'vitest'
import { NetworkError } from '@hearthold/client'
import { ProblemError } from '@hearthold/contract'
import { fakeTerminal } from '../test/fake-terminal.ts'
import { catalogue } from './commands/catalogue.ts'
import { serverOptions } from './commands/options.ts'
import { defineVerb, type Given, type VerbEntry } from './commands/verb.ts'
import { runCommandLine } from './main.ts'

let loaded: string[] = []
let seen: (Given & { json: boolean }) | undefined

const put = defineVerb({
  example: 'hearthold put ./photos Photos:/2026',
  arguments: [
    { name: 'target', summary: 'Where to', required: true },
    { name: 'source', summary: 'What', many: true, completes: 'file' },
  ],
  options: [
    ...serverOptions,
    {
      name: 'mode',
      value: 'MODE',
      summary: 'How',
      env: 'HEARTHOLD_MODE',
      choices: ['fast', 'slow'],
    },
    { name: 'forever', short: 'f', summary: 'Really', env: 'HEARTHOLD_FOREVER' },
    { name: 'only', value: 'NAME', many: true, summary: 'Which', env: 'HEARTHOLD_ONLY' },
  ],
  run: (call) => {
    expectTypeOf(call.arguments.target).toEqualTypeOf<string>()
    expectTypeOf(call.arguments.source).toEqualTypeOf<readonly string[]>()
    expectTypeOf(call.options['server-pin']).toEqualTypeOf<string | undefined>()
    expectTypeOf(call.options.forever).toEqualTypeOf<boolean>()
    expectTypeOf(call.options.only).toEqualTypeOf<readonly string[]>()
    seen = { arguments: call.arguments, options: call.options, json: call.json }
    return Promise.resolve({ data: { done: 3 }, text: 'Done.\n' })
  },
})
const failing = (reason: unknown) =>
  defineVerb({ example: 'x', arguments: [], options: [], run: () => Promise.reject(reason) })

const entry = (name: string, verb: ReturnType<typeof defineVerb>): VerbEntry => ({
  name,
  summary: `Summary of ${name}`,
  load: () => {
    loaded.push(name)
    return Promise.resolve(verb)
  },
})
const entries = [
  entry('put', put),
  entry('share create', put),
  entry('share list', put),
  entry('offline', failing(new NetworkError('refused', 'No connection to localhost:1.'))),
  entry('gone', failing(new ProblemError('not_found'))),
  entry('odd', failing(new TypeError('secret inside'))),
  entry('stopped', failing(new DOMException('x', 'AbortError'))),
  entry(
    'partly',
    defineVerb({
      example: 'x',
      arguments: [],
      options: [],
      run: () => Promise.resolve({ data: null, text: 'Some.\n', exitCode: 1 as const }),
    }),
  ),
]

const run = async (argv: string[], env: Record<string, string> = {}) => {
  loaded = []
  seen = undefined
  const terminal = fakeTerminal(env)
  const exitCode = await runCommandLine(entries, argv, terminal)
  return { exitCode, out: terminal.out(), err: terminal.err() }
}

describe('the command line', () => {
  it('loads and runs the one verb that is named', async () => {
    expect(await run(['put', 'T', 'a', 'b', '--server', 'https://x', '-f'])).toEqual({
      exitCode: 0,
      out: 'Done.\n',
      err: '',
    })
    expect(loaded).toEqual(['put'])
    expect(seen?.arguments).toEqual({ target: 'T', source: ['a', 'b'] })
    expect(seen?.options).toMatchObject({
      server: 'https://x',
      'server-pin': undefined,
      forever: true,
      mode: undefined,
    })
  })

  it('finds verbs of two words', async () => {
    await run(['share', 'list', 'T'])
    expect(loaded).toEqual(['share list'])
    expect(seen?.arguments).toEqual({ target: 'T', source: [] })
  })

  it('prints JSON for --json before or after the verb, and for HEARTHOLD_JSON', async () => {
    expect((await run(['put', 'T', '--json'])).out).toBe('{"done":3}\n')
    expect((await run(['--json', 'put', 'T'])).out).toBe('{"done":3}\n')
    expect((await run(['put', 'T'], { HEARTHOLD_JSON: '1' })).out).toBe('{"done":3}\n')
    expect(seen?.json).toBe(true)
  })

  it('takes the environment where there is no flag', async () => {
    await run(['put', 'T', '--mode', 'slow'], {
      HEARTHOLD_MODE: 'fast',
      HEARTHOLD_SERVER: 'https://env',
      HEARTHOLD_FOREVER: '1',
    })
    expect(seen?.options).toMatchObject({ mode: 'slow', server: 'https://env', forever: true })
    await run(['put', 'T'], { HEARTHOLD_SERVER: '', HEARTHOLD_FOREVER: '0' })
    expect(seen?.options).toMatchObject({ server: undefined, forever: false })
  })

  it('takes several values for an option, or the lines of its variable', async () => {
    const given = async (argv: string[], env: Record<string, string> = {}) => {
      await run(['put', 'Photos', ...argv], env)
      return seen?.options['only']
    }
    expect(await given([])).toEqual([])
    expect(await given(['--only', 'a', 'b c', '--forever'])).toEqual(['a', 'b c'])
    expect(await given(['--only', 'a', '--only', 'b'])).toEqual(['a', 'b'])
    const lines = { HEARTHOLD_ONLY: 'a\nb c' }
    expect(await given([], lines)).toEqual(['a', 'b c'])
    expect(await given(['--only', 'x'], lines)).toEqual(['x'])
  })

  it('refuses choices that do not exist, from either', async () => {
    for (const result of [
      await run(['put', 'T', '--mode', 'hunter2']),
      await run(['put', 'T'], { HEARTHOLD_MODE: 'hunter2' }),
    ]) {
      expect(result.exitCode).toBe(2)
      expect(result.err).not.toContain('hunter2')
      expect(seen).toBeUndefined()
    }
  })

  it.each([
    [['pit'], "Unknown command 'pit'.\nDid you mean put?\n"],
    [['share', 'lst'], "Unknown command 'lst'.\nDid you mean list?\n"],
    [['put', 'T', '--servre', 'x'], "Unknown option '--servre'.\nDid you mean --server?\n"],
    [['put'], "Missing required argument 'target'.\nSee: hearthold put --help\n"],
    [
      ['put', 'T', '--password=hunter2'],
      "Unknown option '--password'.\nSee: hearthold put --help\n",
    ],
    [['offline', 'hunter2'], "Too many arguments for 'offline'.\nSee: hearthold offline --help\n"],
    [
      ['put', 'T', '--server'],
      "Option '--server <URL>' argument missing.\nSee: hearthold put --help\n",
    ],
  ])('explains wrong use: %j', async (argv, err) => {
    expect(await run(argv)).toEqual({ exitCode: 2, out: '', err })
  })

  it('shows help with an example first, loading nothing but the verb', async () => {
    const help = await run(['put', '--help'])
    expect(help.exitCode).toBe(0)
    expect(help.out).toMatch(/^Example:\n {2}hearthold put \.\/photos/)
    expect(help.out).toContain('(HEARTHOLD_SERVER_PIN)')
    expect((await run(['help', 'put'])).out).toBe(help.out)
    const top = await run(['--help'])
    expect(top.out).toMatch(/^Example:\n/)
    expect(top.out).toContain('Summary of put')
    expect(loaded).toEqual([])
    const none = await run([])
    expect([none.exitCode, none.out]).toEqual([2, ''])
    expect(none.err).toContain('Summary of put')
  })

  it('tells failures by message, advice and exit code', async () => {
    expect(await run(['offline'])).toMatchObject({
      exitCode: 6,
      out: '',
      err: expect.stringMatching(
        /^No connection to localhost:1\.\nCheck that the server/,
      ) as string,
    })
    expect((await run(['gone'])).exitCode).toBe(4)
    expect((await run(['stopped'])).exitCode).toBe(130)
    expect(await run(['partly'])).toMatchObject({ exitCode: 1, out: 'Some.\n' })
    const json = await run(['gone', '--json'])
    expect([json.exitCode, json.err]).toEqual([4, ''])
    expect(JSON.parse(json.out)).toMatchObject({ error: { code: 'not_found', exitCode: 4 } })
  })

  it('keeps the details of what nobody expected for those who ask', async () => {
    const quiet = await run(['odd'])
    expect(quiet.exitCode).toBe(1)
    expect(quiet.err).not.toContain('secret inside')
    expect((await run(['odd'], { DEBUG: 'hearthold' })).err).toContain('secret inside')
  })

  it('knows its version', async () => {
    expect((await run(['--version'])).out).toMatch(/^hearthold \d+\.\d+\.\d+\n$/)
    expect(JSON.parse((await run(['--version', '--json'])).out)).toMatchObject({
      version: expect.any(String) as string,
    })
  })
})

describe('the catalogue', () => {
  it('has verbs of one to three words, each with an example that calls it, and options with variables', async () => {
    expect(new Set(catalogue.map(({ name }) => name)).size).toBe(catalogue.length)
    for (const { name, load } of catalogue) {
      const verb = await load()
      expect(name).toMatch(/^[a-z-]+( [a-z-]+){0,2}$/)
      expect(verb.example).toContain(`hearthold ${name}`)
      const values = verb.options.filter(({ value }) => value !== undefined)
      expect(
        values.filter(({ env }) => env === undefined),
        `${name}: every value has a variable`,
      ).toEqual([])
      expect(
        verb.options.filter(({ name: option }) =>
          /^(password|token|secret|key|recovery-key)$/.test(option),
        ),
        'no secret in arguments',
      ).toEqual([])
    }
  })
})
