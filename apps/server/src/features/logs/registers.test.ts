import { randomBytes, signRegister, toHex } from '@hearthold/crypto'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { TestDevice, type TestMember } from '#platform/logs/test-logs.ts'
import { codeOf, TestLogFeature } from './test-log-feature.ts'

let test: TestLogFeature
let member: TestMember
beforeEach(async () => {
  test = await TestLogFeature.open(2)
  member = await test.member()
})
afterEach(() => test.close())

type Draft = { name?: string; version: number; value?: Uint8Array; device?: TestDevice }

const register = async ({ name = 'marks/home', version, value, device = member.device }: Draft) => {
  const sealed = value ?? randomBytes(100)
  const place = { owner: member.accountBytes, name, version }
  return {
    name,
    version,
    device: device.id,
    sealedValue: Buffer.from(sealed).toString('base64url'),
    signature: toHex(await signRegister(device.seed, place, sealed)),
  }
}
const put = (body: object) => test.as(member, 'PUT', '/api/registers', body)
const get = (name = 'marks/home') => test.as(member, 'GET', `/api/registers?name=${name}`)

describe('a register', () => {
  it('is replaced by compare and set, and the newest is kept', async () => {
    expect(codeOf(await get())).toBe('not_found')
    const first = await register({ version: 1 })
    expect((await put(first)).body).toEqual({ version: 1 })
    expect((await put(first)).body).toEqual({ version: 1 })
    const second = await register({ version: 2, value: randomBytes(65_536) })
    expect((await put(second)).body).toEqual({ version: 2 })
    expect((await get()).body).toMatchObject(second)
    const moved = await put(await register({ version: 2 }))
    expect(moved.body).toMatchObject({ code: 'register_moved', extra: { version: 2 } })
    expect(codeOf(await put(await register({ version: 4 })))).toBe('register_moved')
  })

  it('is one’s own alone', async () => {
    await put(await register({ version: 1 }))
    const stranger = await test.member()
    const answer = await test.as(stranger, 'GET', '/api/registers?name=marks/home')
    expect(codeOf(answer)).toBe('not_found')
    const theirs = await test.as(stranger, 'PUT', '/api/registers', await register({ version: 2 }))
    expect(codeOf(theirs)).toBe('device_unknown')
  })

  it('is signed by a device of the account, for this place and value', async () => {
    const good = await register({ version: 1 })
    expect(codeOf(await put({ ...good, version: 2 }))).toBe('signature_invalid')
    expect(codeOf(await put({ ...good, name: 'marks/work' }))).toBe('signature_invalid')
    expect(codeOf(await put({ ...good, sealedValue: 'A'.repeat(64) }))).toBe('signature_invalid')
    const device = new TestDevice()
    expect(codeOf(await put(await register({ version: 1, device })))).toBe('device_unknown')
    expect(codeOf(await put({ ...good, sealedValue: 'AAAA' }))).toBe('bad_request')
    expect(codeOf(await put({ ...good, sealedValue: `${'A'.repeat(64)}B` }))).toBe('bad_request')
  })

  it('is charged by the difference, and an account has only so many', async () => {
    const before = await test.entryBytes(member)
    await put(await register({ version: 1, value: randomBytes(1000) }))
    await put(await register({ version: 2, value: randomBytes(400) }))
    expect((await test.entryBytes(member)) - before).toBe(400)
    await put(await register({ name: 'drafts', version: 1 }))
    const third = await put(await register({ name: 'mutes', version: 1 }))
    expect(codeOf(third)).toBe('over_quota')
  })
})
