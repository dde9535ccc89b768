import { hostname } from 'node:os'
import { getSession } from '@hearthold/contract'
import {
  addDeviceMethod,
  bindDevice,
  deviceKeyOf,
  enrolDevice,
  replaceRecoveryKey,
  unlock,
  type MethodSecret,
  type Unlocked,
} from '@hearthold/member'
import type { Connection } from '../connection.ts'
import type { SecretFile } from '../output/secret-file.ts'
import { memberContext } from './with-member.ts'

/** What other devices show for this one, where no label was given. */
export const labelOf = (given: string | undefined): string => given ?? (hostname() || 'computer')

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')

/** Writes down what later runs on this device need. The token comes last: with it the device counts as signed in. */
export const rememberAccount = async (
  { home, server, trust, token }: Connection,
  known: {
    readonly account: { readonly id: string; readonly log: string; readonly name: string }
    readonly instanceKey?: string
    readonly method?: { readonly id: Uint8Array; readonly secret: Uint8Array }
  },
): Promise<void> => {
  const { account, instanceKey, method } = known
  if (server.findRecord()?.account?.id !== account.id) await server.forgetSecrets()
  await server.updateRecord((record) => ({
    ...record,
    trust,
    account,
    ...(instanceKey === undefined ? {} : { instanceKey }),
    ...(method ? { deviceMethod: hex(method.id) } : {}),
  }))
  if (method) await server.writeDeviceSecret(method.secret)
  await home.selectServer(server.url)
  const now = token()
  if (now !== undefined) await server.writeToken(now)
}

/** This device's seed; a new one where the account has retired the key of the old one. */
const usableSeed = async ({ home }: Connection, member: Unlocked) => {
  const seed = await home.deviceSeed()
  const known = member.account.view.devices.get(deviceKeyOf(seed).id)
  if (known?.retiredSeq === undefined) return seed
  await home.removeDeviceSeed()
  return home.deviceSeed()
}

export type Entered = {
  readonly account: string
  readonly log: string
  readonly name: string
  readonly role: string
  readonly device: string
  readonly expiresAt: number
}

/**
 * After a proof: unlocks, enrols this device, makes its device method, and remembers all of it. `recoveryKey` is the
 * file for a new recovery key, which is due after the old one was used; it is written before the old one ends.
 */
export const enterAccount = (
  connection: Connection,
  proof: { readonly account: string; readonly log: string; readonly unlockBy: MethodSecret },
  options: { readonly label: string | undefined; readonly recoveryKey?: SecretFile | undefined },
): Promise<Entered> =>
  connection.home.withLock('account', async () => {
    const { account, log, unlockBy } = proof
    const member = await unlock(memberContext(connection), { account, log }, unlockBy)
    const seed = await usableSeed(connection, member)
    const device = await enrolDevice(member, labelOf(options.label), seed)
    const { recoveryKey } = options
    if (recoveryKey) await replaceRecoveryKey(member, (text) => recoveryKey.write(text))
    const method = await addDeviceMethod(member)
    const { name, role, session } = await connection.client.call(getSession)
    await bindDevice(member, session.id)
    await rememberAccount(connection, {
      account: { id: account, log, name },
      instanceKey: hex(member.account.instanceKey()),
      method,
    })
    return { account, log, name, role, device: device.id, expiresAt: session.expiresAt }
  })
