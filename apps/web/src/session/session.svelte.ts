/** The session of this tab as state, and the way to the worker that holds its keys. */
import { proxy } from 'comlink'
import type { AccountStatus, Me, Transfer, Usage, WorkerEvent } from '../workers/account/api.ts'
import type { RemoteAccount } from '../workers/account/connect.ts'
import { go } from '../router.svelte.ts'
import { type Instance, takeFirstLook } from './first-look.ts'

export type SessionStatus =
  /** Being asked; shown as nothing for a moment, then as a skeleton. */
  | { readonly at: 'checking' }
  | { readonly at: 'unreachable'; readonly code: string | undefined }
  | AccountStatus

type EndReason = Extract<WorkerEvent, { type: 'signed-out' }>['reason']

const unknownInstance: Instance = { name: '', registration: 'closed', passkeys: true }

type State = {
  status: SessionStatus
  instance: Instance
  /** Why the session ended, until the person has seen it. */
  ended: EndReason | undefined
  online: boolean
  storeUnavailable: boolean
  usage: Usage | undefined
  /** Areas that make an account keep the page until they are done, whatever the status becomes. */
  flow: 'set-up' | 'sign-up' | undefined
  /** The server was caught lying about the account itself: nothing is opened until the person has seen it. */
  caught: string | undefined
}

const state = $state<State>({
  status: { at: 'checking' },
  instance: unknownInstance,
  ended: undefined,
  online: true,
  storeUnavailable: false,
  usage: undefined,
  flow: undefined,
  caught: undefined,
})

const listeners = new Set<(event: WorkerEvent) => void>()
const running = new Map<string, Transfer['state']>()

/** Where this browser stands; reading it in a component follows it. */
export const session = {
  get status(): SessionStatus {
    return state.status
  },
  get me(): Me | undefined {
    return state.status.at === 'unlocked' ? state.status.me : undefined
  },
  get instance(): Instance {
    return state.instance
  },
  get online(): boolean {
    return state.online
  },
  get storeUnavailable(): boolean {
    return state.storeUnavailable
  },
  get usage(): Usage | undefined {
    return state.usage
  },
  get ended(): EndReason | undefined {
    return state.ended
  },
  get flow(): 'set-up' | 'sign-up' | undefined {
    return state.flow
  },
  set flow(flow: 'set-up' | 'sign-up' | undefined) {
    state.flow = flow
  },
  get caught(): string | undefined {
    return state.caught
  },
  /** The person has read what happened. */
  dismissCaught(): void {
    state.caught = undefined
  },
}

const isAccountCode = (code: string): boolean =>
  code.startsWith('account_') || code === 'instance_key'

/** Counts a transfer as under way, or as ended: also those of other workers, so that leaving the page warns. */
export const noteTransfer = ({ id, state: now }: Pick<Transfer, 'id' | 'state'>): void => {
  if (now === 'running' || now === 'waiting') running.set(id, now)
  else running.delete(id)
}

const take = (event: WorkerEvent): void => {
  switch (event.type) {
    case 'status':
      state.status = event.status
      if (event.status.at === 'unlocked') {
        state.ended = undefined
        keepForOffline()
      }
      break
    case 'signed-out':
      state.status = { at: 'signed-out' }
      state.ended = event.reason
      running.clear()
      break
    case 'usage':
      state.usage = event.usage
      break
    case 'online':
      state.online = event.online
      break
    case 'store-unavailable':
      state.storeUnavailable = true
      break
    case 'signed-in-elsewhere':
      if (state.status.at === 'signed-out') void refreshStatus().catch(() => undefined)
      break
    case 'integrity':
      if (event.share === undefined && isAccountCode(event.code)) state.caught = event.code
      break
    case 'transfer':
      noteTransfer(event.transfer)
      break
  }
  for (const listener of listeners) listener(event)
}

/** Calls `listener` with every event of the worker; returns what ends that. Loads nothing by itself. */
export const onWorkerEvent = (listener: (event: WorkerEvent) => void): (() => void) => {
  listeners.add(listener)
  return () => void listeners.delete(listener)
}

/** True while an upload or download is under way, which leaving the page would cut off. */
export const isTransferring = (): boolean => running.size > 0

let connected: Promise<RemoteAccount> | undefined

/** The account worker, loaded when first asked for. Rejects where it cannot be loaded; the next call tries again. */
export const account = (): Promise<RemoteAccount> => {
  connected ??= connect().catch((error: unknown) => {
    connected = undefined
    throw error
  })
  return connected
}

const connect = async (): Promise<RemoteAccount> => {
  const { connectAccount } = await import('../workers/account/connect.ts')
  const worker = connectAccount()
  await worker.subscribe(proxy(take))
  return worker
}

/** Takes the status that an act answered with. */
export const takeStatus = (status: AccountStatus): void => {
  take({ type: 'status', status })
}

/** Asks the server how much room is used. What was known stays where it cannot be reached. */
export const refreshUsage = async (): Promise<void> => {
  if (state.status.at !== 'unlocked') return
  try {
    state.usage = await (await account()).identity.usage()
  } catch {
    // Only for showing: the next change asks again.
  }
}

/** Asks the worker anew, for instance after an act that changes what `me` says. */
export const refreshStatus = async (): Promise<void> => {
  takeStatus(await (await account()).identity.status())
}

const whenIdle = (work: () => void): void => {
  if ('requestIdleCallback' in globalThis) requestIdleCallback(work, { timeout: 3000 })
  else setTimeout(work, 500)
}

/** Loads the worker while nobody waits for it, so that the first act does not: for when a form is on screen. */
export const warmWorker = (): void => {
  whenIdle(() => void account().catch(() => undefined))
}

let keeping = false

/** Once for each page that somebody is in: the service worker keeps the app, so that it opens without the server. */
const keepForOffline = (): void => {
  if (keeping) return
  keeping = true
  const start = async (): Promise<void> => {
    const { startServiceWorker } = await import('../workers/downloads.ts')
    await startServiceWorker()
  }
  // A second try comes with the next page.
  whenIdle(() => void start().catch(() => undefined))
}

/** Asks again what the server is called and offers: after it was set up. */
export const refreshInstance = async (): Promise<void> => {
  const seen = await takeFirstLook()
  if (seen.at !== 'unreachable') state.instance = seen.instance
}

/** The first question of a page: small requests first, the worker only where there is a session. */
export const openSession = async (): Promise<void> => {
  state.status = { at: 'checking' }
  const seen = await takeFirstLook()
  if (seen.at !== 'unreachable') state.instance = seen.instance
  if (seen.at === 'signed-out' || seen.at === 'not-set-up') {
    state.status = { at: seen.at }
    return
  }
  try {
    await refreshStatus()
  } catch {
    state.status = { at: 'unreachable', code: seen.at === 'unreachable' ? seen.code : undefined }
  }
}

/** Ends the session and drops the local unlock secret. Signed out here even where the server cannot be told. */
export const signOut = async (): Promise<void> => {
  try {
    await (await account()).identity.signOut()
  } finally {
    state.ended = undefined
    state.caught = undefined
    running.clear()
    state.status = { at: 'signed-out' }
    // Whoever signs in next begins at the beginning.
    go('/', { replace: true })
  }
}
