import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { flagTable } from '../../apps/server/src/rest-server/flag-table.ts'
import { seed } from '../fuzz/seed.ts'
import {
  type Difference,
  differencesInAnswers,
  otherDifferences,
} from './rest-server-differences.ts'
import { RestServerModel } from './rest-server-model.ts'
import { startRestServer, stopAll } from './rest-server-process.ts'
import { compareOne, flagsFor, ours, runSequence, settingsOf } from './sequence-run.ts'

let folder = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'hearthold-fuzz-'))
})
afterEach(async () => {
  await stopAll()
  rmSync(folder, { recursive: true, force: true })
})

describe('hearthold rest-server answers as rest-server 0.14 does, but for what is listed', () => {
  // Eight seeds in a row are all kinds of settings.
  const first = seed - (seed % 8)
  test.each(Array.from({ length: 8 }, (_, at) => first + at))('sequence %i', async (own) => {
    const data = join(folder, 'data')
    mkdirSync(data)
    const { ask } = await startRestServer(flagsFor(settingsOf(own), data))
    const met = await runSequence({ seed: own, steps: 150, folder: data }, ours, ask)
    expect(met.size).toBeGreaterThan(2)
  })
})

describe('each listed difference is one', () => {
  const users = (name: string) => (name === 'private-nothing' ? ['anna'] : undefined)
  test.each(differencesInAnswers.map((difference) => [difference.name, difference] as const))(
    '%s',
    async (name, { example }) => {
      const settings = {
        users: name === 'sign-in-header' ? [] : users(name),
        privateRepos: name === 'private-nothing',
        ...{ appendOnly: false, verify: true },
      }
      const data = join(folder, 'data')
      mkdirSync(data)
      const { ask } = await startRestServer(flagsFor(settings, data))
      const plain = new RestServerModel(
        settings,
        ours.filter((other) => other !== name),
      )
      const model = new RestServerModel(settings, ours)
      let [restServer, hearthold]: (object | undefined)[] = []
      for (const request of example) {
        restServer = plain.answer(request)
        hearthold = await compareOne(model, ask, request)
      }
      expect(restServer).not.toEqual(hearthold)
      expect(model.seen).toContain(name)
    },
  )
})

describe('docs/operating/rest-server.md', () => {
  const file = join(import.meta.dirname, '../../docs/operating/rest-server.md')
  const [before = '', differences = ''] = readFileSync(file, 'utf8').split(/^## Where it differs$/m)
  const rowsOf = (text: string): string[][] =>
    [...text.matchAll(/^\| (.*) \|$/gm)].map(([, row = '']) => row.split(' | '))
  test('has every difference, and no other', () => {
    const all: readonly Difference[] = [...differencesInAnswers, ...otherDifferences]
    const [, , ...rows] = rowsOf(differences)
    expect(rows).toEqual(
      all.map(({ about, restServer, hearthold }) => [about, restServer, hearthold]),
    )
  })
  test('explains every flag, and no other', () => {
    const flags = rowsOf(before).flatMap(([flag = '']) => /^`--([a-z-]+)/.exec(flag)?.[1] ?? [])
    expect(flags).toEqual(flagTable.map(({ name }) => name))
  })
})
