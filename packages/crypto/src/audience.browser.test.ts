import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import vectors from '../../../docs/formats/vectors/audience.json' with { type: 'json' }
import {
  createEpochCommitment,
  epochKeyCommitment,
  readersHash,
  sortReaders,
  verifyEpochKey,
} from './audience.ts'
import { concat, fromHex, lp, randomBytes, randomId, toHex, utf8 } from './bytes.ts'
import { createGrant, openGrant, sealedGrantBytes } from './grant.ts'
import { sha256 } from './hash.ts'
import { hpkeSeal } from './hpke.ts'
import { kemPublicKey } from './kem.ts'
import { merkleProof, merkleRoot, verifyMerkleProof } from './merkle.ts'
import { merkle } from './oracle/formats.oracle.ts'
import { hexOf } from './oracle/hex.oracle.ts'
import { expectEachRefused, refusalOf } from './oracle/tamper.oracle.ts'
import { buildAudiences } from './oracle/vectors.oracle.ts'
import { sign, signingPublicKey } from './signature.ts'

const place = {
  audience: fromHex(vectors.place.audience),
  epoch: vectors.place.epoch,
  granter: fromHex(vectors.place.granter),
  reader: fromHex(vectors.place.reader),
  readerVersion: vectors.place.readerVersion,
}
const epochKey = fromHex(vectors.epochKey)
const grant = { sealed: fromHex(vectors.sealed), signature: fromHex(vectors.signature) }
const deviceSeed = fromHex(vectors.deviceSeed)
const keys = {
  readerSeed: fromHex(vectors.readerSeed),
  devicePublicKey: signingPublicKey(deviceSeed),
}
const readers = vectors.readers.map((reader) => ({
  ...reader,
  account: fromHex(reader.account),
  chain: fromHex(reader.chain),
}))

test('the committed vectors are what the second implementation makes', async () => {
  expect(await buildAudiences()).toEqual(vectors)
})

describe('grant', () => {
  test('of the vectors opens, and so does a new one', async () => {
    expect(grant.sealed).toHaveLength(sealedGrantBytes)
    expect(toHex(await openGrant(place, grant, keys))).toBe(vectors.epochKey)
    const readerPublicKey = kemPublicKey(keys.readerSeed)
    const made = await createGrant(place, { readerPublicKey, epochKey, deviceSeed })
    expect(toHex(await openGrant(place, made, keys))).toBe(vectors.epochKey)
  })

  test('every changed, cut or added byte', async () => {
    await expectEachRefused(grant.sealed, ['grant'], (sealed) =>
      openGrant(place, { ...grant, sealed }, keys),
    )
    await expectEachRefused(grant.signature, ['grant'], (signature) =>
      openGrant(place, { ...grant, signature }, keys),
    )
  })

  test('for another audience, epoch, granter, reader or key version', async () => {
    const others = [
      { ...place, audience: randomId() },
      { ...place, epoch: 6 },
      { ...place, granter: randomId() },
      { ...place, reader: randomId() },
      { ...place, readerVersion: 3 },
    ]
    for (const other of others) {
      expect(await refusalOf(() => openGrant(other, grant, keys))).toBe('grant')
    }
    const stranger = { ...keys, readerSeed: randomBytes(32) }
    expect(await refusalOf(() => openGrant(place, grant, stranger))).toBe('grant')
    const forger = { ...keys, devicePublicKey: signingPublicKey(randomBytes(32)) }
    expect(await refusalOf(() => openGrant(place, grant, forger))).toBe('grant')
  })
})

test('a grant that its granter signed but that holds no key of 32 bytes', async () => {
  const { audience, epoch, granter, reader, readerVersion } = place
  const fields = [audience, epoch, granter, reader, readerVersion] as const
  const context = { info: utf8('hearthold/v1/grant'), aad: lp(...fields) }
  const sealed = await hpkeSeal(kemPublicKey(keys.readerSeed), randomBytes(16), context)
  const signature = await sign(deviceSeed, 'hearthold/v1/grant', ...fields, sha256(sealed))
  expect(await refusalOf(() => openGrant(place, { sealed, signature }, keys))).toBe('grant')
})

describe('epoch', () => {
  test('commits to key, readers and grants', async () => {
    const commitment = createEpochCommitment(place, epochKey, readers, [grant.sealed, grant.sealed])
    expect(toHex(commitment.keyCommitment)).toBe(vectors.keyCommitment)
    expect(toHex(commitment.readersHash)).toBe(vectors.readersHash)
    verifyEpochKey(epochKey, place.audience, commitment)
    const verify = (key: Uint8Array, epoch = 5, audience = place.audience) =>
      refusalOf(() => verifyEpochKey(key, audience, { ...commitment, epoch }))
    expect(await verify(randomBytes(32))).toBe('grant')
    expect(await verify(epochKey, 6)).toBe('grant')
    expect(await verify(epochKey, 5, randomId())).toBe('grant')
    expect(() => createEpochCommitment(place, epochKey, readers, [])).toThrow(RangeError)
    expect(() => epochKeyCommitment(new Uint8Array(0), place.audience, 1)).toThrow(RangeError)
  })

  test('the order in which readers were listed does not matter, a doubled one does', () => {
    expect(readersHash(readers)).toEqual(readersHash(readers.toReversed()))
    expect(() => sortReaders([...readers, readers[0]!])).toThrow(RangeError)
    const behind = readers.map((reader, i) => (i === 0 ? { ...reader, seq: 9 } : reader))
    expect(readersHash(behind)).not.toEqual(readersHash(readers))
  })
})

describe('Merkle tree', () => {
  const leaves = vectors.merkle.leaves.map(fromHex)

  test('roots of the vectors', () => {
    const roots = vectors.merkle.roots.map((_, count) => toHex(merkleRoot(leaves.slice(0, count))))
    expect(roots).toEqual(vectors.merkle.roots)
  })

  test('each item has a proof, and no other item, place or bytes do', async () => {
    const items = fc.array(fc.uint8Array({ maxLength: 40 }), { minLength: 1, maxLength: 40 })
    await fc.assert(
      fc.asyncProperty(items, fc.nat(), async (all, pick) => {
        const root = merkleRoot(all)
        expect(toHex(root)).toBe(await merkle(all.map(hexOf)))
        const index = pick % all.length
        const proof = merkleProof(all, index)
        const at = { index, count: all.length }
        expect(verifyMerkleProof(root, all[index]!, at, proof)).toBe(true)
        expect(verifyMerkleProof(root, Uint8Array.of(...all[index]!, 1), at, proof)).toBe(false)
        expect(verifyMerkleProof(root, all[index]!, at, Uint8Array.of(...proof, 0))).toBe(false)
        expect(verifyMerkleProof(root, all[index]!, at, proof.subarray(1))).toBe(proof.length === 0)
        const longer = concat(new Uint8Array(32), proof)
        expect(verifyMerkleProof(root, all[index]!, at, longer)).toBe(false)
        const wider = { index, count: 2 * all.length + 1 }
        expect(verifyMerkleProof(root, all[index]!, wider, proof)).toBe(false)
        expect(
          verifyMerkleProof(root, all[index]!, { index: all.length, count: all.length }, proof),
        ).toBe(false)
      }),
    )
  })

  test('every changed byte of a proof; places that no tree has', () => {
    const proof = merkleProof(leaves, 3)
    const root = merkleRoot(leaves)
    for (let i = 0; i < proof.length; i++) {
      const changed = proof.slice()
      changed[i]! ^= 1
      expect(verifyMerkleProof(root, leaves[3]!, { index: 3, count: 5 }, changed)).toBe(false)
    }
    for (const index of [-1, 0.5, 5, Number.NaN]) {
      expect(() => merkleProof(leaves, index)).toThrow(RangeError)
      expect(verifyMerkleProof(root, leaves[3]!, { index, count: 5 }, proof)).toBe(false)
    }
    for (const count of [0, 2 ** 53, Number.NaN, 1.5]) {
      expect(verifyMerkleProof(root, leaves[0]!, { index: 0, count }, proof)).toBe(false)
    }
  })
})
