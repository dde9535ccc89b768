/** The page's side of the repository worker. Small: nothing that reads repositories is loaded here. */
import { type Remote, wrap } from 'comlink'
import { installErrors } from '../account/errors.ts'
import type { RepositoryWorker } from './api.ts'

export type RemoteReader = {
  readonly remote: Remote<RepositoryWorker>
  /** Ends the worker, and with it all that it knew. */
  end(): void
}

/** Starts a worker of its own. Errors of its calls are `AccountError`s. */
export const connectReader = (): RemoteReader => {
  installErrors()
  const worker = new Worker(new URL('./repository-worker.ts', import.meta.url), { type: 'module' })
  return { remote: wrap<RepositoryWorker>(worker), end: () => worker.terminate() }
}
