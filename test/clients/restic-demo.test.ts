/** The demo of repositories as people run it, and what it says where restic is missing. */
import { spawnSync } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { newFolder, removeFolder, writeSource } from './restic-places.ts'

const folder = newFolder()
afterAll(() => removeFolder(folder))

const demo = (source: string, env: NodeJS.ProcessEnv = process.env) => {
  const script = join(import.meta.dirname, '../../tools/demo.ts')
  return spawnSync(process.execPath, [script, '--repositories', '--json', source], {
    env,
    encoding: 'utf8',
  })
}

describe('npm run demo -- --repositories', () => {
  it('holds, and tells so in one last line', () => {
    const { status, stdout, stderr } = demo(writeSource(join(folder, 'source'), 6))
    const report: unknown = JSON.parse(stdout.trim().split('\n').at(-1) ?? '')
    expect(report).toMatchObject({
      ...{ files: 66, snapshots: 2, deletionRefused: true, maintainPruned: true },
      ...{ binBroughtBack: true, checkedEveryByte: true, resticIdentical: true },
      ...{ readerIdentical: true, scannerFindsMarker: true, plaintextFound: 0 },
    })
    expect([status, stderr]).toEqual([0, expect.stringContaining('every byte back')])
  })

  it('says how to get restic where it is missing', () => {
    const empty = join(folder, 'no programs')
    mkdirSync(empty)
    const { status, stdout, stderr } = demo(folder, { PATH: empty })
    expect([status, stdout, stderr]).toEqual([2, '', expect.stringContaining('apt-get install')])
  })
})
