/** The account worker: the one place of the web app that holds keys. The page calls it by Comlink (api.ts). */
import { expose } from 'comlink'
import { createAccountPage } from './account-page.ts'
import type { AccountWorker } from './api.ts'
import { createDesk } from './desk.ts'
import { installErrors } from './errors.ts'
import { createIdentity } from './identity.ts'
import { createShares } from './shares.ts'
import { createTransfers } from './transfers.ts'
import { tidyStaged } from '../staged-files.ts'

const desk = createDesk()
// What a tab that crashed left behind.
void tidyStaged('left').catch(() => undefined)

const worker: AccountWorker = {
  identity: createIdentity(desk),
  account: createAccountPage(desk),
  shares: createShares(desk),
  transfers: createTransfers(desk),
  subscribe: (listener) => Promise.resolve(desk.events.subscribe(listener)),
}

installErrors()
expose(worker)
