/** Accounts by the real command line: set-up, invitations, sign-in, locking, recovery, devices and methods. */
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { catalogue } from '../../apps/cli/src/commands/catalogue.ts'
import { runCommandLine } from '../../apps/cli/src/main.ts'
import { fakeTerminal } from '../../apps/cli/test/fake-terminal.ts'
import type { DemoDevice } from '../../tools/demo/instance.ts'
import {
  fails,
  findInHome,
  newAccountFlags,
  newDeviceOf,
  readInHome,
  setUpHost,
  signInFlags,
  signUpGuest,
  startHouse,
  type House,
} from './house.ts'

let house: House
let ada: DemoDevice
beforeAll(async () => {
  house = await startHouse()
})
afterAll(() => house.stop())

const write = (name: string, text: string): string => {
  const path = join(house.folder, name)
  writeFileSync(path, text, { mode: 0o600 })
  return path
}
const mode = (path: string) => statSync(path).mode & 0o777

describe('set-up', () => {
  it('refuses a wrong token and leaves no files', async () => {
    const stranger = await house.device('stranger')
    const token = write('wrong-token', 'x'.repeat(43))
    const flags = ['--instance-name', 'X', ...newAccountFlags(stranger, 'eve')]
    const { exit, error } = await fails(stranger, 'set-up', '--token-file', token, ...flags)
    expect([exit, error.code]).toEqual([1, 'set_up_token_wrong'])
    expect(existsSync(stranger.secret('recovery-key'))).toBe(false)
    expect(existsSync(stranger.secret('totp-secret'))).toBe(false)
  })

  it('explains bad input before the server is told anything', async () => {
    const device = await house.device('careless')
    const { setUpTokenFile } = house.server
    const base = ['set-up', '--token-file', setUpTokenFile, '--instance-name', 'X']
    const flags = newAccountFlags(device, 'ada')
    await device.writeSecret('short', 'short')
    const short = flags.map((flag) =>
      flag === device.secret('password') ? device.secret('short') : flag,
    )
    expect(await fails(device, ...base, ...short)).toMatchObject({ exit: 2 })
    expect(await fails(device, ...base, ...flags.slice(0, 6))).toMatchObject({
      exit: 2,
      error: { advice: 'Give it by --totp-secret-out or HEARTHOLD_TOTP_SECRET_OUT.' },
    })
    expect(await fails(device, 'set-up', '--token-file', write('none', 'no token'))).toMatchObject({
      exit: 2,
    })
    await device.writeSecret('recovery-key', 'an older key')
    expect(await fails(device, ...base, ...flags)).toMatchObject({ exit: 5 })
    expect(await device.readSecret('recovery-key')).toBe('an older key')
    expect(existsSync(setUpTokenFile)).toBe(true)
  })

  it('makes the first host, signed in and unlocked, with every secret in a private file', async () => {
    ada = await setUpHost(house, 'ada')
    for (const name of ['recovery-key', 'totp-secret']) expect(mode(ada.secret(name))).toBe(0o600)
    expect((await ada.readSecret('recovery-key')).trim()).toMatch(/^([0-9A-Z]{4}-){8}[0-9A-Z]{4}$/)
    for (const name of ['token', 'device-secret', 'server.json', 'heads.json'])
      expect(mode(findInHome(ada, name))).toBe(0o600)
    expect(await ada.json('whoami')).toMatchObject({ name: 'ada', role: 'host', unlocked: true })
    const plain = await ada.run('whoami')
    expect([plain.code, plain.stderr]).toEqual([0, ''])
  })

  it('happens once', async () => {
    const late = await house.device('late')
    const token = write('late-token', 'x'.repeat(43))
    const flags = ['--instance-name', 'X', ...newAccountFlags(late, 'eve')]
    const { exit, error } = await fails(late, 'set-up', '--token-file', token, ...flags)
    expect([exit, error.code]).toEqual([5, 'set_up_done'])
  })
})

describe('sign-up', () => {
  it('takes an invitation once, and a name once', async () => {
    const invitation = join(house.folder, 'once')
    await ada.json('invite', '--out', invitation)
    expect(mode(invitation)).toBe(0o600)
    const taken = await house.device('taken')
    const asAda = ['sign-up', '--invite-file', invitation, ...newAccountFlags(taken, 'ada')]
    expect(await fails(taken, ...asAda)).toMatchObject({ exit: 5, error: { code: 'name_taken' } })
    expect(existsSync(taken.secret('recovery-key'))).toBe(false)
    const bea = await house.device('bea')
    const codes = bea.secret('codes')
    const flags = [...newAccountFlags(bea, 'bea'), '--backup-codes-out', codes]
    const run = await bea.run('sign-up', '--invite-file', invitation, ...flags)
    expect([run.code, run.stderr]).toEqual([0, ''])
    expect(run.stdout).toMatch(/^Welcome, bea: signed in and unlocked at /)
    expect(readFileSync(codes, 'utf8').trim().split('\n')).toHaveLength(10)
    const again = await house.device('again')
    const used = ['sign-up', '--invite-file', invitation, ...newAccountFlags(again, 'cid')]
    expect(await fails(again, ...used)).toMatchObject({
      exit: 1,
      error: { code: 'invitation_invalid' },
    })
  })

  it.each([
    [-45_000, 0],
    [-600_000, 1],
  ])('bears a clock that is off by %i ms, or says that it is', async (offMs, exitCode) => {
    const device = await house.device(`clock${offMs}`)
    const invitation = join(house.folder, `clock${offMs}-invitation`)
    await ada.json('invite', '--out', invitation)
    const env = { HEARTHOLD_HOME: device.home, HEARTHOLD_JSON: '1' }
    const terminal = { ...fakeTerminal(env), now: () => Date.now() + offMs }
    const flags = newAccountFlags(device, `clock${offMs}`)
    const words = ['sign-up', '--invite-file', invitation, ...flags]
    expect(await runCommandLine(catalogue, words, terminal)).toBe(exitCode)
    expect(existsSync(device.secret('recovery-key'))).toBe(exitCode === 0)
    expect(terminal.out().includes('clock of this computer')).toBe(exitCode === 1)
  })

  it('replaces the authenticator, after which only the new one counts', async () => {
    const invitation = join(house.folder, 'finn-invitation')
    await ada.json('invite', '--out', invitation)
    const finn = await house.device('finn')
    const kept = ['--backup-codes-out', finn.secret('codes')]
    await finn.json(
      'sign-up',
      '--invite-file',
      invitation,
      ...newAccountFlags(finn, 'finn'),
      ...kept,
    )
    const next = ['--totp-secret-out', finn.secret('next-totp')]
    expect(await fails(finn, 'methods', 'replace-authenticator', ...next)).toMatchObject({
      exit: 3,
      error: { message: 'This needs a code of the authenticator, or a backup code.' },
    })
    await finn.writeSecret('one-code', (await finn.readSecret('codes')).split('\n')[0] ?? '')
    const backup = ['--code-file', finn.secret('one-code')]
    expect(await finn.json('methods', 'replace-authenticator', ...backup, ...next)).toMatchObject({
      replaced: true,
      backupCodesLeft: 9,
    })
    const name = ['--name', 'finn', '--password-file', finn.secret('password')]
    // The new one first: the old one's codes are guesses, of which the server allows few.
    const fresh = newDeviceOf(house, finn, 'finn-fresh')
    const proof = [...name, '--totp-secret-file', finn.secret('next-totp')]
    expect(await fresh.json('sign-in', ...proof)).toMatchObject({ name: 'finn', unlocked: true })
    const late = newDeviceOf(house, finn, 'finn-late')
    const old = [...name, '--totp-secret-file', finn.secret('totp-secret')]
    expect(await fails(late, 'sign-in', ...old)).toMatchObject({ exit: 3 })
  })

  it('never sends an invitation to another server, nor over a session', async () => {
    const device = await house.device('elsewhere')
    const link = write('link', `https://other.example/invite#${'x'.repeat(43)}`)
    const flags = newAccountFlags(device, 'dan')
    expect(await fails(device, 'sign-up', '--invite-file', link, ...flags)).toMatchObject({
      exit: 2,
      error: { message: 'The link is of another server than the one named.' },
    })
    const own = write('own-link', `${house.server.url}/invite#${'x'.repeat(43)}`)
    expect(
      await fails(ada, 'sign-up', '--invite-file', own, ...newAccountFlags(device, 'dan')),
    ).toMatchObject({
      exit: 5,
      error: { message: `Already signed in at ${house.server.url} as ada.` },
    })
  })
})

describe('sign-in', () => {
  let bertil: DemoDevice
  beforeAll(async () => {
    bertil = await signUpGuest(house, ada, 'bertil')
  })

  it('refuses a wrong password and an unknown name alike', async () => {
    const device = newDeviceOf(house, bertil, 'wrong')
    const wrong = write('wrong-password', 'not the password at all')
    const flags = ['--password-file', wrong, '--totp-secret-file', bertil.secret('totp-secret')]
    const known = await fails(device, 'sign-in', '--name', 'bertil', ...flags)
    const unknown = await fails(device, 'sign-in', '--name', 'nobody', ...flags)
    expect(known.exit).toBe(3)
    expect(known.error).toEqual(unknown.error)
    expect(known.error.code).toBe('sign_in_failed')
  })

  it('refuses a wrong code and one that was used, and goes on with the next by itself', async () => {
    const device = newDeviceOf(house, bertil, 'codes')
    const name = ['--name', 'bertil', '--password-file', bertil.secret('password')]
    const wrong = await fails(device, 'sign-in', ...name, '--code-file', write('code', '000000'))
    expect([wrong.exit, wrong.error.code]).toEqual([3, 'second_factor_wrong'])
    const garbled = await fails(
      device,
      ...['sign-in', ...name, '--totp-secret-file', write('not-base32', 'not base32!')],
    )
    expect(garbled).toMatchObject({ exit: 2 })
    // The sign-up used the lowest step on the other device, of which this one knows nothing.
    const entered = await device.json('sign-in', ...signInFlags(bertil, 'bertil'))
    expect(entered).toMatchObject({ name: 'bertil', unlocked: true })
  })

  it('without unlocking leaves files locked until unlock', async () => {
    const host = newDeviceOf(house, ada, 'half')
    await host.json('sign-in', ...signInFlags(ada, 'ada'), '--no-unlock')
    expect(await host.json('whoami')).toMatchObject({ unlocked: false })
    expect(await fails(host, 'share', 'list')).toMatchObject({
      exit: 3,
      error: { message: 'This device is locked.' },
    })
    const wrong = write('wrong-unlock', 'not the password at all')
    expect(await fails(host, 'unlock', '--password-file', wrong)).toMatchObject({ exit: 3 })
    await host.json('unlock', '--password-file', ada.secret('password'))
    expect(await host.json('share', 'list')).toEqual({ shares: [] })
    await host.json('sign-out')
    expect(await fails(host, 'share', 'list')).toMatchObject({
      exit: 3,
      error: { message: `Not signed in at ${house.server.url}.` },
    })
  })

  it('is renewed by the device alone when the session has ended', async () => {
    writeFileSync(findInHome(bertil, 'token'), 'x'.repeat(43))
    expect(await bertil.json('share', 'list')).toEqual({ shares: [] })
    expect(readInHome(bertil, 'token')).not.toBe('x'.repeat(43))
  })
})

describe('the recovery key', () => {
  it('lets in alone, and is used up by that', async () => {
    const cleo = await signUpGuest(house, ada, 'cleo')
    const { log } = await cleo.json<{ log: string }>('share', 'create', 'Papers')
    const fresh = newDeviceOf(house, cleo, 'cleo-new')
    const key = cleo.secret('recovery-key')
    const mistyped = write(
      'mistyped',
      `${(await cleo.readSecret('recovery-key')).trim().slice(0, -1)}!`,
    )
    const out = cleo.secret('next-key')
    expect(
      await fails(fresh, 'sign-in', '--recovery-key-file', mistyped, '--recovery-key-out', out),
    ).toMatchObject({ exit: 2 })
    expect(existsSync(out)).toBe(false)
    expect(await fails(fresh, 'sign-in', '--recovery-key-file', key)).toMatchObject({ exit: 2 })
    await fresh.json('sign-in', '--recovery-key-file', key, '--recovery-key-out', out)
    expect(mode(out)).toBe(0o600)
    expect(await fresh.json('share', 'list')).toMatchObject({ shares: [{ log, name: 'Papers' }] })
    const late = newDeviceOf(house, cleo, 'cleo-late')
    const again = ['--recovery-key-file', key, '--recovery-key-out', cleo.secret('third')]
    expect(await fails(late, 'sign-in', ...again)).toMatchObject({ exit: 3 })
    expect(existsSync(cleo.secret('third'))).toBe(false)
  })
})

describe('devices and methods', () => {
  let dora: DemoDevice
  let second: DemoDevice
  beforeAll(async () => {
    dora = await signUpGuest(house, ada, 'dora')
    second = newDeviceOf(house, dora, 'dora-second')
    await second.json('sign-in', ...signInFlags(dora, 'dora'), '--device-label', 'Old phone')
    await dora.json('share', 'create', 'Papers')
  })

  type Devices = { devices: { id: string; label: string; current: boolean; retired: unknown }[] }

  it('lists devices, and shuts a lost one out', async () => {
    const { devices } = await dora.json<Devices>('devices')
    expect(devices).toHaveLength(2)
    const lost = devices.find(({ label }) => label === 'Old phone')
    expect(lost).toMatchObject({ current: false, retired: null })
    expect(await fails(dora, 'devices', 'revoke', 'x')).toMatchObject({ exit: 2 })
    await dora.json(
      ...['devices', 'revoke', lost?.id ?? '', '--password-file', dora.secret('password')],
    )
    expect((await fails(second, 'ls', 'Papers:/')).exit).toBe(3)
    expect((await dora.run('mkdir', 'Papers:/after')).code).toBe(0)
    const after = await dora.json<Devices>('devices', 'list')
    expect(after.devices.find(({ id }) => id === lost?.id)?.retired).toMatchObject({
      reason: 'revoked',
    })
  })

  it('lets a revoked device in again only under a new key', async () => {
    const before = readFileSync(join(second.home, 'device-key'), 'utf8')
    await second.json('sign-in', ...signInFlags(dora, 'dora'))
    expect(readFileSync(join(second.home, 'device-key'), 'utf8')).not.toBe(before)
    expect((await second.run('ls', 'Papers:/')).stdout).toBe('after/\n')
  })

  it('changes the password after a proof of the old one', async () => {
    const next = await dora.writeSecret('next-password', 'quite another long password')
    const change = ['methods', 'change-password', '--new-password-file', next]
    await dora.json(...change, '--password-file', dora.secret('password'))
    const { methods } = await dora.json<{ methods: { type: string }[] }>('methods')
    expect(methods.map(({ type }) => type).sort()).toEqual([
      'device',
      'device',
      'password',
      'recovery',
    ])
    const third = newDeviceOf(house, dora, 'dora-third')
    expect((await fails(third, 'sign-in', ...signInFlags(dora, 'dora'))).exit).toBe(3)
  })

  it('replaces recovery key and backup codes into new files', async () => {
    const proof = ['--password-file', dora.secret('next-password')]
    const key = ['--recovery-key-out', dora.secret('recovery-key')]
    expect(await fails(dora, 'methods', 'replace-recovery-key', ...proof, ...key)).toMatchObject({
      exit: 5,
    })
    const next = ['--recovery-key-out', dora.secret('recovery-key-2')]
    await dora.json('methods', 'replace-recovery-key', ...proof, ...next)
    const codes = ['--backup-codes-out', dora.secret('codes')]
    expect((await fails(dora, 'methods', 'backup-codes', ...codes)).exit).toBe(3)
    const rescue = newDeviceOf(house, dora, 'dora-rescue')
    const byKey = ['--recovery-key-file', dora.secret('recovery-key-2')]
    await rescue.json('sign-in', ...byKey, '--recovery-key-out', dora.secret('recovery-key-3'))
    await rescue.json('methods', 'backup-codes', ...codes)
    const [code = '', ...others] = (await dora.readSecret('codes')).trim().split('\n')
    expect(others).toHaveLength(9)
    await dora.writeSecret('one-code', code)
    const again = ['--backup-codes-out', dora.secret('codes-2'), '--code-file']
    await dora.json('methods', 'backup-codes', ...again, dora.secret('one-code'))
    expect((await dora.run('ls', 'Papers:/')).code).toBe(0)
  })

  it('forgets itself', async () => {
    const { devices } = await second.json<Devices>('devices')
    const itself = devices.find(({ current }) => current)?.id ?? ''
    const proof = ['--password-file', dora.secret('next-password')]
    expect(await second.json('devices', 'forget', itself, ...proof)).toMatchObject({ itself: true })
    expect((await fails(second, 'whoami')).exit).toBe(3)
    expect(existsSync(join(second.home, 'device-key'))).toBe(false)
  })
})
