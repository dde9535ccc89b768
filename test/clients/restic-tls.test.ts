/** The real restic over TLS: a certificate that the server made itself, and one of an authority of one's own. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Restic } from '../../tools/demo/restic.ts'
import { begin } from '../cli/house.ts'
import {
  FolderServer,
  freePort,
  newFolder,
  removeFolder,
  resticFor,
  writeSource,
} from './restic-places.ts'

const launcher = join(import.meta.dirname, '../../bin/hearthold')
const folder = newFolder()
const at = (name: string): string => join(folder, name)
const source = writeSource(at('source'), 6)
afterAll(() => removeFolder(folder))

describe('the full server with a certificate of its own', () => {
  let server: ChildProcess
  let url = ''
  const device = { home: at('home') }
  const run = async (...args: string[]): Promise<string> => {
    const { code, stdout, stderr } = await begin(device, args, { server: url }).ended
    if (code !== 0) throw new Error(`hearthold ${args[0]} ended with ${code}.\n${stderr}${stdout}`)
    return stdout
  }

  beforeAll(async () => {
    const port = await freePort()
    url = `https://localhost:${port}`
    server = spawn(process.execPath, [launcher, 'serve'], {
      env: {
        PATH: process.env['PATH'],
        HEARTHOLD_DATA: at('data'),
        HEARTHOLD_LISTEN: `127.0.0.1:${port}`,
        HEARTHOLD_PUBLIC_URL: url,
      },
      stdio: ['ignore', 'pipe', 'ignore'],
    })
    let said = ''
    for await (const text of server.stdout ?? []) {
      said += String(text)
      if (/https:\/\/\S+#\S+/.test(said)) break
    }
    writeFileSync(at('link'), /https:\/\/\S+#\S+/.exec(said)?.[0] ?? '')
    writeFileSync(at('password'), 'a password for the test of TLS')
    await run(
      ...['set-up', '--token-file', at('link'), '--instance-name', 'Test', '--name', 'ada'],
      ...['--password-file', at('password'), '--recovery-key-out', at('recovery-key')],
      ...['--totp-secret-out', at('totp-secret')],
    )
  })
  afterAll(async () => {
    const closed = once(server, 'close')
    server.kill('SIGTERM')
    await closed
  })

  it('is believed by the certificate beside the credential, and by nothing less', async () => {
    await run('repository', 'create', 'laptop')
    const words = ['repository', 'credential', 'create', 'laptop', '--out', at('address')]
    const said = await run(...words)
    expect(said).toContain(
      `restic --repository-file ${at('address')} --cacert ${at('address.pem')} init\n`,
    )
    expect(readFileSync(at('address.pem'), 'utf8')).toMatch(/^-----BEGIN CERTIFICATE-----\n/)
    const options = { folder: at('restic'), repository: { file: at('address') } }
    const restic = new Restic({ ...options, cacert: at('address.pem') })
    await restic.must('init')
    await restic.must('backup', source)
    await restic.checkAll()
    const { passwordFile } = restic
    const stranger = new Restic({ ...options, folder: at('stranger'), passwordFile })
    const refused = await stranger.run('snapshots')
    expect([refused.code === 0, refused.stderr]).toEqual([
      false,
      expect.stringMatching(/x509: certificate signed by unknown authority/),
    ])
  })
})

describe('hearthold rest-server with a certificate of an authority of our own', () => {
  /** An authority, and a certificate of it for 127.0.0.1. */
  const makeCertificates = (): void => {
    const openssl = (...args: string[]): void =>
      void execFileSync('openssl', args, { cwd: folder, stdio: 'ignore' })
    const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes']
    openssl(
      ...['req', '-x509', ...key, '-keyout', 'ca.key', '-out', 'ca.pem', '-days', '2'],
      ...['-subj', '/CN=Our authority'],
    )
    openssl('req', ...key, '-keyout', 'tls.key', '-out', 'tls.csr', '-subj', '/CN=server')
    writeFileSync(at('extensions'), 'subjectAltName=IP:127.0.0.1\n')
    openssl(
      ...['x509', '-req', '-in', 'tls.csr', '-CA', 'ca.pem', '-CAkey', 'ca.key', '-days', '2'],
      ...['-CAcreateserial', '-out', 'tls.pem', '-extfile', 'extensions'],
    )
  }

  it('backs up, checks and restores', async () => {
    makeCertificates()
    const tls = ['--tls', '--tls-cert', at('tls.pem'), '--tls-key', at('tls.key')]
    const server = await FolderServer.start(at('folders'), '--no-auth', ...tls)
    try {
      const address = `rest:https://127.0.0.1:${server.port}/house/`
      const restic = resticFor(at('by-authority'), address, { cacert: at('ca.pem') })
      await restic.must('init')
      await restic.must('backup', source)
      await restic.checkAll()
      const stranger = resticFor(at('by-nobody'), address, { like: restic })
      expect((await stranger.run('snapshots')).stderr).toContain('x509')
    } finally {
      await server.stop()
    }
  })
})
