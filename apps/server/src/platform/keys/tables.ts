/** Columns of the key service and of the checks on the instance's own keys. */
export type KeysTables = {
  /** One random key per member and version, sealed under the root key; without its row all that it sealed is gone. */
  member_keks: { account: string; version: number; sealed_kek: Uint8Array; created_at: number }
  /** Which secret each file in the keys folder must hold: fingerprints, never keys. */
  instance_keys: { name: string; version: number; fingerprint: string; created_at: number }
}
