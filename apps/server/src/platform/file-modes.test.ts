import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { ensureFolder, FileModeError, readSecretFile, writeSecretFile } from './file-modes.ts'

let folder = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'hearthold-modes-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))
const modeOf = (path: string): string => (statSync(path).mode & 0o777).toString(8)

describe('ensureFolder', () => {
  test('makes a folder and its parents for this user only', () => {
    ensureFolder(join(folder, 'a/b'))
    expect([modeOf(join(folder, 'a')), modeOf(join(folder, 'a/b'))]).toEqual(['700', '700'])
    ensureFolder(join(folder, 'a/b'))
  })
  test('makes an empty looser folder strict, and refuses one with contents, naming the remedy', () => {
    const path = join(folder, 'open')
    mkdirSync(path, { mode: 0o755 })
    chmodSync(path, 0o755)
    ensureFolder(path)
    expect(modeOf(path)).toBe('700')
    writeFileSync(join(path, 'x'), '')
    chmodSync(path, 0o750)
    expect(() => ensureFolder(path)).toThrow(`chmod 700 ${path}`)
  })
  test('refuses a file in its place', () => {
    writeFileSync(join(folder, 'f'), '')
    expect(() => ensureFolder(join(folder, 'f'))).toThrow()
  })
})

describe('secret files', () => {
  test('are 0600 whatever the umask, replaced whole, and leave no temporary file', () => {
    const path = join(folder, 'key')
    const before = process.umask(0)
    try {
      writeSecretFile(path, 'one')
      writeSecretFile(path, Buffer.from('two'))
    } finally {
      process.umask(before)
    }
    expect(modeOf(path)).toBe('600')
    expect(readFileSync(path, 'utf8')).toBe('two')
    expect(readdirSync(folder)).toEqual(['key'])
    expect(readSecretFile(path).toString()).toBe('two')
  })
  test('are refused when looser, with the file and the remedy in the message and not its content', () => {
    const path = join(folder, "it's a key")
    writeSecretFile(path, 'hush')
    for (const mode of [0o640, 0o604, 0o601, 0o666]) {
      chmodSync(path, mode)
      expect(() => readSecretFile(path)).toThrow(FileModeError)
      expect(() => readSecretFile(path)).toThrow(/chmod 600 '.*it'\\''s a key'/)
      expect(() => readSecretFile(path)).not.toThrow(/hush/)
    }
    chmodSync(path, 0o400)
    expect(readSecretFile(path).toString()).toBe('hush')
  })
  test('cannot be a folder or missing', () => {
    expect(() => readSecretFile(folder)).toThrow()
    expect(() => readSecretFile(join(folder, 'none'))).toThrow('ENOENT')
  })
})
