/**
 * Errors over `postMessage`, with their kind and code, both ways: of the worker to the page, and of what the page does
 * for the worker (a passkey that was cancelled). Both sides call `installErrors` once. Nothing of packages/member is
 * imported here: the page must stay small and free of keys.
 */
import { transferHandlers } from 'comlink'

/** `problem`: the server refused. `integrity`: the server or a device lied. `network`: no way to the server. */
export type AccountErrorKind = 'problem' | 'integrity' | 'network' | 'aborted' | 'store' | 'other'

type Plain = Readonly<Record<string, string | number | boolean>>

export type ErrorOnWire = {
  readonly kind: AccountErrorKind
  readonly name: string
  readonly code: string
  readonly message: string
  readonly detail: string | undefined
  readonly retryAfterSeconds: number | undefined
  readonly extra: Plain | undefined
}

/** What a call of the other side threw. `code` is stable; `name` is the original's, such as NotAllowedError. */
export class AccountError extends Error {
  readonly kind: AccountErrorKind
  readonly code: string
  readonly detail: string | undefined
  /** Seconds after which another try makes sense. */
  readonly retryAfterSeconds: number | undefined
  readonly extra: Plain | undefined

  constructor(wire: ErrorOnWire) {
    super(wire.message)
    this.name = wire.name
    this.kind = wire.kind
    this.code = wire.code
    this.detail = wire.detail
    this.retryAfterSeconds = wire.retryAfterSeconds
    this.extra = wire.extra
  }
}

const kinds: Readonly<Record<string, AccountErrorKind>> = {
  ProblemError: 'problem',
  UnknownProblemError: 'problem',
  IntegrityError: 'integrity',
  NetworkError: 'network',
  AbortError: 'aborted',
  StoreError: 'store',
}

const textOf = (value: unknown): string | undefined =>
  typeof value === 'string' ? value : undefined
const numberOf = (value: unknown): number | undefined =>
  typeof value === 'number' ? value : undefined

const plainOf = (value: unknown): Plain | undefined => {
  if (typeof value !== 'object' || value === null) return undefined
  const kept: Record<string, string | number | boolean> = {}
  for (const [name, one] of Object.entries(value as Record<string, unknown>)) {
    if (typeof one === 'string' || typeof one === 'number' || typeof one === 'boolean') {
      kept[name] = one
    }
  }
  return kept
}

const camelToSnake = (name: string): string =>
  name
    .replace(/Error$/, '')
    .replaceAll(/(?<=[a-z])(?=[A-Z])/g, '_')
    .toLowerCase() || 'other'

/** The stable code of anything that was thrown. */
export const codeOf = (thrown: unknown): string => errorOnWire(thrown).code

/** Codes of errors that have none of their own: of their name, `network` kinds as they are. */
const ownCode = (error: Error & Record<string, unknown>): string =>
  textOf(error['code']) ??
  (error.name === 'NetworkError' ? textOf(error['kind']) : undefined) ??
  (error.name === 'PasskeyPrfError' ? `passkey_prf_${String(error['reason'])}` : undefined) ??
  camelToSnake(error.name)

/** Kind, code and words of anything that was thrown; never a stack, which would name what was on it. */
export const errorOnWire = (thrown: unknown): ErrorOnWire => {
  if (!(thrown instanceof Error)) {
    return { ...blank, name: 'Error', message: 'Something else than an error was thrown.' }
  }
  if (thrown instanceof AccountError) {
    const { kind, name, code, message, detail, retryAfterSeconds, extra } = thrown
    return { kind, name, code, message, detail, retryAfterSeconds, extra }
  }
  const error = thrown as Error & Record<string, unknown>
  return {
    kind: kinds[error.name] ?? 'other',
    name: error.name,
    code: ownCode(error),
    message: error.message,
    detail: textOf(error['detail']),
    retryAfterSeconds: numberOf(error['retryAfterSeconds']),
    extra: plainOf(error['extra']),
  }
}

const blank = {
  kind: 'other',
  code: 'other',
  detail: undefined,
  retryAfterSeconds: undefined,
  extra: undefined,
} as const

type Thrown = { readonly value: unknown }

/** Replaces Comlink's own handler of what is thrown, which keeps the message alone. */
export const installErrors = (): void => {
  const own = transferHandlers.get('throw')
  if (!own) throw new Error('Comlink has no handler for what is thrown.')
  transferHandlers.set('throw', {
    canHandle: (value: unknown): value is Thrown => own.canHandle(value),
    serialize: ({ value }: Thrown) => [errorOnWire(value), []],
    deserialize: (wire: ErrorOnWire): never => {
      throw new AccountError(wire)
    },
  })
}
