import { createHash, X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import {
  closeSync,
  copyFileSync,
  existsSync,
  lstatSync,
  mkdtempSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect as tlsConnect } from 'node:tls'
import { setTimeout as delay } from 'node:timers/promises'
import { hashSync } from 'bcryptjs'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { selfSignedCertificate } from '../../apps/server/src/platform/tls/self-signed.ts'
import { ask, runToEnd, startRestServer, stopAll } from './rest-server-process.ts'

let folder = ''
const sockets: Socket[] = []
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'hearthold-rest-'))
})
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy()
  await stopAll()
  rmSync(folder, { recursive: true, force: true })
})

const body = Buffer.from('some bytes of a pack')
const id = createHash('sha256').update(body).digest('hex')
const open = (...flags: string[]): string[] => ['--path', join(folder, 'd'), '--no-auth', ...flags]

describe('a unix socket', () => {
  test('is listened on, and gone after a stop; one left by a killed server is taken over', async () => {
    const socketPath = join(folder, 'socket')
    const listen = `--listen=unix:${socketPath}`
    const status = async (): Promise<number> =>
      (await ask({ socketPath }, { method: 'POST', path: '/a/?create=true' })).status
    const first = await startRestServer(open(listen))
    expect(await status()).toBe(200)
    expect(statSync(socketPath).mode & 0o777).toBe(0o660)
    expect((await runToEnd(open(listen))).code).toBe(1)
    expect(await first.stop('SIGKILL')).toBeUndefined()
    expect(lstatSync(socketPath).isSocket()).toBe(true)
    const second = await startRestServer(open(listen))
    expect(await status()).toBe(200)
    expect(await second.stop()).toBe(0)
    expect(existsSync(socketPath)).toBe(false)
  })
  test('takes the place of nothing else', async () => {
    const file = join(folder, 'file')
    writeFileSync(file, 'precious')
    const ended = await runToEnd(open(`--listen=unix:${file}`))
    expect([ended.code, readFileSync(file, 'utf8')]).toEqual([1, 'precious'])
  })
})

describe('the socket of systemd', () => {
  /** Listens as systemd does, and has the descriptor. */
  const held = async (where: string | undefined): Promise<{ server: Server; fd: number }> => {
    const server = createServer()
    server.listen(where ?? { port: 0, host: '127.0.0.1' })
    await once(server, 'listening')
    const { _handle } = server as unknown as { _handle: { fd: number } }
    return { server, fd: _handle.fd }
  }
  const portOf = (server: Server): number => {
    const address = server.address()
    return address === null || typeof address === 'string' ? 0 : address.port
  }
  test('is taken in place of --listen', async () => {
    const { server, fd } = await held(undefined)
    const port = portOf(server)
    const started = await startRestServer(open('--listen=127.0.0.1:1'), {
      passed: fd,
      env: { LISTEN_FDS: '1' },
    })
    server.close()
    const answer = await ask({ port }, { method: 'POST', path: '/a/?create=true' })
    expect(answer.status).toBe(200)
    expect(started.output().err).toContain('start server on the socket of systemd')
    expect(await started.stop()).toBe(0)
  })
  test('may be a unix socket, whose file stays with systemd', async () => {
    const socketPath = join(folder, 'socket')
    const { server, fd } = await held(socketPath)
    const started = await startRestServer(open(), { passed: fd, env: { LISTEN_FDS: '1' } })
    // Node removes the file of a server that it closes; this one must only stop accepting.
    renameSync(socketPath, `${socketPath}-kept`)
    server.close()
    renameSync(`${socketPath}-kept`, socketPath)
    const answer = await ask({ socketPath }, { method: 'POST', path: '/a/?create=true' })
    expect(answer.status).toBe(200)
    await started.stop()
    expect(existsSync(socketPath)).toBe(true)
  })
  test('must be one, and there', async () => {
    const two = await runToEnd(open(), { passed: 0, env: { LISTEN_FDS: '2' } })
    expect([two.code, two.err]).toEqual([1, expect.stringContaining('systemd passed 2 sockets')])
    writeFileSync(join(folder, 'file'), '')
    const fd = openSync(join(folder, 'file'), 'r')
    const file = await runToEnd(open(), { passed: fd, env: { LISTEN_FDS: '1' } })
    closeSync(fd)
    expect([file.code, file.err]).toEqual([1, expect.stringContaining('lost on the way')])
  })
  test('for another process is none of ours', async () => {
    const env = { LISTEN_FDS: '1', LISTEN_PID: '1' }
    const started = await startRestServer(open(), { env })
    expect((await started.ask({ path: '/a/data/' })).status).toBe(404)
  })
})

describe('TLS', () => {
  const clock = { now: () => Date.now() }
  const make = async (name: string): Promise<void> => {
    const made = await selfSignedCertificate({
      folder: join(folder, name),
      clock,
      names: [`${name}.example`],
    })
    writeFileSync(join(folder, 'cert'), made.certPem)
    // As Debian's ssl-cert has it: the group may read it.
    writeFileSync(join(folder, 'key'), made.keyPem, { mode: 0o640 })
  }
  const flags = (): string[] =>
    open('--tls', '--tls-cert', join(folder, 'cert'), '--tls-key', join(folder, 'key'))
  const handshake = (port: number, options: object = {}): Promise<string> =>
    new Promise((done) => {
      const socket = tlsConnect({ port, host: '127.0.0.1', rejectUnauthorized: false, ...options })
      sockets.push(socket)
      socket.once('secureConnect', () => {
        const { raw } = socket.getPeerCertificate()
        const names = new X509Certificate(raw).subjectAltName ?? ''
        const protocol = socket.getProtocol() ?? ''
        const cipher = socket.getCipher().name
        done(`${protocol} ${cipher} ${names} ${String(socket.alpnProtocol)}`)
        socket.destroy()
      })
      socket.once('error', () => done('refused'))
    })
  test('of 1.2 and 1.3, of 1.2 only with keys agreed anew and sealing ciphers', async () => {
    await make('a')
    const { port, ask: asked } = await startRestServer(flags(), { tls: true })
    expect((await asked({ method: 'POST', path: '/a/?create=true' })).status).toBe(200)
    expect(await handshake(port)).toMatch(/^TLSv1\.3 /)
    const old = { maxVersion: 'TLSv1.2', ciphers: 'DEFAULT:@SECLEVEL=0' }
    expect(await handshake(port, old)).toMatch(/^TLSv1\.2 ECDHE-ECDSA-AES(128|256)-GCM/)
    for (const ciphers of ['ECDHE-ECDSA-CHACHA20-POLY1305', 'ECDHE-ECDSA-AES256-GCM-SHA384'])
      expect(await handshake(port, { ...old, ciphers })).toContain(ciphers)
    for (const ciphers of ['ECDHE-ECDSA-AES128-SHA', 'ECDHE-ECDSA-AES256-CCM'])
      expect(await handshake(port, { ...old, ciphers })).toBe('refused')
    const before = { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT:@SECLEVEL=0' }
    expect(await handshake(port, before)).toBe('refused')
    // Plain HTTP gets no answer that could be taken for one.
    await expect(ask({ port }, { path: '/a/data/' })).rejects.toThrow()
  })
  test('--tls-min-ver 1.3 refuses 1.2; a renewed certificate is used after SIGHUP, a broken one is not', async () => {
    await make('old')
    const { port, child, said } = await startRestServer([...flags(), '--tls-min-ver=1.3'])
    expect(await handshake(port, { maxVersion: 'TLSv1.2' })).toBe('refused')
    expect(await handshake(port)).toContain('old.example')
    copyFileSync(join(folder, 'key'), join(folder, 'cert'))
    child.kill('SIGHUP')
    await said('the certificate cannot be read')
    expect(await handshake(port)).toContain('old.example')
    await make('new')
    child.kill('SIGHUP')
    for (let tries = 0; !(await handshake(port)).includes('new.example'); tries++) {
      if (tries > 100) throw new Error('the renewed certificate is not used')
      await delay(20)
    }
    expect(await handshake(port, { maxVersion: 'TLSv1.2' })).toBe('refused')
  })
})

describe('signals', () => {
  test('SIGHUP reads the users again and goes on in a new access log', async () => {
    const [log, users] = [join(folder, 'log'), join(folder, 'users')]
    writeFileSync(users, `anna:${hashSync('one', 4)}`)
    const {
      ask: asked,
      child,
      said,
    } = await startRestServer([
      ...['--path', join(folder, 'd'), '--htpasswd-file', users, '--log', log],
    ])
    const status = async (auth: string): Promise<number> =>
      (await asked({ path: '/a/data/', auth })).status
    expect([await status('anna:one'), await status('anna:two')]).toEqual([404, 401])
    renameSync(log, `${log}.1`)
    writeFileSync(users, `anna:${hashSync('two', 4)}`)
    child.kill('SIGHUP')
    await said('the htpasswd file was read again')
    expect([await status('anna:one'), await status('anna:two')]).toEqual([401, 404])
    const old = readFileSync(`${log}.1`, 'utf8').trim().split('\n')
    expect(old.map((line) => line.split(' ')[2])).toEqual(['anna', '-'])
    await delay(50)
    expect(readFileSync(log, 'utf8').trim().split('\n')).toHaveLength(2)
  })
  test('SIGTERM lets an upload finish that is under way, and nothing new begin', async () => {
    const { port, child, said } = await startRestServer(open())
    const socket = connect({ port, host: '127.0.0.1' })
    sockets.push(socket)
    let answer = ''
    socket.on('data', (chunk: Buffer) => (answer += chunk.toString()))
    const closed = once(socket, 'close')
    socket.write(`POST /a/data/${id} HTTP/1.1\r\nHost: x\r\nContent-Length: ${body.length}\r\n\r\n`)
    socket.write(body.subarray(0, 5))
    await delay(100)
    const exited = once(child, 'close')
    child.kill('SIGTERM')
    await said('stopping')
    await expect(ask({ port }, { path: '/a/data/' })).rejects.toThrow('ECONNREFUSED')
    socket.write(body.subarray(5))
    await closed
    expect(answer).toMatch(/^HTTP\/1\.1 200 /)
    expect(await exited).toEqual([0, null])
  })
})

describe('clients that mean no good', () => {
  test('who asks before sending a body is refused before it is sent', async () => {
    writeFileSync(join(folder, 'users'), '')
    const { port } = await startRestServer([
      ...['--path', join(folder, 'd'), '--htpasswd-file', join(folder, 'users')],
    ])
    const socket = connect({ port, host: '127.0.0.1' })
    sockets.push(socket)
    socket.write(
      `POST /a/data/${id} HTTP/1.1\r\nHost: x\r\nContent-Length: 9000000\r\nExpect: 100-continue\r\n\r\n`,
    )
    const [first] = (await once(socket, 'data')) as [Buffer]
    expect(first.toString()).toMatch(/^HTTP\/1\.1 401 Unauthorized\r\n/)
  })
  test('a flood of wrong passwords keeps nobody out who was let in', async () => {
    const users = join(folder, 'users')
    writeFileSync(users, `anna:${hashSync('right', 10)}\nbert:${hashSync('right', 10)}`)
    const { ask: asked } = await startRestServer([
      ...['--path', join(folder, 'd'), '--htpasswd-file', users],
    ])
    const status = async (auth: string): Promise<number> =>
      (await asked({ path: '/a/data/', auth })).status
    expect(await status('anna:right')).toBe(404)
    const flooding = { on: true }
    const seen = new Map<number, number>()
    const flood = Array.from({ length: 30 }, async (_, lane) => {
      for (let guess = 0; flooding.on; guess++) {
        const found = await status(`anna:${lane} ${guess}`)
        seen.set(found, (seen.get(found) ?? 0) + 1)
      }
    })
    await delay(300)
    const took: number[] = []
    for (let request = 0; request < 20; request++) {
      const began = performance.now()
      expect(await status('anna:right')).toBe(404)
      took.push(performance.now() - began)
    }
    // A user of another name gets a turn after one guess, not after all that wait.
    expect(await status('bert:right')).toBe(404)
    flooding.on = false
    await Promise.all(flood)
    expect(new Set(seen.keys())).toEqual(new Set([401, 503]))
    expect(Math.max(...took)).toBeLessThan(2000)
  })
})
