import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { noteAddress } from './address-note.ts'

test('a change of the public URL warns once what breaks', () => {
  const folder = mkdtempSync(join(tmpdir(), 'hearthold-address-'))
  try {
    expect(noteAddress(folder, 'http://localhost:8765')).toEqual([])
    expect(noteAddress(folder, 'http://localhost:8765')).toEqual([])
    expect(noteAddress(folder, 'https://home.example')).toEqual([
      expect.stringMatching(
        /was http:\/\/localhost:8765 and is now https:\/\/home\.example: .*passkeys/,
      ),
    ])
    expect(noteAddress(folder, 'https://home.example')).toEqual([])
    expect(statSync(join(folder, 'public-url')).mode & 0o777).toBe(0o600)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})
