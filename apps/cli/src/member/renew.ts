import type { Client } from '@hearthold/client'
import { ProblemError } from '@hearthold/contract'
import { signInWithDevice } from '@hearthold/member'
import type { Connection } from '../connection.ts'
import { headStore } from './stores.ts'

/**
 * Signs in again by this device's own method, which needs no second factor. False where the device has none, or the
 * account no longer knows it: then only its member can sign in.
 */
export const renewByDevice = (client: Client, connection: Connection): Promise<boolean> =>
  connection.home.withLock('renew', async () => {
    const { server } = connection
    const stored = server.findToken()
    if (stored !== undefined && stored !== connection.token()) {
      // Another process of this home was faster.
      connection.setToken(stored)
      return true
    }
    const { account, deviceMethod } = server.findRecord() ?? {}
    const secret = server.findDeviceSecret()
    if (!account || deviceMethod === undefined || !secret) return false
    try {
      const signedIn = await signInWithDevice(
        { client, heads: headStore(server) },
        { account: account.id, method: deviceMethod, secret, transport: 'bearer' },
      )
      if (signedIn.token === undefined) return false
      connection.setToken(signedIn.token)
      await server.writeToken(signedIn.token)
      return true
    } catch (error) {
      if (error instanceof ProblemError && error.code === 'sign_in_failed') return false
      throw error
    }
  })
