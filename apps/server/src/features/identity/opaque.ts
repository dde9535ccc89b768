import { ProblemError } from '@hearthold/contract'
import { fromB64, toB64 } from '@hearthold/crypto'
import { ready, server } from '@serenity-kit/opaque'
import type { InstanceSecrets } from '#platform/keys/index.ts'

/** Never the host name: a server that moves to another name keeps its passwords. */
const serverIdentifier = 'hearthold'

/** What is stored of a password, and the version of the set-up it was made with. */
export type PasswordRecord = { readonly setupVersion: number; readonly record: Uint8Array }

/** OPAQUE (RFC 9807), the server's half; an account is identified by its id in hex. */
export type OpaqueServer = {
  /** @throws ProblemError `bad_request` for what is no registration request */
  register(
    account: string,
    registrationRequest: string,
  ): { setupVersion: number; registrationResponse: string }
  /** Without a record the answer has the same size and takes the same time, and no password fits. */
  startLogin(
    account: string,
    record: PasswordRecord | undefined,
    startLoginRequest: string,
  ): { state: Uint8Array; loginResponse: string }
  /** Whether the client knows the password. The same state would say so again: the caller keeps it once only. */
  finishLogin(state: Uint8Array, finishLoginRequest: string): boolean
}

/** Runs what throws on any crafted message; the library's words are not for the caller. */
const understood = <T>(work: () => T): T => {
  try {
    return work()
  } catch {
    throw new ProblemError('bad_request', 'The password message is not valid.')
  }
}

export const createOpaqueServer = async (
  setups: InstanceSecrets['opaqueSetups'],
): Promise<OpaqueServer> => {
  await ready
  return {
    register: (account, registrationRequest) => {
      const { version, value } = setups.current
      const { registrationResponse } = understood(() =>
        server.createRegistrationResponse({
          serverSetup: value,
          userIdentifier: account,
          registrationRequest,
        }),
      )
      return { setupVersion: version, registrationResponse }
    },
    startLogin: (account, record, startLoginRequest) => {
      const { serverLoginState, loginResponse } = understood(() =>
        server.startLogin({
          serverSetup: record ? setups.get(record.setupVersion) : setups.current.value,
          userIdentifier: account,
          registrationRecord: record ? toB64(record.record) : null,
          startLoginRequest,
          identifiers: { client: account, server: serverIdentifier },
        }),
      )
      return { state: fromB64(serverLoginState), loginResponse }
    },
    finishLogin: (state, finishLoginRequest) => {
      try {
        server.finishLogin({ serverLoginState: toB64(state), finishLoginRequest })
        return true
      } catch {
        return false
      }
    },
  }
}

const recordBytes = 192

/** @throws ProblemError `bad_request` for bytes that are no record */
export const readPasswordRecord = (registrationRecord: string): Uint8Array =>
  understood(() => {
    const record = fromB64(registrationRecord)
    if (record.length !== recordBytes) throw new RangeError('not a record')
    return record
  })
