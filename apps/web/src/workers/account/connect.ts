/** The page's side of the account worker. Small: nothing of packages/member is loaded here, only its worker's address. */
import { proxy, type Remote, wrap } from 'comlink'
import type {
  AccountApi,
  AccountWorker,
  IdentityApi,
  SharesApi,
  TransfersApi,
  WorkerEvent,
} from './api.ts'
import { installErrors } from './errors.ts'

export { AccountError } from './errors.ts'

/** `AccountWorker` as the page calls it: functions and objects of functions go in by `proxy` of Comlink. */
export type RemoteAccount = {
  readonly identity: Remote<IdentityApi>
  readonly account: Remote<AccountApi>
  readonly shares: Remote<SharesApi>
  readonly transfers: Remote<TransfersApi>
  readonly subscribe: (listener: (event: WorkerEvent) => void) => Promise<void>
}

/** Only a page may ask for it: the browser then does not evict what is kept here when the disk runs low. */
const keepStored = (event: WorkerEvent): void => {
  if (event.type !== 'status' || event.status.at !== 'unlocked') return
  void navigator.storage?.persist?.().catch(() => undefined)
}

/** Starts the worker. Errors of its calls are `AccountError`s. */
export const connectAccount = (): RemoteAccount => {
  installErrors()
  const worker = new Worker(new URL('./account-worker.ts', import.meta.url), { type: 'module' })
  const remote = wrap<AccountWorker>(worker) as unknown as RemoteAccount
  void remote.subscribe(proxy(keepStored))
  return remote
}
