import { generateKeyPairSync, sign, X509Certificate } from 'node:crypto'
import { pinOf, type ServerPin } from '../src/transport/server-pin.ts'

/** DER by hand, as much as one certificate needs (X.690, RFC 5280): no key or certificate lies in the repository, and none expires. */
const der = (tag: number, ...parts: Uint8Array[]): Buffer => {
  const content = Buffer.concat(parts)
  const { length } = content
  const size =
    length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 255]
  return Buffer.concat([Buffer.from([tag, ...size]), content])
}
const sequence = (...parts: Uint8Array[]) => der(0x30, ...parts)
const oid = (hex: string) => der(0x06, Buffer.from(hex, 'hex'))
const time = (at: Date) => der(0x18, Buffer.from(at.toISOString().replace(/[-:T]|\.\d+/g, '')))
const dayMs = 24 * 3600_000

export type SelfSigned = { readonly key: string; readonly cert: string; readonly pin: ServerPin }

/** A self-signed ECDSA P-256 certificate for `dnsName` and 127.0.0.1, valid from `fromDays` to `toDays` from now. */
export const selfSigned = (dnsName: string, fromDays = -1, toDays = 1): SelfSigned => {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const ecdsaSha256 = sequence(oid('2a8648ce3d040302'))
  const name = sequence(der(0x31, sequence(oid('550403'), der(0x0c, Buffer.from(dnsName)))))
  const names = sequence(der(0x82, Buffer.from(dnsName)), der(0x87, Buffer.from([127, 0, 0, 1])))
  const critical = der(0x01, Buffer.from([0xff]))
  const extensions = sequence(
    sequence(oid('551d11'), der(0x04, names)),
    sequence(oid('551d13'), critical, der(0x04, sequence(critical))),
  )
  const body = sequence(
    der(0xa0, der(0x02, Buffer.from([2]))),
    der(0x02, Buffer.from([1])),
    ecdsaSha256,
    name,
    sequence(
      time(new Date(Date.now() + fromDays * dayMs)),
      time(new Date(Date.now() + toDays * dayMs)),
    ),
    name,
    publicKey.export({ type: 'spki', format: 'der' }),
    der(0xa3, extensions),
  )
  const signature = der(0x03, Buffer.from([0]), sign('sha256', body, privateKey))
  const cert = new X509Certificate(sequence(body, ecdsaSha256, signature)).toString()
  return {
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }),
    cert,
    pin: pinOf(publicKey),
  }
}
