import {
  deviceKeyOf,
  MethodGoneError,
  settle,
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

type Distrusted = NonNullable<MemberContext['distrusted']>

/**
 * Unlocks by what this device keeps. `distrusted` is told what the server sent and was refused while work went on. Throws
 * `CliError` (not signed in) where it keeps nothing that still opens.
 */
export const unlockHere = async (
  connection: Connection,
  distrusted?: Distrusted,
): Promise<Unlocked> => {
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
    const context = { ...memberContext(connection), ...(distrusted ? { distrusted } : {}) }
    return await unlock(context, where, by, deviceKeyOf(seed))
  } catch (error) {
    if (!(error instanceof MethodGoneError)) throw error
    throw new CliError(
      'notSignedIn',
      'The account no longer lets this device in by itself.',
      'Sign in again with: hearthold sign-in',
      { cause: error },
    )
  }
}

/** Checkpoints and the register of known heads wait for the end of a run, and for no longer than this. */
const settleMs = 20_000

/**
 * Runs `work` signed in and unlocked; what other devices are to know of it is told them afterwards. Throws `CliError` with
 * exit 3 where either is missing.
 */
export const withMember = <T>(
  call: ServerCall,
  work: (connection: MemberConnection) => Promise<T>,
): Promise<T> =>
  withSession(call, async (connection) => {
    // Said before anything is sent.
    if (!connection.server.findDeviceSecret()) throw locked()
    const { stderr, signal } = call.terminal
    const member = await unlockHere(connection, (log, { code }) => {
      stderr.write(
        `Warning: the server sent something about ${log} that does not hold (${code}). It was not used.\n`,
      )
    })
    const result = await work({ ...connection, member })
    if (!signal.aborted) await settle(member, settleMs)
    return result
  })
