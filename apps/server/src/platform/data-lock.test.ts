import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { DataInUseError, lockDataFolder } from './data-lock.ts'

test('one process at a time holds a data folder, and a killed one lets go', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'hearthold-lock-'))
  try {
    const other = spawn(
      process.execPath,
      [join(import.meta.dirname, 'test-lock-holder.ts'), folder],
      {
        stdio: ['ignore', 'pipe', 'ignore'],
      },
    )
    await new Promise((resolve) => other.stdout.once('data', resolve))
    expect(() => lockDataFolder(folder)).toThrow(DataInUseError)
    other.kill('SIGKILL')
    await new Promise((resolve) => other.once('exit', resolve))
    const release = lockDataFolder(folder)
    expect(() => lockDataFolder(folder)).toThrow('HEARTHOLD_DATA')
    release()
    lockDataFolder(folder)()
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})
