import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { writeSecretFile } from '#platform/file-modes.ts'
import { selfSignedCertificate } from '#platform/tls/self-signed.ts'
import { version, versionDate } from '#platform/version.ts'
import { loadConfig } from '../config/load.ts'
import { examine } from './doctor.ts'

let folder = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'hearthold-doctor-'))
  chmodSync(folder, 0o700)
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const dayMs = 86_400_000
const released = Date.parse(versionDate)
const look = async (
  name: string,
  argv: string[] = [],
  now = released,
  env: Record<string, string> = {},
) => {
  const results = await examine(loadConfig({ argv, env, folder }), now)
  return results.find((result) => result.name === name)
}
const stateOf = async (...args: Parameters<typeof look>) => (await look(...args))?.state

test('file modes: what others can read is named with its remedy', async () => {
  expect(await stateOf('file modes')).toBe('ok')
  mkdirSync(join(folder, 'data/keys'), { recursive: true, mode: 0o700 })
  writeFileSync(join(folder, 'data/keys/pepper'), '', { mode: 0o600 })
  expect(await stateOf('file modes')).toBe('ok')
  chmodSync(join(folder, 'data/keys/pepper'), 0o644)
  chmodSync(join(folder, 'data'), 0o755)
  expect(await look('file modes')).toMatchObject({
    state: 'problem',
    finding: '2 files or folders are open to others on this machine.',
    remedy: `chmod 700 '${join(folder, 'data')}' && chmod 600 '${join(folder, 'data/keys/pepper')}'`,
  })
})

test('root key: beside the data, apart, and left behind', async () => {
  expect(await stateOf('root key kept apart')).toBe('ok')
  for (const keys of ['data/keys', 'elsewhere']) {
    mkdirSync(join(folder, keys), { recursive: true })
    writeSecretFile(join(folder, keys, 'root-key'), 'x')
  }
  expect(await stateOf('root key kept apart')).toBe('attention')
  expect(await stateOf('root key kept apart', ['--keys', 'elsewhere'])).toBe('ok')
  const env = { HEARTHOLD_ROOT_KEY: Buffer.alloc(32).toString('base64url') }
  expect((await look('root key kept apart', [], released, env))?.finding).toContain(
    'a copy is still',
  )
  rmSync(join(folder, 'data/keys/root-key'))
  expect(await look('root key kept apart', [], released, env)).toMatchObject({
    state: 'ok',
    finding: expect.stringContaining('HEARTHOLD_ROOT_KEY'),
  })
})

test('TLS: loopback, own certificate by name, age and secrecy, and self-signed', async () => {
  expect(await stateOf('TLS')).toBe('ok')
  const made = await selfSignedCertificate({
    folder: join(folder, 'data/tls'),
    clock: { now: () => Date.now() },
    names: ['home.example'],
  })
  writeFileSync(join(folder, 'cert'), made.certPem)
  writeSecretFile(join(folder, 'key'), made.keyPem)
  const own = (host: string) => [
    '--public-url',
    `https://${host}`,
    '--tls-cert-file',
    'cert',
    '--tls-key-file',
    'key',
  ]
  const now = Date.now()
  expect(await stateOf('TLS', own('home.example'), now)).toBe('ok')
  expect((await look('TLS', own('other.example'), now))?.finding).toBe(
    'The certificate is not for other.example.',
  )
  expect(await stateOf('TLS', own('home.example'), now + 385 * dayMs)).toBe('attention')
  expect((await look('TLS', own('home.example'), now + 400 * dayMs))?.finding).toBe(
    'The certificate has expired.',
  )
  chmodSync(join(folder, 'key'), 0o644)
  expect(await look('TLS', own('home.example'), now)).toMatchObject({
    state: 'problem',
    remedy: `chmod 600 ${join(folder, 'key')}`,
  })
  expect(
    await stateOf('TLS', ['--public-url', 'https://home.example', '--listen', ':1'], now),
  ).toBe('attention')
})

test('exposure, disk space and age', async () => {
  expect((await look('exposure'))?.finding).toBe('Only this machine can reach it.')
  expect(
    (await look('exposure', ['--listen', ':1', '--public-url', 'https://home.example']))?.finding,
  ).toMatch(/reachable from other devices/i)
  expect((await look('disk space'))?.finding).toMatch(/^[\d.]+ [GM]iB free of [\d.]+ GiB\.$/)
  expect((await look('version'))?.finding).toContain(
    `Hearthold ${version} of ${versionDate}, 0 days old`,
  )
  expect(await stateOf('version', [], released + 181 * dayMs)).toBe('attention')
})
