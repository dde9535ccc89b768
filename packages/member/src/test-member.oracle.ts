/** A member in one call, for tests: signed up, unlocked, with its own heads. */
import { type Client, createClient, type Transport } from '@hearthold/client'
import { createAccount, type CreateAccountOptions, type CreatedAccount } from './account/sign-up.ts'
import { unlock, type Unlocked } from './account/unlock.ts'
import { memoryHeads } from './logs/known-heads.ts'
import type { MemberContext } from './member-context.ts'
import type { MemoryServer } from './memory-server.oracle.ts'

export type TestMember = {
  readonly member: Unlocked
  readonly context: MemberContext
  readonly created: CreatedAccount
  readonly recoveryKey: string
}

/** A client whose token can be set; it waits for nothing between attempts. */
export const testClient = (
  transport: Transport,
): { client: Client; setToken: (token: string) => void } => {
  let token: string | undefined
  const client = createClient({
    transport,
    token: () => token,
    waiting: { sleep: () => Promise.resolve(), random: () => 0 },
  })
  return { client, setToken: (given) => (token = given) }
}

export const testPassword = 'correct horse battery'

export const signUp = async (
  server: Pick<MemoryServer, 'transport'>,
  name = 'ada',
  deviceMethod = true,
  more: Partial<Pick<CreateAccountOptions, 'displayName' | 'way'>> = {},
): Promise<TestMember> => {
  const { client, setToken } = testClient(server.transport())
  const context: MemberContext = { client, heads: memoryHeads() }
  let recoveryKey = ''
  const created = await createAccount(context, {
    pass: { invitation: 'i'.repeat(43) },
    name,
    deviceLabel: 'first device',
    deviceMethod,
    way: {
      kind: 'password',
      password: testPassword,
      keepTotp: () => Promise.resolve('123456'),
    },
    ...more,
    keepRecoveryKey: (text) => {
      recoveryKey = text
      return Promise.resolve()
    },
    transport: 'bearer',
  })
  setToken(created.token!)
  const member = await unlock(context, created, created.unlockBy, created.device)
  return { member, context, created, recoveryKey }
}
