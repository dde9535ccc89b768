export { answerStatus, signInHeaders } from './answers.ts'
export { handleRestic } from './handle.ts'
export { isObjectId, parseResticPath, parseResticRest, type ResticTarget } from './paths.ts'
export type { RepositoryAct, RepositoryCaller, RepositoryEvent, Reservation } from './policy.ts'
