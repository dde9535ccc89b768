import { describe, expect, test } from 'vitest'
import { flagHelp, flagTable } from './flag-table.ts'
import { FlagError, parseFlags, type RestServerFlags } from './flags.ts'

const parsed = (...argv: string[]): RestServerFlags => {
  const flags = parseFlags(['--path', '/srv/restic', ...argv], '/here')
  if (typeof flags === 'string') throw new Error(`not flags: ${flags}`)
  return flags
}
const refusal = (...argv: string[]): string => {
  try {
    parseFlags(argv, '/here')
  } catch (error) {
    if (error instanceof FlagError) return error.message
    throw error
  }
  throw new Error('nothing was refused')
}

describe('the flags of rest-server', () => {
  test('all have their defaults', () => {
    expect(parsed()).toEqual({
      path: '/srv/restic',
      listen: { kind: 'tcp', host: '::', port: 8000 },
      tls: undefined,
      auth: { kind: 'htpasswd', file: '/srv/restic/.htpasswd' },
      appendOnly: false,
      privateRepos: false,
      groupAccessible: false,
      verifyUploads: true,
      maxSizeBytes: undefined,
      metrics: 'off',
      accessLog: undefined,
      cpuProfile: undefined,
      debug: false,
    })
  })
  const each: readonly (readonly [readonly string[], Partial<RestServerFlags>])[] = [
    [['--append-only'], { appendOnly: true }],
    [['--cpu-profile', 'p'], { cpuProfile: '/here/p' }],
    [['--debug'], { debug: true }],
    [['--group-accessible-repos'], { groupAccessible: true }],
    [['--htpasswd-file', 'users'], { auth: { kind: 'htpasswd', file: '/here/users' } }],
    [['--listen=127.0.0.1:1'], { listen: { kind: 'tcp', host: '127.0.0.1', port: 1 } }],
    [['--listen', 'unix:/run/r'], { listen: { kind: 'unix', path: '/run/r' } }],
    [['--log', '-'], { accessLog: '-' }],
    [['--log', '/var/log/r'], { accessLog: '/var/log/r' }],
    [['--max-size', '1073741824'], { maxSizeBytes: 2 ** 30 }],
    [['--max-size=0'], { maxSizeBytes: undefined }],
    [['--no-auth'], { auth: { kind: 'none' } }],
    [['--no-verify-upload'], { verifyUploads: false }],
    [['--path=/other'], { path: '/other', auth: { kind: 'htpasswd', file: '/other/.htpasswd' } }],
    [['--private-repos'], { privateRepos: true }],
    [['--prometheus'], { metrics: 'for-users' }],
    [['--prometheus', '--prometheus-no-auth'], { metrics: 'for-everybody' }],
    [['--prometheus-no-auth'], { metrics: 'off' }],
    [['--proxy-auth-username=X-User'], { auth: { kind: 'proxy', header: 'x-user' } }],
    [
      ['--tls'],
      {
        tls: {
          certFile: '/srv/restic/public_key',
          keyFile: '/srv/restic/private_key',
          minVersion: 'TLSv1.2',
        },
      },
    ],
    [
      ['--tls', '--tls-cert', 'c', '--tls-key', '/k', '--tls-min-ver', '1.3'],
      { tls: { certFile: '/here/c', keyFile: '/k', minVersion: 'TLSv1.3' } },
    ],
  ]
  test.each(each)('%j', (argv, wanted) => {
    expect(parsed(...argv)).toMatchObject(wanted)
  })
  test('none is missing above, and the help has all', () => {
    const tried = new Set(each.flatMap(([argv]) => argv.map((word) => word.split('=', 1)[0])))
    for (const { name } of flagTable) {
      expect(tried).toContain(`--${name}`)
      expect(flagHelp()).toContain(`--${name}`)
    }
    expect(flagTable).toHaveLength(19)
  })
  test('switches take a value after = only, as Go reads it', () => {
    for (const no of ['0', 'f', 'F', 'false', 'FALSE', 'False'])
      expect(parsed(`--no-auth=${no}`).auth.kind).toBe('htpasswd')
    for (const yes of ['1', 't', 'T', 'true', 'TRUE', 'True'])
      expect(parsed(`--no-auth=${yes}`).auth.kind).toBe('none')
    expect(refusal('--path=/x', '--no-auth', 'false')).toContain('no "false"')
    expect(refusal('--path=/x', '--no-auth=yes')).toContain('true or false')
  })
  test('--no-auth wins over the header of a proxy, and the last of two counts', () => {
    expect(parsed('--proxy-auth-username=a', '--no-auth').auth.kind).toBe('none')
    expect(parsed('--listen=:1', '--listen', ':2').listen).toMatchObject({ port: 2 })
  })
  test('ask for help or version in both forms, whatever else is there', () => {
    for (const word of ['-h', '--help']) expect(parseFlags(['--tls', word], '/')).toBe('help')
    for (const word of ['-v', '--version']) expect(parseFlags([word], '/')).toBe('version')
  })
})

describe('flags that cannot be', () => {
  test.each([
    [[], '--path is needed'],
    [['--path='], '--path is needed'],
    [['--path'], '--path needs a folder'],
    [['--path=/x', '--tls-cert=c'], '--tls-cert needs --tls'],
    [['--path=/x', '--tls-key=k'], '--tls-key needs --tls'],
    [['--path=/x', '--tls', '--tls-min-ver=1.1'], '--tls-min-ver must be 1.2 or 1.3'],
    [['--path=/x', '--max-size=1GB'], '--max-size must be a number of bytes'],
    [['--path=/x', '--max-size=-1'], '--max-size must be a number of bytes'],
    [['--path=/x', '--listen=8000'], '--listen must be host:port'],
    [['--path=/x', '--listen='], '--listen must be host:port'],
    [['--path=/x', '--listen=unix:'], '--listen needs a path'],
    [['--path=/x', '--proxy-auth-username=a b'], 'must be the name of a header'],
    [['--path=/x', '--colour=blue'], 'There is no flag --colour'],
    [['--path=/x', '-path'], 'Flags begin with two dashes'],
    [['--path=/x', '--', 'word'], 'no "word"'],
    [['--path=/x', 'word'], 'no "word"'],
    [['--path=/x', '--constructor'], 'There is no flag --constructor'],
  ])('%j', (argv, wanted) => {
    expect(refusal(...argv)).toContain(wanted)
  })
  test('keep a value out of the words', () => {
    expect(refusal('--path=/x', '--tocken=hunter2')).not.toContain('hunter2')
  })
})
