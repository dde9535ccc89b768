/**
 * A slow, readable second implementation of docs/formats/logs.md, written from the document and sharing no
 * code with the real one but SHA-256: tests hold the two against each other.
 */
import { sha256 } from '@noble/hashes/sha2.js'

type Fields = readonly (string | number | Uint8Array)[]

const hex = (bytes: Uint8Array): string =>
  Array.from(bytes, (b) => b.toString(16).padStart(2, '0')).join('')
const number = (value: number, bytes: number): string =>
  BigInt(value)
    .toString(16)
    .padStart(bytes * 2, '0')
const unhex = (text: string): Uint8Array =>
  Uint8Array.from(text.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16))

const lpHex = (fields: Fields): string =>
  fields
    .map((field) => {
      const text =
        typeof field === 'string'
          ? hex(new TextEncoder().encode(field))
          : typeof field === 'number'
            ? number(field, 8)
            : hex(field)
      return number(text.length / 2, 2) + text
    })
    .join('')

export const oracleLp = (...fields: Fields): Uint8Array => unhex(lpHex(fields))

export type OracleHeader = {
  rules: number
  kind: number
  log: Uint8Array
  author: Uint8Array
  device: Uint8Array
  own: number
  ownPrev: Uint8Array
  seen: { seq: number; chain: Uint8Array }
  basis: { seq: number; chain: Uint8Array }
  clock: number
  epoch: number
  factsHash: Uint8Array
  bodyHash: Uint8Array
}

export const oracleHeader = (h: OracleHeader): Uint8Array =>
  unhex(
    [
      hex(new TextEncoder().encode('hhe1')),
      number(h.rules, 2),
      number(h.kind, 2),
      hex(h.log),
      hex(h.author),
      hex(h.device),
      number(h.own, 8),
      hex(h.ownPrev),
      number(h.seen.seq, 8),
      hex(h.seen.chain),
      number(h.basis.seq, 8),
      hex(h.basis.chain),
      number(h.clock, 8),
      number(h.epoch, 4),
      hex(h.factsHash),
      hex(h.bodyHash),
    ].join(''),
  )

export const oracleGenesisHash = (g: {
  kind: number
  rules: number
  founder: Uint8Array
  governing: Uint8Array
  salt: Uint8Array
}): Uint8Array =>
  sha256(
    oracleLp(
      'hearthold/v1/genesis',
      unhex(
        hex(new TextEncoder().encode('hhg1')) +
          number(g.kind, 2) +
          number(g.rules, 2) +
          hex(g.founder) +
          hex(g.governing) +
          hex(g.salt),
      ),
    ),
  )

/** The chain over a whole log, from its genesis hash. */
export const oracleChain = (
  zero: Uint8Array,
  entries: readonly { header: Uint8Array; signature: Uint8Array; at: number; gov: number }[],
): Uint8Array =>
  entries.reduce(
    (chain, e) =>
      sha256(oracleLp('hearthold/v1/chain', chain, sha256(e.header), e.signature, e.at, e.gov)),
    zero,
  )
