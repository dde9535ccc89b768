import { type LogAppend, randomBytes } from '@hearthold/crypto'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { problemOf, TestLogService } from './test-log-service.ts'
import { newNode, TestDevice, TestMember, TestShare } from './test-logs.ts'

let service: TestLogService
let member: TestMember
let share: TestShare
beforeEach(async () => {
  service = await TestLogService.open()
  member = new TestMember()
  await service.found(member)
  share = await service.share(member)
})
afterEach(() => service.close())

describe('the log service refuses', () => {
  const cases: Record<string, { code: string; of: () => Promise<LogAppend[]> }> = {
    'an append of nothing': { code: 'entry_invalid', of: async () => [] },
    'a log without entries': { code: 'entry_invalid', of: async () => [share.append([])] },
    'a log named twice': {
      code: 'entry_invalid',
      of: async () => {
        const [a, b] = [await share.folder(), await share.folder()]
        return [share.append([a]), share.append([b])]
      },
    },
    'more entries than an append may have': {
      code: 'entry_invalid',
      of: async () => {
        const entry = await share.folder()
        return [share.append(Array.from({ length: 65 }, () => entry))]
      },
    },
    'more bytes than an append may have': {
      code: 'too_large',
      of: async () => {
        const body = randomBytes(1024 * 1024)
        const entries = []
        for (let i = 0; i < 5; i++) entries.push(await share.folder({ body }))
        return [share.append(entries)]
      },
    },
    'an entry of another log': {
      code: 'entry_invalid',
      of: async () => [share.append([await new TestShare(member).folder()])],
    },
    'other rules than the log has': {
      code: 'entry_invalid',
      of: async () => [share.append([await share.folder({ rules: 2 })])],
    },
    'an unknown kind of entry': {
      code: 'entry_invalid',
      of: async () => [share.append([await share.folder({ kind: 99 })])],
    },
    'facts that are none': {
      code: 'entry_invalid',
      of: async () => [share.append([await share.folder({ payload: randomBytes(3) })])],
    },
    'facts without their body': {
      code: 'entry_invalid',
      of: async () => [share.append([{ ...(await share.folder()), body: undefined }])],
    },
    'facts other than the signed ones': {
      code: 'entry_invalid',
      of: async () => [share.append([{ ...(await share.folder()), facts: randomBytes(60) }])],
    },
    'another author': {
      code: 'entry_refused',
      of: async () => [share.append([await share.folder({ author: randomBytes(16) })])],
    },
    'a device that the account does not know': {
      code: 'device_unknown',
      of: async () => [share.append([await share.folder({ device: new TestDevice() })])],
    },
    'another signature': {
      code: 'signature_invalid',
      of: async () => {
        const [a, b] = [await share.folder(), await share.folder()]
        return [share.append([{ ...a, signature: b.signature }])]
      },
    },
    'a gap in the own chain': {
      code: 'own_chain_broken',
      of: async () => [share.append([await share.folder({ own: 3 })])],
    },
    'another previous header': {
      code: 'own_chain_broken',
      of: async () => [share.append([await share.folder({ ownPrev: randomBytes(32) })])],
    },
    'a future that it claims to have seen': {
      code: 'entry_invalid',
      of: async () => {
        const seen = { seq: 2, chain: randomBytes(32) }
        return [share.append([await share.folder({ seen })])]
      },
    },
    'another past than ours': {
      code: 'entry_invalid',
      of: async () => {
        const seen = { seq: 1, chain: randomBytes(32) }
        return [share.append([await share.folder({ seen })])]
      },
    },
    'a basis that the account log has not reached': {
      code: 'basis_unknown',
      of: async () => {
        const basis = { seq: 6, chain: randomBytes(32) }
        return [share.append([await share.folder({ basis })])]
      },
    },
    'a basis of another account log': {
      code: 'basis_unknown',
      of: async () => {
        const basis = { seq: 5, chain: randomBytes(32) }
        return [share.append([await share.folder({ basis })])]
      },
    },
    'an epoch that was not opened': {
      code: 'epoch_stale',
      of: async () => [share.append([await share.folder({ epoch: 2 })])],
    },
    'a change of what is not there': {
      code: 'base_stale',
      of: async () => [
        share.append([await share.change([{ op: 'trash', node: newNode(), base: 1 }])]),
      ],
    },
    'a genesis of another id': {
      code: 'entry_invalid',
      of: async () => {
        const other = new TestShare(member)
        return [{ ...(await other.foundingAppend()), genesis: share.log.genesis }]
      },
    },
    'a log that another account founds': {
      code: 'entry_refused',
      of: async () => [await new TestShare(new TestMember()).foundingAppend()],
    },
    'an account log of another account': {
      code: 'entry_refused',
      of: async () => [await new TestMember().foundingAppend()],
    },
    'a basis in a log that governs itself': {
      code: 'entry_invalid',
      of: async () => {
        const basis = { seq: 1, chain: randomBytes(32) }
        return [member.append([await member.accountEntry({ entry: 'profile' }, { basis })])]
      },
    },
    'a second share entry that pretends to be a strict one': {
      code: 'entry_invalid',
      of: async () => {
        const entries = [await share.folder()]
        const seen = { seq: 2, chain: new Uint8Array(32) }
        entries.push(await share.folder({ seen }))
        return [share.append(entries)]
      },
    },
  }
  it.each(Object.entries(cases))('%s', async (_name, { code, of }) => {
    const before = await service.logs.head(share.log.id)
    expect(await problemOf(service.append(member, await of()))).toMatchObject({ code })
    expect(await service.logs.head(share.log.id)).toEqual(before)
  })

  it('everything where the log is read-only', async () => {
    await service.db
      .updateTable('logs')
      .set({ read_only: 1 })
      .where('id', '=', share.log.id)
      .execute()
    await service.restart()
    expect(
      await problemOf(service.append(member, [share.append([await share.folder()])])),
    ).toMatchObject({ code: 'log_read_only' })
  })

  it('an account entry whose inner signature is not the root’s, and one of no rule', async () => {
    const { methods } = member
    const state = {
      entry: 'state',
      generation: 1,
      methods,
      rootSignature: randomBytes(64),
    } as const
    const unsigned = member.append([await member.accountEntry(state)])
    expect(await problemOf(service.append(member, [unsigned]))).toMatchObject({
      code: 'signature_invalid',
    })
    const device = new TestDevice()
    const facts = { ...(await member.enrolFacts(device)), certificate: randomBytes(64) }
    const enrol = await member.accountEntry(facts, { device })
    expect(await problemOf(service.append(member, [member.append([enrol])]))).toMatchObject({
      code: 'signature_invalid',
    })
    const again = await new TestMember().foundingAppend()
    expect(await problemOf(service.append(member, [again]))).toMatchObject({
      code: 'entry_refused',
    })
  })
})
