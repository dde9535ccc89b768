/** The page of the worker's tests: what the app's pages do, without their looks. Built by worker-page.ts. */
import { proxy } from 'comlink'
import type { Transfer, WorkerEvent } from '../../../apps/web/src/workers/account/api.ts'
import { connectAccount } from '../../../apps/web/src/workers/account/connect.ts'
import * as downloads from '../../../apps/web/src/workers/downloads.ts'

const events: WorkerEvent[] = []
const account = connectAccount()
void account.subscribe(
  proxy((event: WorkerEvent) => {
    events.push(event)
    if (events.length > 5000) events.splice(0, 1000)
  }),
)

/** Resolves with a transfer once it has ended. */
const ended = (id: string): Promise<Transfer> =>
  new Promise((resolve) => {
    const look = (): void => {
      const found = events.findLast((one) => one.type === 'transfer' && one.transfer.id === id)
      if (
        found?.type === 'transfer' &&
        ['done', 'failed', 'cancelled'].includes(found.transfer.state)
      ) {
        return resolve(found.transfer)
      }
      setTimeout(look, 20)
    }
    look()
  })

Object.assign(globalThis, {
  hearthold: { account, proxy, events, ended, downloads },
})
