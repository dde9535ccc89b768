/** What a server under load was asked, and what it acknowledged: all that it owes after it was killed. */
import type { Bytes, LogAppend } from '@hearthold/crypto'
import type { Person } from '../../apps/server/src/features/identity/test-person.ts'
import type { TestShare } from '../../apps/server/src/platform/logs/test-logs.ts'
import { seededRandom } from './seeded-random.ts'

/** A share, written to by one writer who waits for each answer. */
export type ShareLedger = {
  readonly owner: Person
  readonly share: TestShare
  /** Hash of the header by number, of what was acknowledged. */
  readonly entries: Map<number, string>
  /** Asked and not answered. */
  open: LogAppend | undefined
}

export type ObjectLedger = {
  readonly owner: Person
  /** By id. */
  readonly stored: Map<string, Uint8Array>
  /** Sent in a bundle that was not answered: there whole, or not there. */
  open: { id: string; bytes: Uint8Array }[]
}

export type UploadLedger = {
  readonly owner: Person
  readonly object: string
  /** Its bytes are made from this each time: many uploads are not kept in memory. */
  readonly seed: number
  readonly sizeBytes: number
  upload: string | undefined
  /** Bytes acknowledged. */
  offset: number
  done: boolean
}

export type SessionLedger = {
  readonly owner: Person
  readonly secret: Bytes
  readonly live: Set<string>
  readonly ended: Set<string>
}

export type RegisterLedger = {
  readonly owner: Person
  readonly values: Map<number, string>
  acknowledged: number
}

/** Somebody who signed up in this round. */
export type JoinLedger = {
  readonly person: Person
  readonly invitation: string
  /** A code no newer than the one that signed up. */
  readonly totpAt: number
  signedUp: 'asked' | 'acknowledged'
  readonly usedCodes: string[]
  /** Wrong answers to the recovery key's challenge: acknowledged, and asked. */
  wrong: number
  wrongAsked: number
}

export type Round = {
  readonly shares: ShareLedger[]
  readonly objects: ObjectLedger[]
  readonly joins: JoinLedger[]
}

export type Ledger = {
  readonly host: Person
  readonly writers: readonly Person[]
  readonly instanceKey: Bytes
  readonly sessions: SessionLedger
  readonly registers: RegisterLedger
  readonly uploads: UploadLedger[]
  readonly rounds: Round[]
}

export const uploadBytes = ({ seed, sizeBytes }: UploadLedger): Uint8Array =>
  new Uint8Array(seededRandom(seed).bytes(sizeBytes))
