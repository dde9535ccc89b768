/** Which area is shown: by where this browser stands first, and by the path only then. Each is loaded when needed. */
import type { Component } from 'svelte'
import type { SessionStatus } from './session/session.svelte.ts'

export type Area =
  | 'set-up'
  | 'sign-up'
  | 'sign-in'
  | 'unlock'
  | 'must-replace'
  | 'caught'
  | 'unreachable'
  | 'files'
  | 'repositories'
  | 'account'
  | 'administration'
  | 'not-found'

export type Place = {
  /** The first part of the path. */
  readonly first: string | undefined
  readonly status: SessionStatus
  readonly flow: 'set-up' | 'sign-up' | undefined
  readonly caught: string | undefined
}

/** Undefined while nothing is known yet. */
export const areaOf = ({ first, status, flow, caught }: Place): Area | undefined => {
  if (flow !== undefined) return flow
  if (status.at === 'checking') return undefined
  if (status.at === 'unreachable') return 'unreachable'
  if (status.at === 'not-set-up') return 'set-up'
  if (first === 'sign-up') return 'sign-up'
  if (status.at === 'signed-out') return first === 'set-up' ? 'set-up' : 'sign-in'
  if (caught !== undefined) return 'caught'
  if (status.at === 'locked') return 'unlock'
  if (status.me.mustReplaceRecoveryKey) return 'must-replace'
  return inside(first)
}

const inside = (first: string | undefined): Area => {
  switch (first) {
    case undefined:
    case 'sign-in':
    case 'set-up':
    case 'recover':
    case 'files':
      return 'files'
    case 'repositories':
    case 'account':
    case 'administration':
      return first
    default:
      return 'not-found'
  }
}

type Loaded = Promise<{ default: Component }>

const loaders: Readonly<Record<Area, () => Loaded>> = {
  'set-up': () => import('./areas/set-up/set-up-area.svelte'),
  'sign-up': () => import('./areas/sign-up/sign-up-area.svelte'),
  'sign-in': () => import('./areas/sign-in/sign-in-area.svelte'),
  unlock: () => import('./areas/sign-in/unlock-area.svelte'),
  'must-replace': () => import('./areas/sign-in/must-replace.svelte'),
  caught: () => import('./areas/sign-in/caught-page.svelte'),
  unreachable: () => import('./areas/sign-in/unreachable-page.svelte'),
  files: () => import('./areas/files/files-area.svelte'),
  repositories: () => import('./areas/repositories/repositories-area.svelte'),
  account: () => import('./areas/account/account-area.svelte'),
  administration: () => import('./areas/administration/administration-area.svelte'),
  'not-found': () => import('./areas/sign-in/not-found-page.svelte'),
}

const loaded = new Map<Area, Loaded>()

/** Loads an area once; one that failed is tried again the next time. */
export const loadArea = (area: Area): Loaded => {
  const known = loaded.get(area)
  if (known) return known
  const loading = loaders[area]()
  loaded.set(area, loading)
  loading.catch(() => loaded.delete(area))
  return loading
}
