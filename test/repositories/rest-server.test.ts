import { createHash } from 'node:crypto'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { runToEnd, startRestServer, stopAll } from './rest-server-process.ts'

let folder = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'hearthold-rest-'))
})
afterEach(async () => {
  await stopAll()
  rmSync(folder, { recursive: true, force: true })
})

const sha1 = (password: string): string =>
  `{SHA}${createHash('sha1').update(password).digest('base64')}`
const idOf = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')
const body = Buffer.from('some bytes of a pack')
const id = idOf(body)
const users = (...names: string[]): void =>
  writeFileSync(
    join(folder, '.htpasswd'),
    names.map((name) => `${name}:${sha1(`${name}s secret`)}`).join('\n'),
  )
const as = (name: string): { auth: string } => ({ auth: `${name}:${name}s secret` })

describe('does not start', () => {
  const file = (): string => {
    writeFileSync(join(folder, 'file'), '')
    return join(folder, 'file')
  }
  test.each<[string, () => string[], number, string]>([
    ['without a folder', () => ['--no-auth'], 2, '--path is needed'],
    ['with an unknown flag', () => ['--path', folder, '--x'], 2, 'There is no flag --x'],
    ['with a certificate and no TLS', () => ['--path', folder, '--tls-cert=c'], 2, 'needs --tls'],
    ['without users', () => ['--path', folder], 1, `Cannot load ${join('/', 'tmp')}`],
    ['without the users named', () => ['--path', folder, '--htpasswd-file=u'], 1, 'Cannot load'],
    ['without a certificate', () => ['--path', folder, '--no-auth', '--tls'], 1, 'public_key'],
    ['in a file', () => ['--path', join(file(), 'below'), '--no-auth'], 1, 'Correct --path'],
    ['where nothing can be made', () => ['--path=/proc/none', '--no-auth'], 1, 'Correct --path'],
    ['over a file', () => ['--path', file(), '--no-auth'], 1, 'is no folder'],
    [
      'with a log it cannot write',
      () => ['--path', folder, '--no-auth', '--log=/no/log'],
      1,
      '--log',
    ],
    ['on no address', () => ['--path', folder, '--no-auth', '--listen=192.0.2.1:1'], 1, '--listen'],
    [
      'on no folder',
      () => ['--path', folder, '--no-auth', '--listen=unix:/no/s'],
      1,
      'no such folder',
    ],
    [
      'with a profile it cannot write',
      () => ['--path', folder, '--cpu-profile=/no/p'],
      1,
      'Correct --cpu-profile',
    ],
  ])('%s', async (_why, argv, code, words) => {
    const ended = await runToEnd(argv())
    expect(ended.err).toContain(words)
    expect(ended.code).toBe(code)
    expect(ended.err).not.toMatch(/\n\s+at /)
  })
  test('on a port that is taken', async () => {
    const { port } = await startRestServer(['--path', folder, '--no-auth'])
    const ended = await runToEnd(['--path', folder, '--no-auth', `--listen=127.0.0.1:${port}`])
    expect([ended.code, ended.err.includes(`Port ${port} on 127.0.0.1 is in use`)]).toEqual([
      1,
      true,
    ])
  })
  test('but says its flags and version', async () => {
    const [help, version] = [await runToEnd(['-h']), await runToEnd(['--version'])]
    expect([help.code, version.code]).toEqual([0, 0])
    expect(help.out).toContain('--append-only')
    expect(version.out).toMatch(/^Hearthold \S+, in place of rest-server 0\.14\n$/)
  })
})

describe('who is let in', () => {
  test('users of the htpasswd file, and nobody else; each 401 says how to sign in', async () => {
    users('anna', 'jörg')
    const { ask } = await startRestServer(['--path', folder])
    expect((await ask({ method: 'POST', path: '/?create=true', ...as('anna') })).status).toBe(200)
    expect((await ask({ path: '/data/', ...as('jörg') })).status).toBe(200)
    const wrong = [
      {},
      { auth: 'anna:wrong' },
      { auth: 'anna' },
      { auth: 'nobody:secret' },
      { headers: { authorization: 'Bearer abc' } },
      { headers: { authorization: 'Basic ???' } },
    ]
    for (const input of wrong)
      for (const path of ['/data/', '/', '/config', '/no/such/address'])
        for (const method of ['GET', 'POST', 'DELETE']) {
          const { status, headers } = await ask({ method, path, ...input })
          expect([status, headers['www-authenticate']]).toEqual([401, 'Basic realm="Hearthold"'])
        }
  })
  test('with --private-repos each only below the own name; a path that cannot be is 404', async () => {
    users('anna', 'bert', 'keys')
    const { ask } = await startRestServer(['--path', folder, '--private-repos'])
    const create = (path: string, name: string): Promise<number> =>
      ask({ method: 'POST', path: `${path}?create=true`, ...as(name) }).then((a) => a.status)
    expect(await create('/anna/', 'anna')).toBe(200)
    expect(await create('/anna/laptop/', 'anna')).toBe(200)
    expect(await create('/a%6ena/encoded/', 'anna')).toBe(200)
    for (const path of ['/', '/bert/', '/bert/anna/', '/annas/', '/%61nnas/', '/Anna/'])
      expect(await create(path, 'anna')).toBe(401)
    expect(await create('/anna/', 'bert')).toBe(401)
    expect(await create('/keys/', 'keys')).toBe(401)
    for (const path of ['/anna/../bert/', '/anna/%2e%2e/', '//anna/', '/anna%2Fx/', '/anna/a/b/c/'])
      expect(await create(path, 'anna')).toBe(404)
    const { status, headers } = await ask({ path: '/bert/config', ...as('anna') })
    expect([status, headers['www-authenticate']]).toEqual([401, 'Basic realm="Hearthold"'])
  })
  test('by the header of a proxy, once and not empty; --no-auth wins over it', async () => {
    const { ask } = await startRestServer([
      ...['--path', folder, '--private-repos', '--proxy-auth-username', 'X-Forwarded-User'],
    ])
    const create = (path: string, headers: Record<string, string>): Promise<number> =>
      ask({ method: 'POST', path: `${path}?create=true`, headers }).then((a) => a.status)
    expect(await create('/anna/', { 'X-Forwarded-User': 'anna' })).toBe(200)
    expect(await create('/anna/', { 'x-forwarded-user': 'bert' })).toBe(401)
    expect(await create('/anna/', { 'X-Forwarded-User': '' })).toBe(401)
    expect(await create('/anna/', {})).toBe(401)
    const open = await startRestServer([
      ...['--path', folder, '--private-repos', '--no-auth', '--proxy-auth-username=X-User'],
    ])
    const answer = await open.ask({ method: 'POST', path: '/whoever/?create=true' })
    expect(answer.status).toBe(200)
    expect(open.output().err).toContain('everybody is let in')
  })
})

describe('what may be done', () => {
  test('with --append-only nothing but locks is deleted', async () => {
    const { ask } = await startRestServer(['--path', folder, '--no-auth', '--append-only'])
    await ask({ method: 'POST', path: '/a/?create=true' })
    expect((await ask({ method: 'POST', path: '/a/config', body })).status).toBe(200)
    for (const type of ['data', 'index', 'keys', 'snapshots', 'locks']) {
      const path = `/a/${type}/${id}`
      expect((await ask({ method: 'POST', path, body })).status).toBe(200)
      expect((await ask({ method: 'DELETE', path })).status).toBe(type === 'locks' ? 200 : 403)
      expect((await ask({ path })).status).toBe(type === 'locks' ? 404 : 200)
    }
    expect((await ask({ method: 'DELETE', path: '/a/config' })).status).toBe(403)
  })
  test('--max-size counts what is there, and what is on its way, to the byte', async () => {
    writeFileSync(join(folder, 'unrelated'), Buffer.alloc(50))
    const { ask } = await startRestServer(['--path', folder, '--no-auth', '--max-size=100'])
    const put = (bytes: Buffer, more: { chunked?: boolean } = {}): Promise<number> =>
      ask({ method: 'POST', path: `/a/data/${idOf(bytes)}`, body: bytes, ...more }).then(
        ({ status }) => status,
      )
    const [thirty, twenty] = [Buffer.alloc(30, 1), Buffer.alloc(20, 2)]
    expect(await put(Buffer.alloc(51))).toBe(507)
    expect(await put(Buffer.alloc(51), { chunked: true })).toBe(507)
    expect(await put(thirty)).toBe(200)
    expect(await put(Buffer.alloc(21))).toBe(507)
    expect(await put(twenty, { chunked: true })).toBe(200)
    expect(await put(Buffer.alloc(1))).toBe(507)
    // Full, and yet what is there may be sent again.
    expect(await put(thirty)).toBe(200)
    await ask({ method: 'DELETE', path: `/a/data/${idOf(thirty)}` })
    expect(await put(Buffer.alloc(31))).toBe(507)
    expect(await put(Buffer.alloc(30, 3))).toBe(200)
    const list = await ask({ path: '/a/data/' })
    expect((JSON.parse(list.body.toString()) as string[]).length).toBe(2)
  })
  test('--no-verify-upload takes what does not match its name; without it that is 400', async () => {
    const wrong = { method: 'POST', path: `/a/data/${'0'.repeat(64)}`, body }
    const strict = await startRestServer(['--path', folder, '--no-auth'])
    expect((await strict.ask(wrong)).status).toBe(400)
    await strict.stop()
    const lax = await startRestServer(['--path', folder, '--no-auth', '--no-verify-upload'])
    expect((await lax.ask(wrong)).status).toBe(200)
    expect((await lax.ask({ path: wrong.path })).body).toEqual(body)
  })
  test('modes are 0700 and 0600, with --group-accessible-repos 0770 and 0660', async () => {
    const modes = async (name: string, ...flags: string[]): Promise<number[]> => {
      const path = join(folder, name)
      const { ask, stop } = await startRestServer(['--path', path, '--no-auth', ...flags])
      await ask({ method: 'POST', path: '/a/?create=true' })
      await ask({ method: 'POST', path: `/a/data/${id}`, body })
      await stop()
      const of = (...parts: string[]): number => statSync(join(path, ...parts)).mode & 0o777
      return [of('a'), of('a/keys'), of('a/data', id.slice(0, 2)), of('a/data', id.slice(0, 2), id)]
    }
    expect(await modes('own')).toEqual([0o700, 0o700, 0o700, 0o600])
    expect(await modes('group', '--group-accessible-repos')).toEqual([0o770, 0o770, 0o770, 0o660])
  })
})

describe('what it tells', () => {
  test('metrics with --prometheus: for users, with private repositories only for metrics', async () => {
    users('anna', 'metrics')
    const metrics = async (
      flags: readonly string[],
      name?: string,
    ): Promise<readonly [number, string]> => {
      const { ask, stop } = await startRestServer(['--path', folder, ...flags])
      await ask({ method: 'POST', path: `/anna/data/${id}`, body, ...as('anna') })
      await ask({ path: `/anna/data/${id}`, headers: { range: 'bytes=0-3' }, ...as('anna') })
      await ask({ method: 'HEAD', path: `/anna/data/${id}`, ...as('anna') })
      await ask({ method: 'DELETE', path: `/anna/data/${id}`, ...as('anna') })
      const { status, body: text } = await ask({
        path: '/metrics',
        ...(name === undefined ? {} : as(name)),
      })
      await stop()
      return [status, text.toString()]
    }
    const [status, text] = await metrics(['--prometheus'], 'anna')
    expect(status).toBe(200)
    const labels = '{user="anna",repo="anna",type="data"}'
    for (const line of [
      `rest_server_blob_write_total${labels} 1`,
      `rest_server_blob_write_bytes_total${labels} ${body.length}`,
      `rest_server_blob_read_total${labels} 1`,
      `rest_server_blob_read_bytes_total${labels} 4`,
      `rest_server_blob_delete_total${labels} 1`,
      `rest_server_blob_delete_bytes_total${labels} ${body.length}`,
    ])
      expect(text.split('\n')).toContain(line)
    expect(text).toMatch(/^process_cpu_user_seconds_total/m)
    expect((await metrics(['--prometheus']))[0]).toBe(401)
    expect((await metrics(['--prometheus', '--prometheus-no-auth']))[0]).toBe(200)
    expect((await metrics(['--prometheus', '--private-repos'], 'anna'))[0]).toBe(401)
    expect((await metrics(['--prometheus', '--private-repos'], 'metrics'))[0]).toBe(200)
    expect((await metrics(['--prometheus-no-auth'], 'anna'))[0]).toBe(404)
  })
  test('with --debug each request, without its query; never a password', async () => {
    users('anna')
    const { ask, stop, output } = await startRestServer(['--path', folder, '--debug', '--log=-'])
    await ask({ path: '/a/config?secret=query', ...as('anna') })
    await ask({ path: '/a/config', auth: 'anna:hunter2' })
    await stop()
    const { out, err } = output()
    expect(err).toMatch(/debug request method=GET path=\/a\/config\n/)
    expect(out).toMatch(
      /^127\.0\.0\.1 - anna \[.*\] "GET \/a\/config\?secret=query HTTP\/1\.1" 404 /m,
    )
    expect(out).toMatch(/^127\.0\.0\.1 - - \[.*\] "GET \/a\/config HTTP\/1\.1" 401 /m)
    for (const secret of ['hunter2', 'annas', sha1('annas secret'), 'YW5uYTo'])
      expect(out + err).not.toContain(secret)
  })
  test('--cpu-profile is a profile that the tools of Chromium open', async () => {
    const file = join(folder, 'profile')
    mkdirSync(join(folder, 'data'))
    const flags = ['--path', join(folder, 'data'), '--no-auth', '--cpu-profile', file]
    const { ask, stop } = await startRestServer(flags)
    await ask({ path: '/a/data/' })
    expect(await stop('SIGINT')).toBe(0)
    const profile = JSON.parse(readFileSync(file, 'utf8')) as Record<string, unknown[]>
    expect(profile['nodes']?.length).toBeGreaterThan(3)
    expect(profile['samples']?.length).toBe(profile['timeDeltas']?.length)
  })
})
