/**
 * Where this browser stands, asked by three small requests, so that a form can be shown before the worker and all its
 * cryptography are loaded.
 */

export type Registration = 'closed' | 'approval' | 'open'

export type Instance = {
  readonly name: string
  readonly registration: Registration
  /** False where the public URL has no name, or is not secure: browsers offer no passkeys there. */
  readonly passkeys: boolean
}

export type FirstLook =
  | { readonly at: 'not-set-up'; readonly instance: Instance }
  | { readonly at: 'signed-out'; readonly instance: Instance }
  /** A session exists; only the worker can tell whether it is unlocked. */
  | { readonly at: 'signed-in'; readonly instance: Instance }
  /** The server did not answer, or not as a server of ours does. `code` where it said why. */
  | { readonly at: 'unreachable'; readonly code: string | undefined }

type Answer = { readonly status: number; readonly json: Readonly<Record<string, unknown>> }

const ask = async (path: string, run: typeof fetch): Promise<Answer> => {
  const response = await run(path, {
    headers: { accept: 'application/json' },
    credentials: 'same-origin',
    redirect: 'error',
    cache: 'no-store',
  })
  const json: unknown = await response.json().catch(() => undefined)
  const isRecord = typeof json === 'object' && json !== null
  return { status: response.status, json: isRecord ? (json as Answer['json']) : {} }
}

const registrationOf = (value: unknown): Registration =>
  value === 'open' || value === 'approval' ? value : 'closed'

const codeOf = ({ json }: Answer): string | undefined =>
  typeof json['code'] === 'string' ? json['code'] : undefined

/** Asks the server three times at once. Never throws. */
export const takeFirstLook = async (
  run: typeof fetch = fetch.bind(globalThis),
): Promise<FirstLook> => {
  try {
    const [setUp, instance, session] = await Promise.all([
      ask('/api/set-up', run),
      ask('/api/instance', run),
      ask('/api/session', run),
    ])
    const known: Instance = {
      name: typeof instance.json['name'] === 'string' ? instance.json['name'] : '',
      registration: registrationOf(instance.json['registration']),
      passkeys: setUp.json['passkeys'] !== false,
    }
    if (setUp.status !== 200) return { at: 'unreachable', code: codeOf(setUp) }
    if (setUp.json['needed'] === true) return { at: 'not-set-up', instance: known }
    if (session.status === 200) return { at: 'signed-in', instance: known }
    if (session.status === 401) return { at: 'signed-out', instance: known }
    return { at: 'unreachable', code: codeOf(session) }
  } catch {
    return { at: 'unreachable', code: undefined }
  }
}
