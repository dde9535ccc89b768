import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import vectors from '../../../../docs/formats/vectors/account-keys.json' with { type: 'json' }
import { fromHex, randomBytes, randomId, toHex } from '../bytes.ts'
import { IntegrityError } from '../integrity-error.ts'
import { hexOf } from '../oracle/hex.oracle.ts'
import { sealedKeyring } from '../oracle/formats.oracle.ts'
import { expectEachRefused, refusalOf } from '../oracle/tamper.oracle.ts'
import { buildAccountKeys } from '../oracle/vectors.oracle.ts'
import { signingPublicKey } from '../signature.ts'
import {
  createKeyring,
  currentDomainKey,
  currentIdentity,
  decodeKeyring,
  encodeKeyring,
  findDomainKey,
  keyDomains,
  openKeyring,
  rotateKeyring,
  sealKeyring,
} from './keyring.ts'
import {
  anchorBytes,
  createMethod,
  isMethodType,
  methodAuthPublicKey,
  methodAuthSeed,
  methodPublicKey,
  methodSeed,
  methodType,
  type MethodType,
  openAccountKey,
  openAnchor,
  sealAnchor,
  wrapAccountKey,
  wrappedAccountKeyBytes,
} from './method-keys.ts'
import {
  createAccountState,
  decodeAccountState,
  encodeAccountState,
  signAccountState,
  verifyAccountState,
} from './state.ts'

const accountKey = fromHex(vectors.accountKey)
const rootPublicKey = fromHex(vectors.rootPublicKey)
const account = fromHex(vectors.methods[0]!.account)

const methods = vectors.methods.map((method) => ({
  ...method,
  secretBytes: fromHex(method.secret),
  place: {
    account: fromHex(method.account),
    type: method.type as MethodType,
    id: fromHex(method.id),
    generation: method.generation,
  },
}))

test('the committed vectors are what the second implementation makes', async () => {
  expect(await buildAccountKeys()).toEqual(vectors)
})

describe('methods', () => {
  test.each(methods)('type $type: seed, keys, wrap and anchor of the vectors', async (method) => {
    const { place, secretBytes: secret } = method
    expect(toHex(methodSeed(secret, place))).toBe(method.seed)
    expect(toHex(methodAuthSeed(secret, place))).toBe(method.authSeed)
    expect(toHex(methodAuthPublicKey(secret, place))).toBe(method.authPublicKey)
    const [wrap, anchor] = [fromHex(method.wrap), fromHex(method.anchor)]
    expect([wrap.length, anchor.length]).toEqual([wrappedAccountKeyBytes, anchorBytes])
    expect(toHex(await openAccountKey(secret, wrap, place))).toBe(vectors.accountKey)
    expect(toHex(await openAnchor(secret, anchor, place))).toBe(vectors.rootPublicKey)
  })

  test('a new one opens what was made for it, and nothing made for another place', async () => {
    const { place, secretBytes: secret } = methods[2]!
    const made = await createMethod(secret, place, { accountKey, rootPublicKey })
    expect(toHex(await openAccountKey(secret, made.wrap, place))).toBe(vectors.accountKey)
    expect(toHex(await openAnchor(secret, made.anchor, place))).toBe(vectors.rootPublicKey)
    const elsewhere = [
      { ...place, account: randomId() },
      { ...place, id: randomId() },
    ]
    for (const other of elsewhere) {
      expect(await refusalOf(() => openAnchor(secret, made.anchor, other))).toBe('account_anchor')
    }
    for (const other of [...elsewhere, { ...place, generation: place.generation + 1 }]) {
      expect(await refusalOf(() => openAccountKey(secret, made.wrap, other))).toBe('account_wrap')
    }
    const another = randomBytes(20)
    expect(await refusalOf(() => openAccountKey(another, made.wrap, place))).toBe('account_wrap')
    expect(await refusalOf(() => openAnchor(another, made.anchor, place))).toBe('account_anchor')
  })

  test('the account key is wrapped again with the public key alone', async () => {
    const { place, secretBytes: secret } = methods[2]!
    const next = randomBytes(32)
    const rotated = { ...place, generation: 3 }
    const wrap = await wrapAccountKey(methodPublicKey(secret, place), next, rotated)
    expect(toHex(await openAccountKey(secret, wrap, rotated))).toBe(toHex(next))
  })

  test('a missing, short, long or all-zero secret is never accepted', async () => {
    const lengths = { password: 64, passkey: 32, recovery: 20, nostr: 32, device: 32 } as const
    for (const [name, length] of Object.entries(lengths)) {
      const type = methodType[name as keyof typeof methodType]
      const place = { account, type, id: randomId(), generation: 1 }
      const wrong = [0, 16, length - 1, length + 1, 128].map((bytes) => randomBytes(bytes))
      for (const secret of [...wrong, new Uint8Array(length)]) {
        expect(() => methodSeed(secret, place)).toThrow(RangeError)
        expect(() => methodAuthSeed(secret, place)).toThrow(RangeError)
        await expect(sealAnchor(secret, rootPublicKey, place)).rejects.toThrow(RangeError)
        const made = createMethod(secret, place, { accountKey, rootPublicKey })
        await expect(made).rejects.toThrow(RangeError)
      }
    }
    expect([0, 1, 5, 6].map(isMethodType)).toEqual([false, true, true, false])
  })

  test('the same secret means other keys for another type, id or account', () => {
    const secret = randomBytes(32)
    const id = randomId()
    const seeds = [
      methodSeed(secret, { account, type: 2, id }),
      methodSeed(secret, { account, type: 4, id }),
      methodSeed(secret, { account, type: 5, id }),
      methodSeed(secret, { account, type: 2, id: randomId() }),
      methodSeed(secret, { account: randomId(), type: 2, id }),
      methodAuthSeed(secret, { account, type: 2, id }),
    ]
    expect(new Set(seeds.map(toHex)).size).toBe(seeds.length)
  })

  test('every changed, cut or added byte of wrap or anchor', { timeout: 120_000 }, async () => {
    const { place, secretBytes: secret, ...method } = methods[1]!
    await expectEachRefused(fromHex(method.anchor), ['account_anchor'], (bytes) =>
      openAnchor(secret, bytes, place),
    )
    await expectEachRefused(fromHex(method.wrap), ['account_wrap'], (bytes) =>
      openAccountKey(secret, bytes, place),
    )
  })
})

describe('state', () => {
  const bytes = fromHex(vectors.state.bytes)
  const signature = fromHex(vectors.state.signature)

  test('is the canonical and signed bytes of the vectors', async () => {
    const records = methods.map(({ place, secretBytes, wrap }) => ({
      type: place.type,
      id: place.id,
      publicKey: methodPublicKey(secretBytes, place),
      wrap: fromHex(wrap),
    }))
    const { generation, counter } = vectors.state
    const place = { account, generation, counter }
    for (const order of [records, records.toReversed()]) {
      const state = createAccountState(place, fromHex(vectors.keyring.sealed), order)
      expect(toHex(encodeAccountState(state))).toBe(vectors.state.bytes)
      const signed = await signAccountState(fromHex(vectors.rootSeed), state)
      expect(toHex(signed)).toBe(vectors.state.signature)
    }
    const read = decodeAccountState(bytes)
    expect(toHex(encodeAccountState(read))).toBe(vectors.state.bytes)
    await verifyAccountState(rootPublicKey, read, signature, counter)
  })

  test('every changed, cut or added byte is refused, by form or by signature', async () => {
    const codes = ['account_state', 'malformed', 'account_rolled_back']
    await expectEachRefused(bytes, codes, async (tampered) =>
      verifyAccountState(rootPublicKey, decodeAccountState(tampered), signature, 0),
    )
    const state = decodeAccountState(bytes)
    await expectEachRefused(signature, ['account_state'], (tampered) =>
      verifyAccountState(rootPublicKey, state, tampered, 0),
    )
  })

  test('a counter below what was seen is a roll-back, another root no signature', async () => {
    const state = decodeAccountState(bytes)
    const verify = (root: Uint8Array, seen: number) =>
      refusalOf(() => verifyAccountState(root, state, signature, seen))
    expect(await verify(rootPublicKey, 7)).toBe('returned')
    expect(await verify(rootPublicKey, 8)).toBe('account_rolled_back')
    expect(await verify(signingPublicKey(randomBytes(32)), 0)).toBe('account_state')
  })

  test('unsorted, doubled or no methods are not a state', async () => {
    const state = decodeAccountState(bytes)
    const [first, second] = state.methods as [never, never]
    for (const wrong of [[], [second, first], [first, first]]) {
      const forged = { ...state, methods: wrong }
      expect(() => encodeAccountState(forged)).toThrow(RangeError)
      const code = await refusalOf(() => verifyAccountState(rootPublicKey, forged, signature, 0))
      expect(code).toBe('account_state')
    }
    const many = Array.from({ length: 65 }, (_, i) => ({
      ...state.methods[0]!,
      id: fromHex(i.toString(16).padStart(32, '0')),
    }))
    expect(() => encodeAccountState({ ...state, methods: many })).toThrow(RangeError)
    expect(
      decodeAccountState(encodeAccountState({ ...state, methods: many.slice(1) })).methods,
    ).toHaveLength(64)
  })
})

describe('keyring', () => {
  const place = { account, generation: vectors.state.generation }

  test('is the bytes and opens the sealed bytes of the vectors', async () => {
    const keyring = await openKeyring(accountKey, place, fromHex(vectors.keyring.sealed))
    expect(toHex(encodeKeyring(keyring))).toBe(vectors.keyring.bytes)
    const domains = keyDomains.map((domain) => keyring.domains[domain].map(({ key }) => toHex(key)))
    expect(domains).toEqual(vectors.keyring.domains)
    expect(toHex(keyring.rootSeed)).toBe(vectors.rootSeed)
    expect(currentIdentity(keyring).version).toBe(2)
    expect(toHex(currentDomainKey(keyring, 'files').key)).toBe(vectors.keyring.domains[0]![2])
    expect(toHex(findDomainKey(keyring, 'files', 1)!.key)).toBe(vectors.keyring.domains[0]![0])
    expect(findDomainKey(keyring, 'files', 4)).toBe(undefined)
    expect(findDomainKey(keyring, 'files', 0)).toBe(undefined)
  })

  test('seals as the second implementation, whatever it holds', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 0, max: 3 }),
        fc.integer({ min: 1, max: 1000 }),
        async (rotations, generation) => {
          let keyring = createKeyring()
          for (let i = 0; i < rotations; i++)
            keyring = rotateKeyring(keyring, { identity: i === 1 })
          const sealed = await sealKeyring(accountKey, { account, generation }, keyring)
          const nonce = toHex(sealed.subarray(0, 12))
          const bytes = toHex(encodeKeyring(keyring))
          const slow = await sealedKeyring(
            vectors.accountKey,
            nonce,
            hexOf(account),
            generation,
            bytes,
          )
          expect(toHex(sealed)).toBe(slow)
          expect(await openKeyring(accountKey, { account, generation }, sealed)).toEqual(keyring)
        },
      ),
      { numRuns: 20 },
    )
  })

  test('a rotation adds versions and keeps all old ones', () => {
    const first = createKeyring()
    const second = rotateKeyring(first)
    for (const domain of keyDomains) {
      expect(second.domains[domain][0]).toEqual(first.domains[domain][0])
      expect(currentDomainKey(second, domain).version).toBe(2)
      expect(currentDomainKey(second, domain).key).not.toEqual(first.domains[domain][0]!.key)
    }
    expect([second.rootSeed, second.identities]).toEqual([first.rootSeed, first.identities])
    const third = rotateKeyring(second, { identity: true, root: true })
    expect(third.rootSeed).not.toEqual(second.rootSeed)
    expect(third.identities.map(({ version }) => version)).toEqual([1, 2])
    expect(third.identities[0]).toEqual(first.identities[0])
  })

  test('all keys of a new keyring are different', () => {
    const { domains, identities, rootSeed } = createKeyring()
    const keys = [
      ...keyDomains.flatMap((domain) => domains[domain].map(({ key }) => key)),
      ...identities.flatMap(({ kemSeed, signingSeed }) => [kemSeed, signingSeed]),
      rootSeed,
    ].map(toHex)
    expect(keys).toHaveLength(10)
    expect(new Set(keys).size).toBe(10)
  })

  test('every changed, cut or added byte, another account, generation or key', async () => {
    const sealed = fromHex(vectors.keyring.sealed)
    await expectEachRefused(sealed, ['account_keyring'], (bytes) =>
      openKeyring(accountKey, place, bytes),
    )
    const open = (key: Uint8Array, where: typeof place) =>
      refusalOf(() => openKeyring(key, where, sealed))
    expect(await open(accountKey, { ...place, generation: 1 })).toBe('account_keyring')
    expect(await open(accountKey, { ...place, account: randomId() })).toBe('account_keyring')
    expect(await open(randomBytes(32), place)).toBe('account_keyring')
    await expect(openKeyring(new Uint8Array(0), place, sealed)).rejects.toThrow(RangeError)
  })

  test('cut or extended bytes are no keyring', () => {
    const bytes = fromHex(vectors.keyring.bytes)
    for (let length = 0; length < bytes.length; length++) {
      expect(() => decodeKeyring(bytes.subarray(0, length))).toThrow(IntegrityError)
    }
    expect(() => decodeKeyring(Uint8Array.of(...bytes, 0))).toThrow('left over')
    const none = bytes.slice()
    none.set([0, 0], 4)
    expect(() => decodeKeyring(none)).toThrow('between 1 and 4096')
  })
})
