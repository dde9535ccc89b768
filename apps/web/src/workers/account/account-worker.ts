/** The account worker: the one place of the web app that holds keys. The page calls it by Comlink (api.ts). */
import { expose } from 'comlink'
import { createAccountPage } from './account-page.ts'
import type { AccountWorker } from './api.ts'
import { createDesk } from './desk.ts'
import { installErrors } from './errors.ts'
import { createIdentity } from './identity.ts'
import { createShares } from './shares.ts'
import { createTransfers } from './transfers.ts'

const desk = createDesk()

const worker: AccountWorker = {
  identity: createIdentity(desk),
  account: createAccountPage(desk),
  shares: createShares(desk),
  transfers: createTransfers(desk),
  subscribe: (listener) => Promise.resolve(desk.events.subscribe(listener)),
}

installErrors()
expose(worker)
