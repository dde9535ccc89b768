/**
 * An honest host who puts an old copy of the data folder back does what a liar does who rolls everything back: devices
 * that have seen more say so and use nothing of it; a device without memory goes on from the copy.
 */
import { cpSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { createClient } from '@hearthold/client'
import {
  createAccount,
  type CreatedAccount,
  createShare,
  makeFolder,
  memoryHeads,
  openShare,
  type Share,
  signInWithDevice,
  totpCode,
  unlock,
} from '@hearthold/member'
import { toHex } from '@hearthold/crypto'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type NodeTransport, nodeTransport } from '../../apps/cli/src/transport/node-transport.ts'
import { RealServer } from '../custody/real-server.ts'
import type { Memory } from './world.ts'

let server: RealServer
let transport: NodeTransport
let created: CreatedAccount
beforeAll(async () => {
  server = await RealServer.start()
  transport = nodeTransport({ origin: server.origin })
})
afterAll(async () => {
  transport.close()
  await server.stop()
})

const contextWith = (memory: Memory, token?: string) => ({
  client: createClient({ transport, token: () => token }),
  heads: memory,
})

const signUp = (memory: Memory): Promise<CreatedAccount> =>
  createAccount(contextWith(memory), {
    pass: { setUpToken: server.setUpToken, instanceName: 'Restored' },
    name: 'ada',
    way: {
      kind: 'password',
      password: 'a password of good length',
      keepTotp: ({ secret }) => {
        const made = totpCode(secret, Date.now())
        return 'code' in made ? Promise.resolve(made.code) : Promise.reject(new Error('no code'))
      },
    },
    deviceLabel: 'device',
    deviceMethod: true,
    keepRecoveryKey: () => Promise.resolve(),
    transport: 'bearer',
  })

/** Signs in by the device's own method, as a run of the command line does, and opens the share. */
const open = async (log: string, memory: Memory): Promise<Share> => {
  const { account, unlockBy, device } = created
  const signedIn = await signInWithDevice(contextWith(memory), {
    account,
    method: toHex(unlockBy.id),
    secret: unlockBy.secret,
    transport: 'bearer',
  })
  const context = contextWith(memory, signedIn.token)
  return openShare(await unlock(context, signedIn, signedIn.unlockBy, device), log)
}

const names = (share: Share): string[] =>
  [...share.view.nodes.values()].map(({ name }) => name ?? '').toSorted()

it('an older copy of the data folder is a rollback to who has seen more, and a beginning to who has not', async () => {
  const memory = memoryHeads()
  created = await signUp(memory)
  const context = contextWith(memory, created.token)
  const member = await unlock(context, created, created.unlockBy, created.device)
  const { log } = await createShare(member, 'docs')
  await makeFolder(await open(log, memory), '/copied')

  const copy = join(server.folder, 'copy')
  await server.end()
  cpSync(server.dataFolder, copy, { recursive: true })
  await server.run()
  await makeFolder(await open(log, memory), '/after the copy')

  await server.end()
  rmSync(server.dataFolder, { recursive: true })
  cpSync(copy, server.dataFolder, { recursive: true })
  await server.run()
  await expect(open(log, memory)).rejects.toMatchObject({ code: 'log_rolled_back' })

  const fresh = await open(log, memoryHeads())
  expect(names(fresh)).toEqual(['copied'])
  await makeFolder(fresh, '/again')
  await makeFolder(fresh, '/and more')
  expect(names(await open(log, memoryHeads()))).toEqual(['again', 'and more', 'copied'])
  await expect(open(log, memory)).rejects.toMatchObject({ code: 'log_rolled_back' })
})
