import {
  deviceKeyOf,
  unlock,
  type MemberContext,
  type MethodSecret,
  type Unlocked,
} from '@hearthold/member'
import { CliError } from '../cli-error.ts'
import { withSession, type Connection, type ServerCall } from '../connection.ts'
import { headStore, logCache } from './stores.ts'

export type MemberConnection = Connection & { readonly member: Unlocked }

/** `methodType.device` of the formats (docs/formats/account-keys.md). */
const deviceMethodType = 5

/** What the member package needs of a connection. */
export const memberContext = ({ client, server }: Connection): MemberContext => {
  const instanceKey = server.findRecord()?.instanceKey
  return {
    client,
    heads: headStore(server),
    cache: logCache(server),
    ...(instanceKey === undefined ? {} : { instanceKey }),
  }
}

const locked = () =>
  new CliError('notSignedIn', 'This device is locked.', 'Unlock it with: hearthold unlock')

/** The account's log holds no such method: it was removed, or the device was revoked, elsewhere. */
const isMethodGone = (error: unknown): boolean =>
  error instanceof Error &&
  error.name === 'IntegrityError' &&
  (error as { code?: unknown }).code === 'account_state' &&
  error.message.includes('no such method')

/** Unlocks by what this device keeps. Throws `CliError` (not signed in) where it keeps nothing that still opens. */
export const unlockHere = async (connection: Connection): Promise<Unlocked> => {
  const { home, server } = connection
  const { account, deviceMethod } = server.findRecord() ?? {}
  const secret = server.findDeviceSecret()
  const seed = home.findDeviceSeed()
  if (!account || deviceMethod === undefined || !secret || !seed) throw locked()
  const by: MethodSecret = {
    type: deviceMethodType,
    id: Uint8Array.from(Buffer.from(deviceMethod, 'hex')),
    secret,
  }
  const where = { account: account.id, log: account.log }
  try {
    return await unlock(memberContext(connection), where, by, deviceKeyOf(seed))
  } catch (error) {
    if (!isMethodGone(error)) throw error
    throw new CliError(
      'notSignedIn',
      'The account no longer lets this device in by itself.',
      'Sign in again with: hearthold sign-in',
      { cause: error },
    )
  }
}

/** Runs `work` signed in and unlocked. Throws `CliError` with exit 3 where either is missing. */
export const withMember = <T>(
  call: ServerCall,
  work: (connection: MemberConnection) => Promise<T>,
): Promise<T> =>
  withSession(call, async (connection) => {
    // Said before anything is sent.
    if (!connection.server.findDeviceSecret()) throw locked()
    return work({ ...connection, member: await unlockHere(connection) })
  })
