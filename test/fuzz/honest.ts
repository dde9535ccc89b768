/** An honest member beside all the nonsense, whose data must be there and right in the end. */
import assert from 'node:assert/strict'
import {
  getObject,
  getRepository,
  getUsage,
  listSessions,
  readLog,
  type Repository,
} from '@hearthold/contract'
import { decodePage, LogVerifier, toHex } from '@hearthold/crypto'
import { codeOf } from '../access/instance.ts'
import type { World } from '../access/foreign-ids.ts'

export type Honest = {
  readonly entries: string
  readonly usedBytes: number
  /** Without the progress of its scrub, which goes on by itself; what that found damaged stays. */
  readonly repository: Omit<Repository, 'scrub'> & { readonly damagedCount: number }
}

/** What the victim of a World has, as told by the server and checked as a client does. */
export const lookAt = async ({
  instance,
  victim,
  theirs,
  object,
  objectBytes,
  repository,
}: World): Promise<Honest> => {
  const { token } = victim
  const page = await instance.ask(readLog, {
    token,
    params: { log: theirs.log.id },
    query: { after: 0 },
  })
  assert.equal(codeOf(page), '')
  const decoded = decodePage(new Uint8Array(page.rawPayload))
  const verifier = new LogVerifier(decoded.log, decoded.genesis, { strict: false })
  verifier.acceptPage(decoded)
  await verifier.verifySignatures(() => victim.device.key)
  const found = await instance.ask(getObject, { token, params: { object } })
  assert.equal(Buffer.compare(found.rawPayload, objectBytes), 0)
  const usage = await instance.ask(getUsage, { token })
  const sessions = await instance.ask(listSessions, { token })
  assert.equal(codeOf(sessions), '')
  const kept = await instance.ask(getRepository, { token, params: { repository } })
  assert.equal(codeOf(kept), '')
  const { scrub, ...lasting } = kept.json<Repository>()
  return {
    repository: { ...lasting, damagedCount: scrub.damagedCount },
    entries: toHex(verifier.position.chain),
    usedBytes: usage.json<{ usedBytes: number }>().usedBytes,
  }
}
