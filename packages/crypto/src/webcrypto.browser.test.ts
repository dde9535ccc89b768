import { expect, test } from 'vitest'

// All formats rest on these: where one is missing, every other failure would be a riddle.
test('WebCrypto offers what the formats rest on', async () => {
  const key = await crypto.subtle.generateKey({ name: 'AES-GCM', length: 256 }, true, ['encrypt'])
  const raw = await crypto.subtle.exportKey('raw', key)
  expect(raw.byteLength).toBe(32)
  const pair = await crypto.subtle.generateKey('Ed25519', false, ['sign', 'verify'])
  expect(pair).toHaveProperty('privateKey')
})
