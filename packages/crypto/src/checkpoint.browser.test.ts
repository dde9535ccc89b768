import { describe, expect, test } from 'vitest'
import vectors from '../../../docs/formats/vectors/checkpoint.json' with { type: 'json' }
import { fromHex, randomBytes, randomId, toHex } from './bytes.ts'
import {
  checkpointHeaderBytes,
  checkpointObjectKey,
  checkpointViewMac,
  decodeCheckpointHeader,
  encodeCheckpointHeader,
  openCheckpointHeader,
  signCheckpoint,
} from './checkpoint.ts'
import { expectEachRefused, refusalOf } from './oracle/tamper.oracle.ts'
import { buildCheckpoints } from './oracle/vectors.oracle.ts'
import { signingPublicKey } from './signature.ts'

const { fields } = vectors
const header = {
  rules: fields.rules,
  log: fromHex(fields.log),
  seq: fields.seq,
  chain: fromHex(fields.chain),
  epoch: fields.epoch,
  keyVersion: fields.keyVersion,
  sealedLogKey: fromHex(fields.sealedLogKey),
  author: fromHex(fields.author),
  device: fromHex(fields.device),
  tree: fromHex(fields.tree),
  keys: fromHex(fields.keys),
  viewMac: fromHex(fields.viewMac),
}
const bytes = fromHex(vectors.header)
const signature = fromHex(vectors.signature)
const deviceKey = signingPublicKey(fromHex(vectors.deviceSeed))

describe('checkpoint', () => {
  test('the committed vectors are what the second implementation makes', async () => {
    expect(await buildCheckpoints()).toEqual(vectors)
  })

  test('header, signature, keys and view code are those of the vectors', async () => {
    expect(toHex(encodeCheckpointHeader(header))).toBe(vectors.header)
    expect(bytes).toHaveLength(checkpointHeaderBytes)
    expect(decodeCheckpointHeader(bytes)).toEqual(header)
    expect(toHex(await signCheckpoint(fromHex(vectors.deviceSeed), bytes))).toBe(vectors.signature)
    expect(await openCheckpointHeader(bytes, signature, deviceKey)).toEqual(header)
    const logKey = fromHex(vectors.logKey)
    expect(toHex(checkpointObjectKey(logKey, header.tree))).toBe(vectors.treeKey)
    const mac = checkpointViewMac(logKey, header.log, fromHex(vectors.view))
    expect(toHex(mac)).toBe(fields.viewMac)
  })

  test('every changed, cut or added byte of header or signature', async () => {
    await expectEachRefused(bytes, ['malformed', 'checkpoint'], (tampered) =>
      openCheckpointHeader(tampered, signature, deviceKey),
    )
    await expectEachRefused(signature, ['checkpoint'], (tampered) =>
      openCheckpointHeader(bytes, tampered, deviceKey),
    )
  })

  test('a signature by another device than the header names', async () => {
    const seed = randomBytes(32)
    const other = await signCheckpoint(seed, bytes)
    const attempt = () => openCheckpointHeader(bytes, other, signingPublicKey(seed))
    expect(await refusalOf(attempt)).toBe('checkpoint')
  })

  test('keys differ by object, view codes by log; missing keys and odd lengths throw', () => {
    const logKey = fromHex(vectors.logKey)
    expect(checkpointObjectKey(logKey, header.keys)).not.toEqual(
      checkpointObjectKey(logKey, header.tree),
    )
    const view = fromHex(vectors.view)
    expect(checkpointViewMac(logKey, randomId(), view)).not.toEqual(header.viewMac)
    expect(() => checkpointObjectKey(new Uint8Array(0), header.tree)).toThrow(RangeError)
    expect(() => checkpointViewMac(new Uint8Array(16), header.log, view)).toThrow(RangeError)
    expect(() => encodeCheckpointHeader({ ...header, tree: randomBytes(15) })).toThrow(RangeError)
    const cut = { ...header, sealedLogKey: randomBytes(59) }
    expect(() => encodeCheckpointHeader(cut)).toThrow(RangeError)
    const shifted = { ...header, tree: randomBytes(15), keys: randomBytes(17) }
    expect(() => encodeCheckpointHeader(shifted)).toThrow(RangeError)
  })
})
