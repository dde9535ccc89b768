/**
 * Whose ids a request may carry. Every field of the contract that holds an id stands here, each either with a way to
 * ask for something of another member's, or with the reason why there is no such thing.
 */
import * as contract from '@hearthold/contract'
import {
  encodeAppend,
  encodeCheckpointHeader,
  fromB64,
  fromHex,
  methodType,
  randomBytes,
  randomId,
  signCheckpoint,
  signSessionDevice,
  toB64,
  toHex,
} from '@hearthold/crypto'
import { newNode, TestLog, TestShare } from '../../apps/server/src/platform/logs/test-logs.ts'
import {
  beginLogin,
  beginRegistration,
} from '../../apps/server/src/features/identity/test-person.ts'
import { addMember, type Input, Instance, invite, type Person } from './instance.ts'
import { passkeyIdFields } from './passkey-ids.ts'
import { repositoryIdFields, repositoryOf } from './repository-ids.ts'

/** The asker, a victim, and what belongs to whom. */
export type World = {
  readonly instance: Instance
  readonly host: Person
  readonly asker: Person
  readonly victim: Person
  readonly share: TestShare
  readonly theirs: TestShare
  readonly object: string
  readonly objectBytes: Uint8Array
  readonly upload: string
  readonly invitation: string
  /** The victim's. */
  readonly repository: string
  readonly ownRepository: string
}

/** Objects as they travel: id, length u32be, bytes. */
export const bundleOf = (...objects: { id: string; bytes: Uint8Array }[]): Uint8Array =>
  Buffer.concat(
    objects.flatMap(({ id, bytes }) => {
      const length = Buffer.alloc(4)
      length.writeUInt32BE(bytes.length)
      return [Buffer.from(id, 'hex'), length, bytes]
    }),
  )

/** @throws Error where the request was refused */
export const done = async (
  instance: Instance,
  endpoint: contract.Endpoint,
  input: Input,
): Promise<Record<string, string>> => {
  const { status, code, body } = await instance.call(endpoint, input)
  if (status !== 200) throw new Error(`${endpoint.name} answered ${code}`)
  return body as Record<string, string>
}

/** A share of the member's with one file in it. */
const shareOf = async (instance: Instance, member: Person) => {
  const share = new TestShare(member)
  const { token } = member
  const append = async (made: Parameters<typeof encodeAppend>[0]) => {
    await done(instance, contract.appendLogs, { token, body: encodeAppend(made) })
    const head = await done(instance, contract.getLogHead, { token, params: { log: share.log.id } })
    share.log.head = { seq: Number(head['seq']), chain: fromHex(head['chain']!) }
  }
  await append([await share.foundingAppend()])
  const object = newNode()
  const objectBytes = randomBytes(300)
  const body = bundleOf({ id: object, bytes: objectBytes })
  await done(instance, contract.putBundle, { token, body })
  const node = { op: 'add-file', node: newNode(), parent: share.log.id } as const
  await append([share.append([await share.change([{ ...node, object, sizeBytes: 300 }])])])
  return { share, object, objectBytes }
}

const objectOf = async ({ instance, asker }: World): Promise<string> => {
  const id = newNode()
  const body = bundleOf({ id, bytes: randomBytes(64) })
  await done(instance, contract.putBundle, { token: asker.token, body })
  return id
}

export const openWorld = async (): Promise<World> => {
  const instance = await Instance.open()
  const host = await instance.host()
  const asker = await addMember(host, 'Asker')
  const victim = await addMember(host, 'Victim')
  const { share } = await shareOf(instance, asker)
  const { share: theirs, object, objectBytes } = await shareOf(instance, victim)
  const { upload } = await done(instance, contract.createUpload, {
    token: victim.token,
    body: { object: newNode(), sizeBytes: 400 },
  })
  const world = {
    ...{ instance, host, asker, victim, share, theirs, object, objectBytes },
    upload: upload!,
    invitation: await invite(host),
    repository: await repositoryOf(instance, victim),
    ownRepository: await repositoryOf(instance, asker),
  }
  const checkpoint = await checkpointOf(victim, theirs, {
    tree: await putAs(world, victim),
    keys: await putAs(world, victim),
  })
  const params = { log: theirs.log.id }
  await done(instance, contract.putCheckpoint, { token: victim.token, params, body: checkpoint })
  return world
}

const putAs = (world: World, asker: Person): Promise<string> => objectOf({ ...world, asker })

const checkpointOf = async (
  { device, log: author }: Person,
  { log }: TestShare,
  { tree, keys }: { tree: string; keys: string },
) => {
  const header = encodeCheckpointHeader({
    rules: 1,
    log: log.idBytes,
    seq: log.head.seq,
    chain: log.head.chain,
    epoch: 1,
    keyVersion: 1,
    sealedLogKey: randomBytes(60),
    author: author.idBytes,
    device: device.idBytes,
    tree: fromHex(tree),
    keys: fromHex(keys),
    viewMac: randomBytes(32),
  })
  const signature = toHex(await signCheckpoint(device.seed, header))
  return { seq: log.head.seq, tree, keys, header: toB64(header), signature }
}

const putCheckpoint = async (
  world: World,
  parts: { log?: string; tree?: string; keys?: string },
): Promise<Input> => {
  const { tree = await objectOf(world), keys = await objectOf(world) } = parts
  const { share, asker } = world
  const params = { log: parts.log ?? share.log.id }
  return { params, body: await checkpointOf(asker, share, { tree, keys }) }
}

/** How a field that holds an id is tried. */
export type Trial = {
  /** Something of the victim's; made anew for each trial where using it once uses it up. */
  readonly theirs: (world: World) => string | Promise<string>
  /** A request by the asker that is right but for this id. */
  readonly request: (world: World, id: string) => Input | Promise<Input>
  /** What both the victim's and an unknown id are answered; empty: the same answer. */
  readonly code: contract.ProblemCode | ''
  /** Hosts are answered as the owner is. */
  readonly hostsToo?: true
}

/** Why a field needs no trial. */
const chosen = 'new, chosen by the client: 16 random bytes, which tell nothing of others'
const capability =
  'known only to who began the step, who needs no session: knowing it is the right to go on'
const hosts = 'hosts manage all of them'

const logTrial = (rest: Input = {}): Trial => ({
  theirs: ({ theirs }) => theirs.log.id,
  request: (_world, log) => ({ params: { log }, ...rest }),
  code: 'not_found',
})
const uploadTrial = (rest: Input = {}): Trial => ({
  theirs: ({ upload }) => upload,
  request: (_world, upload) => ({ params: { upload }, ...rest }),
  code: 'not_found',
})
const deviceOf = ({ victim }: World): string => victim.device.id

/** By `endpoint part.field`. */
export const idFields: Readonly<Record<string, Trial | string>> = {
  'startSetUp body.account': chosen,
  'startSignUp body.account': chosen,
  'finishSetUp body.signUp': capability,
  'finishSignUp body.signUp': capability,
  'finishPasswordSignIn body.signIn': capability,
  'finishSecondFactor body.pending': capability,
  'finishChallengeSignIn body.signIn': capability,
  'finishPasskeySignIn body.signIn': capability,
  ...passkeyIdFields,
  ...repositoryIdFields,
  'startDeviceSignIn body.account': {
    theirs: ({ victim }) => victim.account,
    request: ({ asker }, account) => ({ body: { account, method: asker.device.id } }),
    code: '',
  },
  'startDeviceSignIn body.method': {
    theirs: deviceOf,
    request: ({ victim }, method) => ({ body: { account: victim.account, method } }),
    code: '',
  },
  'bindSessionDevice body.device': {
    theirs: deviceOf,
    request: async ({ victim, asker }, device) => {
      const { seed } = victim.device
      const signature = await signSessionDevice(seed, fromHex(asker.session), fromHex(device))
      return { body: { device, signature: toHex(signature) } }
    },
    code: 'device_unknown',
  },
  'endOneSession params.session': {
    theirs: ({ victim }) => victim.session,
    request: (_world, session) => ({ params: { session } }),
    code: 'not_found',
  },
  'finishPasswordUnlock body.signIn': {
    theirs: async ({ instance, victim }) => {
      const { request: startLoginRequest } = await beginLogin(victim.password)
      const input = { token: victim.token, body: { startLoginRequest } }
      return (await done(instance, contract.startPasswordUnlock, input))['signIn']!
    },
    request: (_world, signIn) => ({ body: { signIn, finishLoginRequest: toB64(randomBytes(64)) } }),
    code: 'sign_in_expired',
  },
  'finishTotpChange body.change': {
    theirs: async ({ instance, victim }) => {
      const input = { token: victim.token, body: { secondFactor: victim.backupCodes.pop() } }
      return (await done(instance, contract.startTotpChange, input))['change']!
    },
    request: (_world, change) => ({ body: { change, totpCode: '123456' } }),
    code: 'sign_in_expired',
  },
  'appendAccount body.password.change': {
    theirs: async ({ instance, victim }) => (await passwordChange(instance, victim)).change,
    request: async ({ instance, asker }, change) => {
      const { record, password } = await passwordChange(instance, asker)
      const before = asker.methods
      const own = new Map(asker.device.own)
      asker.methods = [password, asker.methodOf(methodType.recovery)]
      const append = toB64(encodeAppend([asker.append([await asker.state(0)])]))
      asker.methods = before
      for (const [log, head] of own) asker.device.own.set(log, head)
      return { body: { append, password: { change, registrationRecord: record } } }
    },
    code: 'sign_in_expired',
  },
  'removeInvitation params.invitation': hosts,
  'updateMember params.account': hosts,
  'approveSignUp params.account': hosts,
  'denySignUp params.account': hosts,
  'getLogHead params.log': logTrial(),
  'readLog params.log': logTrial({ query: { after: 0 } }),
  'getCheckpoint params.log': logTrial(),
  'putCheckpoint params.log': {
    theirs: ({ theirs }) => theirs.log.id,
    request: (world, log) => putCheckpoint(world, { log }),
    code: 'not_found',
  },
  'putCheckpoint body.tree': {
    theirs: ({ object }) => object,
    request: (world, tree) => putCheckpoint(world, { tree }),
    code: 'object_missing',
  },
  'putCheckpoint body.keys': {
    theirs: ({ object }) => object,
    request: (world, keys) => putCheckpoint(world, { keys }),
    code: 'object_missing',
  },
  'putRegister body.device': {
    theirs: deviceOf,
    request: (_world, device) => {
      const signature = toHex(randomBytes(64))
      const sealedValue = toB64(randomBytes(100))
      return { body: { name: 'drafts', version: 1, device, sealedValue, signature } }
    },
    code: 'device_unknown',
  },
  'createUpload body.object': chosen,
  'getUpload params.upload': uploadTrial(),
  'writeUpload params.upload': uploadTrial({ query: { offset: 0 }, body: randomBytes(400) }),
  'writeUploadBySocket params.upload': uploadTrial({ query: { offset: 0, sizeBytes: 400 } }),
  'removeUpload params.upload': { ...uploadTrial(), code: '' },
  'getBundle body.objects': {
    theirs: ({ object }) => object,
    request: (_world, object) => ({ body: { objects: [object] } }),
    code: 'not_found',
  },
  'getObject params.object': {
    theirs: ({ object }) => object,
    request: (_world, object) => ({ params: { object } }),
    code: 'not_found',
  },
}

/** A new password of a member, as far as the append that brings it. */
const passwordChange = async (instance: Instance, person: Person) => {
  const registration = await beginRegistration('another long password')
  const started = await done(instance, contract.startPasswordChange, {
    token: person.token,
    body: { registrationRequest: registration.request },
  })
  const { registrationRecord, exportKey } = registration.finish(
    person.account,
    started['registrationResponse']!,
  )
  const password = await person.method(methodType.password, fromB64(exportKey))
  return { change: started['change']!, record: registrationRecord, password }
}

/** The same log under another id: what an author writes who would like to write there. */
const disguised = ({ genesis }: TestLog, id: string): TestLog =>
  Object.assign(new TestLog(genesis), { id, idBytes: fromHex(id) })

const entryIn = async ({ asker }: World, log: TestLog) => {
  const own = asker.device.own.get(log.id)
  const entry = await Object.assign(new TestShare(asker), { log }).folder()
  if (own) asker.device.own.set(log.id, own)
  else asker.device.own.delete(log.id)
  return entry
}

/** Ids inside bytes, which the schemas do not show. By what is tried. */
export const binaryTrials: Readonly<Record<string, Trial & { endpoint: contract.Endpoint }>> = {
  "an entry for another's share": {
    endpoint: contract.appendLogs,
    theirs: ({ theirs }) => theirs.log.id,
    request: async (world, id) => {
      const log = disguised(world.theirs.log, id)
      const entry = await entryIn(world, log)
      return { body: encodeAppend([{ log: log.idBytes, genesis: undefined, entries: [entry] }]) }
    },
    code: 'not_found',
  },
  "an entry for another's account log, as one's own": {
    endpoint: contract.appendAccount,
    theirs: ({ victim }) => victim.log.id,
    request: async ({ asker, victim }, id) => {
      const log = disguised(victim.log, id)
      const own = new Map(asker.device.own)
      const entry = await Object.assign(Object.create(asker) as Person, { log }).profile()
      for (const [known, head] of own) asker.device.own.set(known, head)
      asker.device.own.delete(id)
      const append = { log: log.idBytes, genesis: undefined, entries: [entry] }
      return { body: { append: toB64(encodeAppend([append])) } }
    },
    code: 'entry_invalid',
  },
  "a share governed by another's account": {
    endpoint: contract.appendLogs,
    theirs: ({ victim }) => victim.log.id,
    request: async ({ asker }, governing) => {
      const made = new TestShare(asker)
      const genesis = { ...made.log.genesis, governing: fromHex(governing) }
      const log = Object.assign(new TestShare(asker), { log: new TestLog(genesis) })
      const append = await log.foundingAppend()
      asker.device.own.delete(log.log.id)
      return { body: encodeAppend([append]) }
    },
    code: 'entry_refused',
  },
  "another's object in one's own share": {
    endpoint: contract.appendLogs,
    theirs: ({ object }) => object,
    request: async ({ asker, share }, object) => {
      const own = new Map(asker.device.own)
      const node = { op: 'add-file', node: newNode(), parent: share.log.id } as const
      const entry = await share.change([{ ...node, object, sizeBytes: 300 }])
      for (const [log, head] of own) asker.device.own.set(log, head)
      return { body: encodeAppend([share.append([entry])]) }
    },
    code: 'object_missing',
  },
}

export const unknownId = (): string => toHex(randomId())
