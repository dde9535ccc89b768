export * from './account/devices.ts'
export * from './account/methods.ts'
export * from './account/passkeys.ts'
export {
  type AnsweredPasskey,
  type CreatedPasskey,
  type PasskeyAuthenticator,
  type PasskeyExtensions,
  PasskeyPrfError,
  type PasskeyReader,
  passkeySecret,
  type PrfOutput,
} from './account/passkey-ceremony.ts'
export * from './account/passkey-sign-in.ts'
export * from './account/sign-in.ts'
export * from './account/sign-up.ts'
export type { PasskeyWay, PasswordWay, SignUpWay } from './account/sign-up-way.ts'
export { passkeyPrfSalt } from '@hearthold/crypto'
export {
  type AccountKeys,
  deviceKeyOf,
  deviceOf,
  MethodGoneError,
  type MethodSecret,
  refresh,
  unlock,
  type Unlocked,
} from './account/unlock.ts'
export type { AccountLog } from './account/account-log.ts'
export * from './files/acts.ts'
export * from './files/changes.ts'
export * from './files/get-tree.ts'
export * from './files/keys-export.ts'
export { type LocalFile, type LocalItem, type Skipped, SourceError } from './files/local-item.ts'
export { SourceChangedError } from './files/flow.ts'
export * from './files/put-tree.ts'
export type { ResumeStore } from './files/resume.ts'
export { findShare, listShareLogs, listShares, type ShareSummary } from './files/share-list.ts'
export { keepShare, type OpenOptions, openShare, type Share } from './files/share.ts'
export { createShare, renameShare } from './files/share-writer.ts'
export * from './files/tree.ts'
export { settle } from './logs/afterwork.ts'
export * from './logs/known-heads.ts'
export type { LogCache } from './logs/log-cache.ts'
export { type LogAnswer, logPages } from './logs/log-pages.ts'
export type { DeviceKey } from './logs/log-entries.ts'
export type { RefusedEntry } from './logs/log-replica.ts'
export * from './member-context.ts'
export * from './password.ts'
export * from './restic/index.ts'
export * from './totp.ts'
