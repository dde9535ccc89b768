import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { ConfigError, loadConfig } from './load.ts'
import { parseListen, parseSize } from './parse.ts'
import { printConfig, printConfigJson, printSettingsHelp } from './print.ts'
import { settings } from './settings.ts'

let folder = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'hearthold-config-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const load = (argv: string[] = [], env: Record<string, string> = {}) =>
  loadConfig({ argv, env, folder })
const mistakesOf = (argv: string[] = [], env: Record<string, string> = {}) => {
  try {
    load(argv, env)
  } catch (error) {
    if (error instanceof ConfigError)
      return error.mistakes.map(({ name, message }) => `${name} ${message}`)
    throw error
  }
  return []
}
const key = Buffer.alloc(32, 7).toString('base64url')

describe('sources', () => {
  test('need nothing: every setting has a default that works', () => {
    const { config, secrets, warnings } = load()
    expect(config).toMatchObject({
      dataDir: join(folder, 'data'),
      keysDir: join(folder, 'data/keys'),
      listen: { kind: 'tcp', host: '127.0.0.1', port: 8765 },
      publicUrl: 'http://localhost:8765',
      tls: { kind: 'plain' },
      trustedProxies: [],
      corsOrigins: [],
      defaultQuotaBytes: undefined,
    })
    expect([secrets.rootKey, warnings]).toEqual([undefined, []])
  })
  test('flags win over variables, these over the file, this over the default', () => {
    const file = join(folder, 'c.json')
    writeFileSync(
      file,
      JSON.stringify({
        listen: '127.0.0.1:1',
        logLevel: 'warn',
        dataDir: 'in-file',
        corsOrigins: ['https://a.example', 'https://b.example'],
      }),
    )
    const { config, inForce } = load(['--listen', '127.0.0.1:3', `--config=${file}`], {
      HEARTHOLD_LISTEN: '127.0.0.1:2',
      HEARTHOLD_LOG_LEVEL: 'error',
    })
    expect(config).toMatchObject({
      listen: { port: 3 },
      logLevel: 'error',
      dataDir: join(folder, 'in-file'),
      corsOrigins: ['https://a.example', 'https://b.example'],
    })
    expect(inForce.map(({ name, source }) => `${name}=${source}`)).toEqual(
      expect.arrayContaining([
        'listen=--listen',
        'logLevel=HEARTHOLD_LOG_LEVEL',
        'dataDir=configuration file: dataDir',
        'publicUrl=default',
        'rootKey=not set',
      ]),
    )
  })
  test('the file may be named by a variable; empty variables count as not set', () => {
    writeFileSync(join(folder, 'c.json'), '{"logLevel":"debug"}')
    expect(load([], { HEARTHOLD_CONFIG: 'c.json', HEARTHOLD_LISTEN: '' }).config).toMatchObject({
      logLevel: 'debug',
      listen: { port: 8765 },
    })
  })
  test("an unknown variable is a warning, the member's own are not", () => {
    const { warnings } = load([], {
      HEARTHOLD_LISTENN: 'x',
      HEARTHOLD_SERVER: 'y',
      HEARTHOLD_TOKEN_FILE: 'z',
    })
    expect(warnings).toEqual(['HEARTHOLD_LISTENN is set but is not a setting of this server.'])
  })
})

describe('mistakes', () => {
  test('are all reported at once, by name, never with the value', () => {
    writeFileSync(join(folder, 'c.json'), '{"logLevel":"gossip-value","colour":"secret-value"}')
    const found = mistakesOf(
      ['--listen', 'nowhere-value', '--colour', 'blue-value', '--default-quota', 'lots-value'],
      {
        HEARTHOLD_CONFIG: 'c.json',
        HEARTHOLD_CORS_ORIGINS: '*',
        HEARTHOLD_ROOT_KEY: 'short-value',
        HEARTHOLD_PUBLIC_URL: 'https://u:p-value@h.example',
        HEARTHOLD_TRUSTED_PROXIES: 'proxy-value',
      },
    )
    expect(found.map((line) => line.split(' ')[0])).toEqual([
      '--colour',
      'configuration',
      '--listen',
      'HEARTHOLD_PUBLIC_URL',
      'HEARTHOLD_TRUSTED_PROXIES',
      'HEARTHOLD_CORS_ORIGINS',
      'HEARTHOLD_ROOT_KEY',
      '--default-quota',
      'configuration',
    ])
    expect(found.join('\n')).not.toMatch(/-value/)
    expect(found.join('\n')).toMatch(/HEARTHOLD_CORS_ORIGINS must name each origin: "\*"/)
  })
  test.each([
    [['--listen'], '--listen needs a value'],
    [['--listen', '127.0.0.1:1', '--listen', '127.0.0.1:2'], '--listen is given twice'],
    [['stray'], 'argument 1 is not known here; see --help'],
    [
      ['--root-key', key],
      '--root-key would show the secret to everyone on this machine; use --root-key-file',
    ],
    [
      ['--tls-cert-file', 'x', '--public-url', 'https://h.example'],
      'tlsCertFile and tlsKeyFile must be set together',
    ],
    [['--config', 'missing.json'], 'configuration file cannot be read (ENOENT)'],
    [['--log-level', 'loud'], '--log-level must be one of debug, info, warn, error'],
    [['--access-log', 'maybe'], '--access-log must be off, log, or the path of a file'],
    [
      ['--public-url', 'https://h.example/path'],
      '--public-url must be only scheme, host and port: no path',
    ],
    [
      ['--public-url', 'http://h.example'],
      '--public-url must begin with https:// unless the server is only for this machine (localhost)',
    ],
    [['--trusted-proxies', '0.0.0.0/0'], '--trusted-proxies must not trust every address'],
    [
      ['--trusted-proxies', '10.0.0.0/33'],
      '--trusted-proxies has a network with an impossible prefix length',
    ],
  ])('%j', (argv, expected) => expect(mistakesOf(argv)).toEqual([expected]))
  test('a reachable server with the default public URL says how to set it', () => {
    for (const listen of ['0.0.0.0:8765', ':8765', '[::]:80', '192.168.1.2:8765']) {
      expect(mistakesOf(['--listen', listen])).toEqual([
        expect.stringMatching(/^--listen is reachable .* Set HEARTHOLD_PUBLIC_URL to .*https:/),
      ])
    }
  })
  test('a file that is no JSON does not show its content', () => {
    writeFileSync(join(folder, 'c.json'), 'secret-value')
    expect(mistakesOf(['--config', 'c.json'])).toEqual(['configuration file is not JSON'])
  })
})

describe('secrets', () => {
  const fileWith = (content: string, mode = 0o600) => {
    const path = join(folder, 'key')
    writeFileSync(path, content, { mode })
    chmodSync(path, mode)
    return path
  }
  test('come from a variable, a file of 0600, a flag naming it, or a systemd credential', () => {
    const expected = new Uint8Array(32).fill(7)
    expect(load([], { HEARTHOLD_ROOT_KEY: key }).secrets.rootKey).toEqual(expected)
    const file = fileWith(`${key}\n`)
    expect(load([], { HEARTHOLD_ROOT_KEY_FILE: file }).secrets.rootKey).toEqual(expected)
    expect(load(['--root-key-file', file]).secrets.rootKey).toEqual(expected)
    writeFileSync(join(folder, 'hearthold-root-key'), key)
    const loaded = load([], { CREDENTIALS_DIRECTORY: folder })
    expect([
      loaded.secrets.rootKey,
      loaded.inForce.find(({ name }) => name === 'rootKey')?.source,
    ]).toEqual([expected, 'systemd credential'])
  })
  test('in a looser file, a missing one, or twice are mistakes', () => {
    expect(mistakesOf([], { HEARTHOLD_ROOT_KEY_FILE: fileWith(key, 0o644) })).toEqual([
      expect.stringMatching(/^HEARTHOLD_ROOT_KEY_FILE .*chmod 600/),
    ])
    expect(mistakesOf([], { HEARTHOLD_ROOT_KEY_FILE: join(folder, 'none') })).toEqual([
      'HEARTHOLD_ROOT_KEY_FILE names a file that cannot be read (ENOENT)',
    ])
    expect(
      mistakesOf([], { HEARTHOLD_ROOT_KEY: key, HEARTHOLD_ROOT_KEY_FILE: fileWith(key) }),
    ).toEqual(['HEARTHOLD_ROOT_KEY and HEARTHOLD_ROOT_KEY_FILE are both set; keep one'])
    writeFileSync(join(folder, 'c.json'), JSON.stringify({ rootKey: key }), { mode: 0o644 })
    expect(mistakesOf(['--config', 'c.json'])).toEqual([
      expect.stringMatching(/rootKey holds a secret in a file that others can read/),
    ])
  })
  test('are masked wherever the configuration is printed', () => {
    const loaded = load([], { HEARTHOLD_ROOT_KEY: key })
    for (const text of [
      printConfig(loaded),
      printConfigJson(loaded),
      JSON.stringify(loaded.config),
      JSON.stringify(loaded.inForce),
    ]) {
      expect(text).not.toContain(key)
    }
    expect(printConfig(loaded)).toMatch(/rootKey +\*{8} +HEARTHOLD_ROOT_KEY/)
  })
})

describe('how connections are protected', () => {
  const planOf = (argv: string[]) => load(argv).config.tls.kind
  test.each([
    [[], 'plain'],
    [['--listen', 'unix:s', '--public-url', 'https://h.example'], 'plain'],
    [['--public-url', 'https://h.example'], 'self-signed'],
    [['--public-url', 'https://h.example', '--trusted-proxies', '127.0.0.1'], 'plain'],
    [['--listen', ':1', '--public-url', 'https://h.example'], 'self-signed'],
    [
      [
        '--listen',
        ':1',
        '--public-url',
        'https://h.example',
        '--trusted-proxies',
        '10.0.0.0/8,::1',
      ],
      'plain',
    ],
    [
      [
        '--listen',
        ':1',
        '--public-url',
        'https://h.example',
        '--tls-cert-file',
        'c',
        '--tls-key-file',
        'k',
      ],
      'files',
    ],
  ])('%j: %s', (argv, kind) => expect(planOf(argv)).toBe(kind))
  test('TLS_CERT_PATH and TLS_KEY_PATH are honoured, our own names win', () => {
    const env = {
      TLS_CERT_PATH: 'c',
      TLS_KEY_PATH: 'k',
      HEARTHOLD_TLS_KEY_FILE: 'ours',
      HEARTHOLD_PUBLIC_URL: 'https://h.example',
    }
    expect(load([], env).config.tls).toEqual({
      kind: 'files',
      certFile: join(folder, 'c'),
      keyFile: join(folder, 'ours'),
    })
  })
  test('says where passkeys cannot work', () => {
    expect(load(['--listen', ':1', '--public-url', 'https://192.168.1.2']).warnings.join()).toMatch(
      /passkeys cannot work/,
    )
  })
})

test('the default public URL follows the port of a local server', () => {
  const loaded = load(['--listen', '127.0.0.1:9000'])
  expect(loaded.config.publicUrl).toBe('http://localhost:9000')
  expect(loaded.inForce.find(({ name }) => name === 'publicUrl')).toMatchObject({
    value: 'http://localhost:9000',
    source: 'default',
  })
  expect(
    load(['--listen', '127.0.0.1:9000', '--public-url', 'http://localhost:1']).config.publicUrl,
  ).toBe('http://localhost:1')
})

test('texts of listen and sizes', () => {
  expect(parseListen('[::1]:80', '/')).toEqual({ kind: 'tcp', host: '::1', port: 80 })
  expect(parseListen('localhost:0', '/')).toEqual({ kind: 'tcp', host: 'localhost', port: 0 })
  expect(parseListen(':80', '/')).toEqual({ kind: 'tcp', host: '::', port: 80 })
  expect(parseListen('unix:run/s', '/x')).toEqual({ kind: 'unix', path: '/x/run/s' })
  for (const wrong of ['80', '::1:80', 'h:65536', 'h:-1', '[h]:1', 'unix:', 'a b:1'])
    expect(() => parseListen(wrong, '/')).toThrow()
  expect(['1', '1kB', '5GB', '100GiB', '1.5T', '2 MiB'].map(parseSize)).toEqual([
    1,
    1000,
    5e9,
    100 * 2 ** 30,
    1.5 * 2 ** 40,
    2 ** 21,
  ])
  for (const wrong of [
    '',
    '-1',
    '0',
    '1e3',
    '5 apples',
    '9999PiB',
    'GiB',
    'constructor',
    '1constructor',
  ])
    expect(() => parseSize(wrong)).toThrow()
})

test('help names every setting', () => {
  const help = printSettingsHelp()
  for (const setting of settings) expect(help).toContain(setting.env)
  expect(help).not.toContain('--root-key ')
})
