/** Mixed load on the real server. Every worker goes on until the server is gone, and writes down what it was told. */
import {
  appendLogs,
  createInvitation,
  createUpload,
  endSession,
  finishChallengeSignIn,
  finishSecondFactor,
  getInstance,
  getUpload,
  putBundle,
  putRegister,
  startDeviceSignIn,
  startRecoverySignIn,
  writeUpload,
} from '@hearthold/contract'
import {
  decodeReceipts,
  encodeAppend,
  fromHex,
  headerHash,
  methodType,
  recoveryLocator,
  signRegister,
  toB64,
  toHex,
} from '@hearthold/crypto'
import type { Person } from '../../apps/server/src/features/identity/test-person.ts'
import { TestShare } from '../../apps/server/src/platform/logs/test-logs.ts'
import { bundleOf } from '../access/foreign-ids.ts'
import type { SeededRandom } from './seeded-random.ts'
import {
  type JoinLedger,
  type Ledger,
  type ObjectLedger,
  type RegisterLedger,
  type SessionLedger,
  type ShareLedger,
  type UploadLedger,
  uploadBytes,
} from './server-ledger.ts'
import { fresh, type ServerProcess, Unanswered } from './server-process.ts'

const segmentBytes = 262_172

/** Sends what is open; the same again is answered with the same receipts. */
export const settleAppend = async (server: ServerProcess, ledger: ShareLedger): Promise<void> => {
  const { open, share, owner } = ledger
  if (open === undefined) return
  const body = encodeAppend([open])
  const { bytes } = await server.must(appendLogs, { token: owner.token, body })
  const receipt = decodeReceipts(bytes).find(({ log }) => toHex(log) === share.log.id)
  if (receipt === undefined) throw new Error('an append was answered without its receipt')
  const first = receipt.seq - open.entries.length + 1
  open.entries.forEach((entry, at) => ledger.entries.set(first + at, toHex(headerHash(entry))))
  share.log.take(receipt)
  ledger.open = undefined
}

export const settleBundle = async (server: ServerProcess, ledger: ObjectLedger): Promise<void> => {
  if (ledger.open.length === 0) return
  await server.must(putBundle, { token: ledger.owner.token, body: bundleOf(...ledger.open) })
  for (const { id, bytes } of ledger.open) ledger.stored.set(id, bytes)
  ledger.open = []
}

const write = async (
  server: ServerProcess,
  shareLedger: ShareLedger,
  objects: ObjectLedger,
  random: SeededRandom,
): Promise<void> => {
  const { share } = shareLedger
  shareLedger.open = await share.foundingAppend()
  await settleAppend(server, shareLedger)
  for (;;) {
    if (random.chance(0.5)) {
      objects.open = Array.from({ length: 1 + random.below(4) }, () => ({
        id: fresh(),
        bytes: new Uint8Array(random.bytes(28 + random.below(20_000))),
      }))
      const [file] = objects.open
      await settleBundle(server, objects)
      if (file === undefined) continue
      const sizeBytes = file.bytes.length
      const add = {
        op: 'add-file',
        node: fresh(),
        parent: share.log.id,
        object: file.id,
        sizeBytes,
      } as const
      shareLedger.open = share.append([await share.change([add])])
    } else {
      const entries = []
      for (let more = random.below(3); more >= 0; more--) entries.push(await share.folder())
      shareLedger.open = share.append(entries)
    }
    await settleAppend(server, shareLedger)
  }
}

/** Goes on with an upload from where the server says it is. */
const continueUpload = async (
  server: ServerProcess,
  ledger: UploadLedger,
  random: SeededRandom,
): Promise<void> => {
  const { object, sizeBytes, owner } = ledger
  const bytes = uploadBytes(ledger)
  const { token } = owner
  const state =
    ledger.upload === undefined
      ? await server.must(createUpload, { token, body: { object, sizeBytes } })
      : await server.must(getUpload, { token, params: { upload: ledger.upload } })
  ledger.upload = String(state.json['upload'])
  ledger.done = state.json['done'] === true
  let offset = Number(state.json['offset'])
  while (!ledger.done) {
    const segments = 1 + random.below(3)
    const piece = bytes.subarray(offset, offset + segments * segmentBytes)
    const { json } = await server.must(writeUpload, {
      token,
      params: { upload: ledger.upload },
      query: { offset },
      body: piece,
    })
    offset = Number(json['offset'])
    ledger.offset = offset
    ledger.done = json['done'] === true
  }
}

const upload = async (
  server: ServerProcess,
  ledger: Ledger,
  owner: Person,
  random: SeededRandom,
): Promise<void> => {
  for (;;) {
    const open = ledger.uploads.find(({ done }) => !done)
    const next = open ?? {
      owner,
      object: fresh(),
      seed: random.below(2 ** 31),
      sizeBytes: segmentBytes * (1 + random.below(4)) + 28 + random.below(9000),
      upload: undefined,
      offset: 0,
      done: false,
    }
    if (open === undefined) ledger.uploads.push(next)
    await continueUpload(server, next, random)
  }
}

const liveSessions = 12

const signInAndOut = async (
  server: ServerProcess,
  ledger: SessionLedger,
  random: SeededRandom,
): Promise<void> => {
  const { owner, secret, live, ended } = ledger
  const id = owner.device.id
  for (;;) {
    const { json } = await server.must(startDeviceSignIn, {
      body: { account: owner.account, method: id },
    })
    const begun = { signIn: String(json['signIn']), challenge: String(json['challenge']) }
    const { body, code } = await owner.answerChallenge(begun, {
      type: methodType.device,
      id,
      secret,
    })
    if (code !== '') throw new Error(`a device was answered ${code}`)
    live.add(body.token ?? '')
    while (live.size > liveSessions) {
      const token = random.pick([...live])
      // Unanswered, it may have ended or not: it is owed nothing.
      live.delete(token)
      await server.must(endSession, { token })
      ended.add(token)
    }
  }
}

const writeRegister = async (
  server: ServerProcess,
  ledger: RegisterLedger,
  random: SeededRandom,
): Promise<void> => {
  const { owner, values } = ledger
  const { device, accountBytes: account, token } = owner
  for (;;) {
    const version = ledger.acknowledged + 1
    // After a kill the same version is asked again with the same value.
    const sealedValue = values.get(version) ?? toB64(random.bytes(64))
    values.set(version, sealedValue)
    const sealed = new Uint8Array(Buffer.from(sealedValue, 'base64url'))
    const place = { owner: account, name: 'heads', version }
    const signature = toHex(await signRegister(device.seed, place, sealed))
    const body = { name: 'heads', version, device: device.id, sealedValue, signature }
    await server.must(putRegister, { token, body })
    ledger.acknowledged = version
  }
}

/** Somebody signs up, signs in by backup codes, and is guessed at. */
const join = async (
  server: ServerProcess,
  host: Person,
  joins: JoinLedger[],
  random: SeededRandom,
): Promise<void> => {
  for (;;) {
    const body = { role: 'member', uses: 1, validHours: 1 }
    const { json } = await server.must(createInvitation, { token: host.token, body })
    const ledger: JoinLedger = {
      person: server.person(`person ${fresh()}`),
      invitation: String(json['invitation']),
      totpAt: Date.now(),
      signedUp: 'asked',
      usedCodes: [],
      wrong: 0,
      wrongAsked: 0,
    }
    joins.push(ledger)
    const { person } = ledger
    await person.signUp(ledger.invitation)
    ledger.signedUp = 'acknowledged'
    for (const code of person.backupCodes.slice(0, random.below(3))) {
      const { finished } = await person.provePassword()
      const pending = finished?.body.pending ?? ''
      await server.must(finishSecondFactor, { body: { pending, code, transport: 'bearer' } })
      ledger.usedCodes.push(code)
    }
    for (let wrong = random.below(5); wrong > 0; wrong--) {
      ledger.wrongAsked++
      await guessRecovery(server, person)
      ledger.wrong++
    }
  }
}

/** One wrong answer to the recovery key's challenge. Answers the code. */
export const guessRecovery = async (server: ServerProcess, person: Person): Promise<string> => {
  const locator = toHex(recoveryLocator(person.recovery))
  const begun = await server.ask(startRecoverySignIn, { body: { locator } })
  if (begun.code !== '') return begun.code
  const body = { signIn: begun.json['signIn'], signature: 'ab'.repeat(64), transport: 'bearer' }
  return (await server.ask(finishChallengeSignIn, { body })).code
}

/** Runs until the server is gone. @throws what is no consequence of that */
export const load = async (
  server: ServerProcess,
  ledger: Ledger,
  random: SeededRandom,
): Promise<void> => {
  const shares = ledger.writers.map((owner) => {
    const share = new TestShare(owner)
    return {
      owner,
      share,
      entries: new Map<number, string>(),
      open: undefined,
    } satisfies ShareLedger
  })
  const objects = ledger.writers.map((owner): ObjectLedger => ({
    owner,
    stored: new Map(),
    open: [],
  }))
  const joins: JoinLedger[] = []
  ledger.rounds.push({ shares, objects, joins })
  const workers = [
    ...shares.map((share, at) => write(server, share, objects[at]!, random)),
    upload(server, ledger, ledger.writers[0]!, random),
    signInAndOut(server, ledger.sessions, random),
    writeRegister(server, ledger.registers, random),
    join(server, ledger.host, joins, random),
  ]
  for (const { status, reason } of (await Promise.allSettled(workers)) as PromiseRejectedResult[])
    if (status === 'rejected' && !(reason instanceof Unanswered)) throw reason
}

/** Host, two writers and a device that signs in and out. */
export const found = async (server: ServerProcess, random: SeededRandom): Promise<Ledger> => {
  const host = await server.person('Ada').setUp()
  const invited = async (name: string): Promise<Person> => {
    const body = { role: 'member', uses: 1, validHours: 1 }
    const { json } = await server.must(createInvitation, { token: host.token, body })
    return server.person(name).signUp(String(json['invitation']))
  }
  const writers = [await invited('Ben'), await invited('Cleo')]
  const owner = await invited('Dan')
  const secret = new Uint8Array(random.bytes(32))
  const method = await owner.method(methodType.device, secret, owner.device.idBytes)
  const { code } = await owner.appendMethods([...owner.methods, method])
  if (code !== '') throw new Error(`a device method was answered ${code}`)
  const { json } = await server.must(getInstance)
  return {
    ...{ host, writers, instanceKey: fromHex(String(json['instanceKey'])) },
    sessions: { owner, secret, live: new Set(), ended: new Set() },
    registers: { owner, values: new Map(), acknowledged: 0 },
    uploads: [],
    rounds: [],
  }
}
