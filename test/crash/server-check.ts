/** Holds a server that was killed to what it had acknowledged, and to whole things only. */
import assert from 'node:assert/strict'
import {
  finishSecondFactor,
  getObject,
  getRegister,
  getSession,
  getUpload,
  listLogs,
  readLog,
  startSignUp,
} from '@hearthold/contract'
import {
  type Bytes,
  decodePage,
  factsPayload,
  headerHash,
  type LogPage,
  LogVerifier,
  toB64,
  toHex,
} from '@hearthold/crypto'
import { type AccountView, type Act, actOf, deviceAt, rulesOf } from '@hearthold/model'
import { codeOf, type Person } from '../../apps/server/src/features/identity/test-person.ts'
import {
  type JoinLedger,
  type Ledger,
  type ObjectLedger,
  type RegisterLedger,
  type Round,
  type SessionLedger,
  type ShareLedger,
  type UploadLedger,
  uploadBytes,
} from './server-ledger.ts'
import { guessRecovery, settleAppend, settleBundle } from './server-load.ts'
import { fresh, type ServerProcess } from './server-process.ts'

const pagesOf = async (server: ServerProcess, owner: Person, log: string): Promise<LogPage[]> => {
  const pages: LogPage[] = []
  for (let after = 0; ;) {
    const input = { token: owner.token, params: { log }, query: { after } }
    const page = decodePage((await server.must(readLog, input)).bytes)
    pages.push(page)
    const last = page.entries.at(-1)?.seq ?? after
    if (last === page.receipt.seq) return pages
    after = last
  }
}

type Verified = { readonly hashes: Map<number, string>; readonly view: unknown }

/** Everything that a client checks: chains, rules, signatures, the server's own receipt. */
const verified = async (
  pages: readonly LogPage[],
  instanceKey: Bytes,
  governing?: AccountView,
): Promise<Verified> => {
  const [{ log, genesis }] = pages as [LogPage]
  const verifier = new LogVerifier(log, genesis, { strict: governing === undefined })
  const rules = rulesOf(genesis.kind, genesis.rules)
  assert(rules)
  const view = rules.create(genesis)
  const hashes = new Map<number, string>()
  for (const page of pages) {
    verifier.acceptPage(page)
    for (const entry of page.entries) {
      const act: Act<unknown> = actOf(
        entry,
        rules.decode(entry.header.kind, factsPayload(entry.facts!)),
      )
      assert.equal(await rules.verify(view, act), undefined)
      assert.equal(rules.may(view, act, governing), undefined)
      assert.deepEqual(rules.apply(view, act).refusals, [])
      assert(entry.body, 'an entry lost its body')
      hashes.set(entry.seq, toHex(headerHash(entry)))
    }
  }
  const account = governing ?? (view as AccountView)
  await verifier.verifySignatures((_author, device, gov) =>
    governing === undefined
      ? account.devices.get(device)?.publicKey
      : deviceAt(account, device, gov)?.publicKey,
  )
  await verifier.checkReceipt(pages.at(-1)!.receipt, instanceKey)
  return { hashes, view }
}

const accountOf = async (
  server: ServerProcess,
  owner: Person,
  instanceKey: Bytes,
): Promise<AccountView> =>
  (await verified(await pagesOf(server, owner, owner.log.id), instanceKey)).view as AccountView

const checkShare = async (
  server: ServerProcess,
  ledger: ShareLedger,
  instanceKey: Bytes,
): Promise<void> => {
  const { owner, share, entries, open } = ledger
  const { json } = await server.must(listLogs, { token: owner.token })
  const exists = (json['logs'] as { log: string }[]).some(({ log }) => log === share.log.id)
  const account = await accountOf(server, owner, instanceKey)
  const read = async () =>
    (await verified(await pagesOf(server, owner, share.log.id), instanceKey, account)).hashes
  const hashes = exists ? await read() : new Map<number, string>()
  for (const [seq, hash] of entries)
    assert.equal(hashes.get(seq), hash, `entry ${seq} was acknowledged`)
  // What was not answered is there whole, or not at all.
  const more = hashes.size - entries.size
  assert(
    [0, open?.entries.length ?? 0].includes(more),
    `${more} entries that were not acknowledged`,
  )
  await settleAppend(server, ledger)
  if (ledger.entries.size > 0) assert.deepEqual(await read(), ledger.entries)
}

const readObject = async (
  server: ServerProcess,
  owner: Person,
  object: string,
): Promise<Uint8Array | undefined> => {
  const answer = await server.ask(getObject, { token: owner.token, params: { object } })
  if (answer.status === 404) return undefined
  assert.equal(answer.status, 200)
  return answer.bytes
}

const isSame = (a: Uint8Array | undefined, b: Uint8Array): boolean =>
  a !== undefined && Buffer.compare(a, b) === 0

const checkObjects = async (server: ServerProcess, ledger: ObjectLedger): Promise<void> => {
  for (const [id, bytes] of ledger.stored)
    assert(isSame(await readObject(server, ledger.owner, id), bytes))
  for (const { id, bytes } of ledger.open) {
    const found = await readObject(server, ledger.owner, id)
    assert(found === undefined || isSame(found, bytes), 'half of an object is visible')
  }
  await settleBundle(server, ledger)
}

const checkUpload = async (server: ServerProcess, ledger: UploadLedger): Promise<void> => {
  const { owner, object, offset, done, upload } = ledger
  const bytes = uploadBytes(ledger)
  const found = await readObject(server, owner, object)
  if (done) assert(isSame(found, bytes), 'an upload that was done')
  else assert(found === undefined || isSame(found, bytes), 'half of an upload is visible')
  if (upload === undefined || done) return
  const { json } = await server.must(getUpload, { token: owner.token, params: { upload } })
  assert(Number(json['offset']) >= offset, 'bytes of an upload that were acknowledged')
}

const checkSessions = async (
  server: ServerProcess,
  { live, ended }: SessionLedger,
  newest?: number,
): Promise<void> => {
  for (const token of live) await server.must(getSession, { token })
  for (const token of newest === undefined ? ended : [...ended].slice(-newest)) {
    const { code } = await server.ask(getSession, { token })
    assert.equal(code, 'unauthenticated', 'a session that had ended')
  }
}

const checkRegister = async (server: ServerProcess, ledger: RegisterLedger): Promise<void> => {
  const { owner, values, acknowledged } = ledger
  if (acknowledged === 0) return
  const { json } = await server.must(getRegister, { token: owner.token, query: { name: 'heads' } })
  const version = Number(json['version'])
  assert(version === acknowledged || version === acknowledged + 1)
  assert.equal(json['sealedValue'], values.get(version))
}

/** Whether an invitation still lets somebody begin. */
const isInvitationOpen = async (server: ServerProcess, invitation: string): Promise<boolean> => {
  const registrationRequest = toB64(new Uint8Array(32))
  const body = {
    invitation,
    name: fresh(),
    account: fresh(),
    way: { kind: 'password' as const, registrationRequest },
  }
  const { code } = await server.ask(startSignUp, { body })
  assert(
    code === 'invitation_invalid' || code === 'bad_request',
    `an invitation was answered ${code}`,
  )
  return code === 'bad_request'
}

const guessLimit = 5

/** What works once does not work again; a sign-up is there whole or not at all; failures stay counted. */
const checkJoin = async (
  server: ServerProcess,
  ledger: JoinLedger,
  instanceKey: Bytes,
): Promise<void> => {
  const { person, invitation, totpAt, usedCodes, wrong, wrongAsked } = ledger
  const exists = (await person.provePassword()).finished?.status === 200
  assert.equal(await isInvitationOpen(server, invitation), !exists, 'an invitation and its account')
  assert(exists || ledger.signedUp === 'asked', 'an account that was acknowledged')
  if (!exists || ledger.signedUp === 'asked') return
  await accountOf(server, person, instanceKey)
  for (const code of [codeOf(person.totpSecret, totpAt), ...usedCodes]) {
    const { finished } = await person.provePassword()
    const body = { pending: finished?.body.pending ?? '', code, transport: 'bearer' }
    const answer = await server.ask(finishSecondFactor, { body })
    assert.equal(answer.code, 'second_factor_wrong', 'a code that was used')
  }
  let left = 0
  while ((await guessRecovery(server, person)) === 'sign_in_failed') left++
  assert(
    left <= guessLimit - wrong,
    `${wrong} failures were acknowledged, and ${left} more were allowed`,
  )
  assert(left >= guessLimit - wrongAsked, 'more failures were counted than happened')
}

const checkRound = async (server: ServerProcess, ledger: Ledger, round: Round): Promise<void> => {
  for (const objects of round.objects) await checkObjects(server, objects)
  for (const share of round.shares) await checkShare(server, share, ledger.instanceKey)
}

/** The newest round, and what goes on over all of them. @throws AssertionError */
export const checkNewest = async (server: ServerProcess, ledger: Ledger): Promise<void> => {
  const round = ledger.rounds.at(-1)
  assert(round)
  await checkRound(server, ledger, round)
  for (const upload of ledger.uploads.slice(-4)) await checkUpload(server, upload)
  await checkSessions(server, ledger.sessions, 50)
  await checkRegister(server, ledger.registers)
  // Each costs passwords; those nearest to the kill are the ones in danger.
  for (const join of round.joins.slice(-3)) await checkJoin(server, join, ledger.instanceKey)
}

/** Everything of all rounds. @throws AssertionError */
export const checkAll = async (server: ServerProcess, ledger: Ledger): Promise<void> => {
  for (const round of ledger.rounds) await checkRound(server, ledger, round)
  for (const upload of ledger.uploads) await checkUpload(server, upload)
  await checkSessions(server, ledger.sessions)
  await checkRegister(server, ledger.registers)
}

/** How much was acknowledged: a run that acknowledged nothing proves nothing. */
export const countsOf = ({ rounds, uploads, sessions, registers }: Ledger) => {
  const sum = (numbers: number[]): number => numbers.reduce((total, number) => total + number, 0)
  return {
    entries: sum(rounds.flatMap(({ shares }) => shares.map(({ entries }) => entries.size))),
    objects: sum(rounds.flatMap(({ objects }) => objects.map(({ stored }) => stored.size))),
    uploads: uploads.filter(({ done }) => done).length,
    signUps: rounds
      .flatMap(({ joins }) => joins)
      .filter(({ signedUp }) => signedUp === 'acknowledged').length,
    sessions: sessions.live.size + sessions.ended.size,
    registers: registers.acknowledged,
  }
}
