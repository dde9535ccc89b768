/** Device keys and their certificates (docs/formats/account-keys.md 4): every entry is signed by one. */
import { type Bytes, lp } from '../bytes.ts'
import { sha256 } from '../hash.ts'
import { sign, verifySignature } from '../signature.ts'

const certificateLabel = 'hearthold/v1/device-cert'

const checkDeviceKey = (devicePublicKey: Uint8Array): void => {
  if (devicePublicKey.length !== 32) throw new RangeError('device key must be 32 bytes')
}

/** First 16 bytes of SHA-256(lp("hearthold/v1/device-id", device public key)). RangeError for a wrong length. */
export const deviceId = (devicePublicKey: Uint8Array): Bytes => {
  checkDeviceKey(devicePublicKey)
  return sha256(lp('hearthold/v1/device-id', devicePublicKey)).slice(0, 16)
}

/** The root's signature over (account id, device public key): this device speaks for this account. */
export const certifyDevice = async (
  rootSeed: Uint8Array,
  account: Uint8Array,
  devicePublicKey: Uint8Array,
): Promise<Bytes> => {
  checkDeviceKey(devicePublicKey)
  if (account.length !== 16) throw new RangeError('id must be 16 bytes')
  return sign(rootSeed, certificateLabel, account, devicePublicKey)
}

/** Whether the root certified the device for the account. Never throws for received bytes. */
export const verifyDeviceCertificate = async (
  rootPublicKey: Uint8Array,
  account: Uint8Array,
  devicePublicKey: Uint8Array,
  certificate: Uint8Array,
): Promise<boolean> =>
  account.length === 16 &&
  devicePublicKey.length === 32 &&
  verifySignature(rootPublicKey, certificate, certificateLabel, account, devicePublicKey)
