/** Acts that run while this device changes what opens the account: they meet a state whose answer is still on its way. */
import { appendAccount } from '@hearthold/contract'
import { toHex } from '@hearthold/crypto'
import { beforeEach, describe, expect, it } from 'vitest'
import { makeFolder } from '../files/changes.ts'
import { createShare } from '../files/share-writer.ts'
import { MemoryServer } from '../memory-server.oracle.ts'
import { signUp, type TestMember } from '../test-member.oracle.ts'
import { changePassword, removeMethod } from './methods.ts'
import { MethodGoneError, refresh, unlock } from './unlock.ts'

let ada: TestMember
beforeEach(async () => {
  ada = await signUp(new MemoryServer())
})

/** Runs `act` after the server has taken an append to the account, and before its answer arrives. */
const beforeTheAnswer = (act: () => Promise<unknown>): { readonly times: number } => {
  const seen = { times: 0 }
  const { client } = ada.context
  const call = client.call.bind(client)
  Object.assign(client, {
    call: async (endpoint: object, ...rest: unknown[]) => {
      const answer: unknown = await (call as (...all: unknown[]) => Promise<unknown>)(
        endpoint,
        ...rest,
      )
      if (endpoint === appendAccount) {
        seen.times++
        await act()
      }
      return answer
    },
  })
  return seen
}

describe('while the method that unlocked this device is removed', () => {
  it('another act takes the keys that this device made', async () => {
    const { member, created } = ada
    const seen = beforeTheAnswer(() => refresh(member))
    await removeMethod(member, toHex(created.unlockBy.id))
    expect(seen.times).toBe(1)
    expect(member.keys.generation).toBe(2)
    expect(member.keys.counter).toBe(member.account.state().seq)
    await makeFolder(await createShare(member, 'docs'), '/after')
  })

  it('the same with the password, and nothing is kept of it', async () => {
    const { member } = ada
    const seen = beforeTheAnswer(() => refresh(member))
    await changePassword(member, { password: 'another long one', rotate: true })
    expect([seen.times, member.signedHere.size]).toEqual([1, 0])
    expect(member.keys.counter).toBe(member.account.state().seq)
  })

  it('a refusal leaves nothing behind either', async () => {
    const { member } = ada
    await expect(removeMethod(member, 'ff'.repeat(16))).rejects.toMatchObject({ code: 'not_found' })
    expect(member.signedHere.size).toBe(0)
  })
})

it('another device that loses its method is told so by a kind of its own', async () => {
  const { member, created, context } = ada
  const other = await unlock(context, created, created.unlockBy, created.device)
  await removeMethod(member, toHex(created.unlockBy.id))
  await expect(refresh(other)).rejects.toThrow(MethodGoneError)
})
