/**
 * Makes docs/formats/vectors/*.json from the second implementation alone. The files were written once; tests
 * compare them with this, and the product with them, so that neither can drift.
 */
import { publicKey as edPublic, sign as edSign } from './edwards.oracle.ts'
import {
  accountState,
  anchor,
  checkpointHeader,
  hpkeSealed,
  identityBundle,
  kemPublic,
  keyring,
  merkle,
  type Method,
  methodKeys,
  recoveryKeyText,
  register,
  safetyDigits,
  sealedKeyring,
  sealedObject,
  wrap,
} from './formats.oracle.ts'
import { filler, frame, type Hex, hkdf, hmac, sha256, slice, text, u64 } from './hex.oracle.ts'
import { smallOrderEncodings, strictCases } from './strict-cases.oracle.ts'

const account = filler(0x10, 16)
const rootSeed = filler(0x20, 32)
const deviceSeed = filler(0x40, 32)
const accountKey = filler(0x60, 32)

export const buildSignatures = async () => {
  const seed = filler(1, 32)
  const fields = [text('text'), u64(2 ** 40 + 7), filler(0xf0, 20), '']
  const message = frame(text('hearthold/v1/example'), ...fields)
  return {
    framed: {
      seed,
      label: 'hearthold/v1/example',
      fields: { text: 'text', integer: 2 ** 40 + 7, bytes: filler(0xf0, 20), empty: '' },
      message,
      publicKey: await edPublic(seed),
      signature: await edSign(seed, message),
    },
    strict: await strictCases(),
    smallOrder: smallOrderEncodings(),
  }
}

export const buildSealedObjects = async () => {
  const cases = []
  for (const plainBytes of [0, 1, 100, 262_143, 262_144, 262_145, 600_000]) {
    const key = filler(plainBytes % 251, 32)
    const objectId = filler(0xa0, 16)
    const plaintext = filler(plainBytes % 249, plainBytes)
    const segments = Math.max(1, Math.ceil(plainBytes / 262_144))
    const nonces = Array.from({ length: segments }, (_, i) => filler(0xc0 + 16 * i, 12))
    const { commitment, sealed } = await sealedObject(key, objectId, plaintext, nonces)
    cases.push({
      key,
      objectId,
      plaintext: { firstByte: plainBytes % 249, bytes: plainBytes },
      nonces,
      commitment,
      sealedBytes: sealed.length / 2,
      sealedSha256: await sha256(sealed),
      ...(plainBytes <= 100 ? { sealed } : {}),
    })
  }
  return { cases }
}

export const buildHpke = async () => {
  const seed = filler(0x33, 32)
  const publicKey = kemPublic(seed)
  const cases = []
  for (const [info, aad, plaintext] of [
    ['', '', ''],
    [text('hearthold/v1/example'), filler(7, 40), filler(9, 32)],
  ] as const) {
    const coins = filler(0x80, 64)
    const sealed = await hpkeSealed(publicKey, coins, plaintext, info, aad)
    cases.push({ seed, publicKey, coins, info, aad, plaintext, sealed })
  }
  return { cases }
}

const secrets: readonly (readonly [number, Hex])[] = [
  [1, filler(0x01, 64)],
  [2, filler(0x02, 32)],
  [3, filler(0x03, 20)],
  [4, filler(0x04, 32)],
  [5, filler(0x05, 32)],
]

const buildMethod = async (type: number, secret: Hex, generation: number) => {
  const method: Method = { account, type, id: filler(0xf0 - 16 * type, 16) }
  const keys = await methodKeys(secret, method)
  const challenge = filler(0x77, 32)
  const proof = frame(text('hearthold/v1/sign-in-challenge'), challenge, account, method.id)
  const vector = {
    account,
    generation,
    type,
    id: method.id,
    secret,
    seed: keys.seed,
    publicKeySha256: await sha256(keys.publicKey),
    authSeed: keys.authSeed,
    authPublicKey: await edPublic(keys.authSeed),
    wrap: await wrap(keys.publicKey, filler(0x90 + type, 64), accountKey, generation, method),
    anchor: anchor(keys.anchorKey, filler(0xd0, 12), await edPublic(rootSeed), method),
    challenge,
    challengeSignature: await edSign(keys.authSeed, proof),
  }
  return { vector, publicKey: keys.publicKey }
}

const buildIdentity = async (owner: Hex, root: Hex, version: number, start: number) => {
  const [kemSeed, signingSeed] = [filler(start, 32), filler(start + 50, 32)]
  const bytes = identityBundle(
    owner,
    version,
    await edPublic(root),
    kemPublic(kemSeed),
    await edPublic(signingSeed),
  )
  const signature = await edSign(root, bytes)
  return { account: owner, rootSeed: root, version, kemSeed, signingSeed, bytes, signature }
}

const buildDevice = async () => {
  const devicePublicKey = await edPublic(deviceSeed)
  const id = slice(await sha256(frame(text('hearthold/v1/device-id'), devicePublicKey)), 0, 16)
  const session = filler(0x99, 16)
  const certified = frame(text('hearthold/v1/device-cert'), account, devicePublicKey)
  return {
    seed: deviceSeed,
    publicKey: devicePublicKey,
    id,
    certificate: await edSign(rootSeed, certified),
    session,
    sessionSignature: await edSign(
      deviceSeed,
      frame(text('hearthold/v1/session-device'), session, id),
    ),
  }
}

export const buildAccountKeys = async () => {
  const generation = 2
  const methods = []
  for (const [type, secret] of secrets) methods.push(await buildMethod(type, secret, generation))
  const domains = [0, 1, 2, 3, 4, 5, 6].map((i) =>
    Array.from({ length: i === 0 ? 3 : 1 }, (_, version) => filler(0x11 * i + version, 32)),
  )
  const bytes = keyring(
    domains,
    [
      [filler(0x31, 32), filler(0x32, 32)],
      [filler(0x33, 32), filler(0x34, 32)],
    ],
    rootSeed,
  )
  const sealed = await sealedKeyring(accountKey, filler(0xe0, 12), account, generation, bytes)
  const state = await accountState(
    account,
    generation,
    7,
    sealed,
    methods.map(
      ({ vector, publicKey }) => [vector.type, vector.id, publicKey, vector.wrap] as const,
    ),
  )
  const identities = [
    await buildIdentity(account, rootSeed, 1, 0x51),
    await buildIdentity(filler(0x08, 16), filler(0x0a, 32), 3, 0x71),
  ]
  return {
    accountKey,
    rootSeed,
    rootPublicKey: await edPublic(rootSeed),
    methods: methods.map(({ vector }) => vector),
    keyring: { domains, bytes, sealed },
    state: { generation, counter: 7, bytes: state, signature: await edSign(rootSeed, state) },
    device: await buildDevice(),
    identities,
    safetyNumber: await safetyDigits(identities[0]!.bytes, identities[1]!.bytes),
  }
}

export const buildRecoveryKeys = async () => {
  const cases = []
  for (const secret of ['00'.repeat(20), 'ff'.repeat(20), filler(0x03, 20), filler(0xb3, 20)]) {
    const locator = await hkdf(secret, '', text('hearthold/v1/recovery/locator'))
    cases.push({ secret, text: await recoveryKeyText(secret), locator })
  }
  return { cases }
}

export const buildRegisters = async () => {
  const cases = []
  for (const [name, version, keyVersion, value] of [
    ['known-heads', 1, 1, text('{}')],
    ['epoch-keys/000102030405060708090a0b0c0d0e0f', 4_294_967_296, 3, ''],
  ] as const) {
    const key = filler(0x44, 32)
    const { sealed, signed } = await register(
      key,
      keyVersion,
      filler(0xb0, 12),
      account,
      name,
      version,
      value,
    )
    const signature = await edSign(deviceSeed, signed)
    cases.push({
      owner: account,
      name,
      version,
      key,
      keyVersion,
      value,
      sealed,
      deviceSeed,
      signature,
    })
  }
  return { cases }
}

export const buildCheckpoints = async () => {
  const logKey = filler(0x66, 32)
  const log = filler(0x21, 16)
  const tree = filler(0x71, 16)
  const view = text('a canonical view')
  const viewKey = await hkdf(logKey, log, text('hearthold/v1/checkpoint/view'))
  const fields = {
    rules: 1,
    log,
    seq: 2000,
    chain: filler(0x31, 32),
    epoch: 3,
    keyVersion: 2,
    sealedLogKey: filler(0x91, 60),
    author: filler(0x41, 16),
    device: (await buildDevice()).id,
    tree,
    keys: filler(0x81, 16),
    viewMac: await hmac(viewKey, view),
  }
  const header = checkpointHeader(fields)
  const signed = frame(text('hearthold/v1/checkpoint'), header)
  return {
    logKey,
    view,
    fields,
    header,
    deviceSeed,
    signature: await edSign(deviceSeed, signed),
    treeKey: await hkdf(logKey, tree, text('hearthold/v1/checkpoint')),
  }
}

const grantPlace = {
  audience: filler(0x12, 16),
  epoch: 5,
  granter: filler(0x22, 16),
  reader: filler(0x32, 16),
  readerVersion: 2,
}

export const buildAudiences = async () => {
  const epochKey = filler(0x55, 32)
  const readerSeed = filler(0x65, 32)
  const { audience, epoch, granter, reader, readerVersion } = grantPlace
  const fields = [audience, u64(epoch), granter, reader, u64(readerVersion)]
  const info = text('hearthold/v1/grant')
  const sealed = await hpkeSealed(
    kemPublic(readerSeed),
    filler(0xa1, 64),
    epochKey,
    info,
    frame(...fields),
  )
  const readers = [reader, granter].map((id, i) => ({
    account: id,
    seq: 10 + i,
    chain: filler(i, 32),
    identityVersion: 2 + i,
  }))
  const listed = readers
    .toSorted((a, b) => (a.account < b.account ? -1 : 1))
    .flatMap((one) => [one.account, u64(one.seq), one.chain, u64(one.identityVersion)])
  const leaves = [0, 1, 2, 3, 4].map((i) => filler(i, 3 + i))
  const roots = []
  for (let count = 0; count <= leaves.length; count++)
    roots.push(await merkle(leaves.slice(0, count)))
  return {
    draft: true,
    place: grantPlace,
    epochKey,
    readerSeed,
    deviceSeed,
    sealed,
    signature: await edSign(deviceSeed, frame(info, ...fields, await sha256(sealed))),
    keyCommitment: await hkdf(
      epochKey,
      audience,
      frame(text('hearthold/v1/audience/commit'), u64(epoch)),
    ),
    readers,
    readersHash: await sha256(frame(text('hearthold/v1/audience/readers'), ...listed)),
    merkle: { leaves, roots },
  }
}

/** File name without extension, and how its contents are made. */
export const vectorFiles = {
  signatures: buildSignatures,
  'sealed-object': buildSealedObjects,
  hpke: buildHpke,
  'account-keys': buildAccountKeys,
  'recovery-key': buildRecoveryKeys,
  register: buildRegisters,
  checkpoint: buildCheckpoints,
  audience: buildAudiences,
}
