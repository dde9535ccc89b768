import { X509Certificate } from 'node:crypto'
import {
  chmodSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { pinOf, readCertificateFiles } from './certificate.ts'
import { openCertificate } from './keeper.ts'
import { namesFor, selfSignedCertificate } from './self-signed.ts'

let folder = ''
let now = Date.UTC(2026, 10, 21)
const clock = { now: () => now }
const dayMs = 86_400_000
beforeEach(() => {
  now = Date.UTC(2026, 10, 21)
  folder = mkdtempSync(join(tmpdir(), 'hearthold-tls-'))
  chmodSync(folder, 0o700)
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))
const make = (names = ['home.example', 'localhost', '127.0.0.1', '::1', '2001:db8::5']) =>
  selfSignedCertificate({ folder: join(folder, 'tls'), clock, names })

describe('the self-signed certificate', () => {
  test('is P-256, for all names, at most 397 days, not an authority, in files of 0600', async () => {
    const { certPem, keyPem } = await make()
    const certificate = new X509Certificate(certPem)
    expect(certificate.publicKey.asymmetricKeyDetails).toMatchObject({ namedCurve: 'prime256v1' })
    for (const name of ['home.example', 'localhost']) expect(certificate.checkHost(name)).toBe(name)
    for (const address of ['127.0.0.1', '::1', '2001:db8::5'])
      expect(certificate.checkIP(address)).toBeDefined()
    expect(certificate.ca).toBe(false)
    expect(certificate.verify(certificate.publicKey)).toBe(true)
    const days = (Date.parse(certificate.validTo) - Date.parse(certificate.validFrom)) / dayMs
    expect(days).toBeGreaterThan(300)
    expect(days).toBeLessThanOrEqual(397)
    expect(Date.parse(certificate.validFrom)).toBeLessThan(now)
    for (const name of ['key.pem', 'certificate.pem'])
      expect(statSync(join(folder, 'tls', name)).mode & 0o777).toBe(0o600)
    expect(keyPem).toMatch(/PRIVATE KEY/)
  })
  test('is kept while it is good, renewed in time, and the pin never changes', async () => {
    const first = await make()
    now += 300 * dayMs
    expect(await make()).toEqual(first)
    now += 66 * dayMs
    const renewed = await make()
    expect(renewed.certPem).not.toBe(first.certPem)
    expect(pinOf(renewed.certPem)).toBe(pinOf(first.certPem))
    expect(pinOf(first.certPem)).toMatch(/^[0-9a-f]{64}$/)
  })
  test('is made again for a new name', async () => {
    const first = await make()
    const second = await make(['other.example'])
    expect(second.certPem).not.toBe(first.certPem)
    expect(new X509Certificate(second.certPem).checkHost('other.example')).toBeDefined()
    expect(second.keyPem).toBe(first.keyPem)
  })
  test('refuses a key that others can read', async () => {
    await make()
    chmodSync(join(folder, 'tls/key.pem'), 0o640)
    await expect(make()).rejects.toThrow('chmod 600')
  })
  test('names the public host, localhost and the addresses', () => {
    expect(namesFor('https://Home.Example:8765')).toEqual(
      expect.arrayContaining(['home.example', 'localhost', '127.0.0.1', '::1']),
    )
    expect(namesFor('https://[2001:db8::1]')).toContain('2001:db8::1')
  })
})

describe('own certificate files', () => {
  const write = async (name: string) => {
    const made = await selfSignedCertificate({
      folder: join(folder, name),
      clock,
      names: [`${name}.example`],
    })
    writeFileSync(join(folder, 'new-cert'), made.certPem)
    writeFileSync(join(folder, 'new-key'), made.keyPem, { mode: 0o600 })
    return made
  }
  const install = () => {
    renameSync(join(folder, 'new-cert'), join(folder, 'cert'))
    renameSync(join(folder, 'new-key'), join(folder, 'key'))
  }
  const files = () => [join(folder, 'cert'), join(folder, 'key')] as const

  test('must belong together, and the key be secret', async () => {
    await write('a')
    install()
    expect(readCertificateFiles(...files()).certPem).toContain('CERTIFICATE')
    chmodSync(join(folder, 'key'), 0o644)
    expect(() => readCertificateFiles(...files())).toThrow('chmod 600')
    await write('b')
    renameSync(join(folder, 'new-key'), join(folder, 'key'))
    expect(() => readCertificateFiles(...files())).toThrow('not a certificate and its key')
    expect(() => readCertificateFiles(...files())).not.toThrow(
      readFileSync(join(folder, 'key'), 'utf8').slice(40, 60),
    )
  })
  test('are read again when they change; a half-written pair keeps the old one', async () => {
    const first = await write('a')
    install()
    const errors: unknown[] = []
    const [certFile, keyFile] = files()
    const keeper = await openCertificate(
      { plan: { kind: 'files', certFile, keyFile }, clock, onError: (error) => errors.push(error) },
      5,
    )
    expect([keeper.current(), keeper.pin]).toEqual([first, undefined])
    const used: string[] = []
    const second = await write('b')
    renameSync(join(folder, 'new-cert'), certFile)
    await keeper.reload()
    expect([errors.length, keeper.current()]).toEqual([1, first])
    const changed = new Promise<void>((done) =>
      keeper.watch(({ certPem }) => {
        used.push(certPem)
        done()
      }),
    )
    renameSync(join(folder, 'new-key'), keyFile)
    await changed
    keeper.stop()
    expect([used, keeper.current()]).toEqual([[second.certPem], second])
  })
})
