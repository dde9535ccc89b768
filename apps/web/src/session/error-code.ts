/** What an error is, whatever thread it was thrown in: only its name and fields survive the way from the worker. */

const field = (error: unknown, name: string): unknown =>
  typeof error === 'object' && error !== null ? (error as Record<string, unknown>)[name] : undefined

/** The stable code of a problem, an integrity error or an error of the worker; undefined for any other. */
export const codeOf = (error: unknown): string | undefined => {
  const code = field(error, 'code')
  return typeof code === 'string' ? code : undefined
}

/** True where the way to the server failed, so that the same act may work a moment later. */
export const isNetworkError = (error: unknown): boolean =>
  field(error, 'name') === 'NetworkError' || field(error, 'kind') === 'network'

/** Why a typed recovery key is none: of the class that packages/crypto throws. */
export const recoveryKeyFault = (error: unknown): string | undefined =>
  field(error, 'name') === 'RecoveryKeyError' ? codeOf(error) : undefined

/** Seconds after which a retry makes sense, where the server said so. */
export const retryAfterOf = (error: unknown): number | undefined => {
  const seconds = field(error, 'retryAfterSeconds')
  return typeof seconds === 'number' && Number.isFinite(seconds) ? seconds : undefined
}
