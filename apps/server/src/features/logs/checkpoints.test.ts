import {
  encodeCheckpointHeader,
  fromHex,
  randomBytes,
  signCheckpoint,
  toHex,
} from '@hearthold/crypto'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { newNode, TestDevice, type TestMember, type TestShare } from '#platform/logs/test-logs.ts'
import { codeOf, TestLogFeature } from './test-log-feature.ts'

let test: TestLogFeature
let member: TestMember
let share: TestShare
let url: string
beforeEach(async () => {
  test = await TestLogFeature.open()
  member = await test.member()
  share = await test.share(member)
  url = `/api/logs/${share.log.id}/checkpoint`
})
afterEach(() => test.close())

type Claim = {
  readonly seq: number
  readonly chain: Uint8Array
  readonly tree: string
  readonly keys: string
  readonly device?: TestDevice
  readonly rules?: number
  readonly log?: string
  readonly author?: string
}

const checkpoint = async ({ device = member.device, ...claim }: Claim) => {
  const header = encodeCheckpointHeader({
    rules: claim.rules ?? 1,
    log: fromHex(claim.log ?? share.log.id),
    seq: claim.seq,
    chain: claim.chain.slice(),
    epoch: 1,
    keyVersion: 1,
    sealedLogKey: randomBytes(60),
    author: fromHex(claim.author ?? member.log.id),
    device: device.idBytes,
    tree: fromHex(claim.tree),
    keys: fromHex(claim.keys),
    viewMac: randomBytes(32),
  })
  return {
    seq: claim.seq,
    tree: claim.tree,
    keys: claim.keys,
    header: Buffer.from(header).toString('base64url'),
    signature: toHex(await signCheckpoint(device.seed, header)),
  }
}
const parts = async () => ({ tree: await test.object(member), keys: await test.object(member) })
const grow = async (): Promise<void> => {
  await test.append(member, share.append([await share.folder()]))
  const { seq, chain } = (await test.logs.head(share.log.id))!
  share.log.head = { seq, chain }
}

describe('a checkpoint', () => {
  it('is kept, answered, and replaced by a newer one whose objects stay alone', async () => {
    const first = await checkpoint({ ...share.log.head, ...(await parts()) })
    expect((await test.as(member, 'PUT', url, first)).body).toEqual({ seq: 1 })
    expect((await test.as(member, 'PUT', url, first)).body).toEqual({ seq: 1 })
    expect((await test.as(member, 'GET', url)).body).toEqual(first)
    await grow()
    const second = await checkpoint({ ...share.log.head, ...(await parts()) })
    expect((await test.as(member, 'PUT', url, second)).status).toBe(200)
    expect((await test.as(member, 'GET', url)).body).toEqual(second)
    expect((await test.as(member, 'GET', `/api/objects/${first.tree}`)).status).toBe(404)
    expect((await test.as(member, 'GET', `/api/objects/${second.keys}`)).status).toBe(200)
    expect(codeOf(await test.as(member, 'PUT', url, first))).toBe('head_moved')
  })

  it('is not there before it was made', async () => {
    expect(codeOf(await test.as(member, 'GET', url))).toBe('not_found')
  })

  const wrong: Record<string, [string, (good: Claim) => Promise<object>]> = {
    'of another log': ['entry_invalid', (good) => checkpoint({ ...good, log: newNode() })],
    'by another author': ['entry_invalid', (good) => checkpoint({ ...good, author: newNode() })],
    'of another history': [
      'entry_invalid',
      (good) => checkpoint({ ...good, chain: randomBytes(32) }),
    ],
    'of a number not reached': ['entry_invalid', (good) => checkpoint({ ...good, seq: 9 })],
    'with one object twice': ['entry_invalid', (good) => checkpoint({ ...good, keys: good.tree })],
    'whose header says another number': [
      'entry_invalid',
      async (good) => ({ ...(await checkpoint(good)), seq: 0 }),
    ],
    'with a header that is none': [
      'entry_invalid',
      async (good) => ({ ...(await checkpoint(good)), header: 'AAAA' }),
    ],
    'by an unknown device': [
      'device_unknown',
      (good) => checkpoint({ ...good, device: new TestDevice() }),
    ],
    'with another signature': [
      'signature_invalid',
      async (good) => ({ ...(await checkpoint(good)), signature: 'ab'.repeat(64) }),
    ],
    'of objects that are not there': [
      'object_missing',
      (good) => checkpoint({ ...good, keys: newNode() }),
    ],
  }
  it.each(Object.entries(wrong))('%s is refused', async (_name, [code, of]) => {
    const good = { ...share.log.head, ...(await parts()) }
    expect(codeOf(await test.as(member, 'PUT', url, await of(good)))).toBe(code)
    expect(codeOf(await test.as(member, 'GET', url))).toBe('not_found')
  })

  it('by a device that was retired is refused', async () => {
    const second = new TestDevice()
    const enrolled = [member.append([await member.enrol(second)])]
    const [receipt] = await test.logs.append({ actor: member.actor, appends: enrolled })
    member.log.take(receipt!)
    const retired = [member.append([await member.retire(second)])]
    await test.logs.append({ actor: member.actor, appends: retired })
    const made = await checkpoint({ ...share.log.head, ...(await parts()), device: second })
    expect(codeOf(await test.as(member, 'PUT', url, made))).toBe('device_unknown')
  })
})
