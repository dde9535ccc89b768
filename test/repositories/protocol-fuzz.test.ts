import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
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

test('docs/operating/rest-server.md has every difference, and no other', () => {
  const page = readFileSync(
    join(import.meta.dirname, '../../docs/operating/rest-server.md'),
    'utf8',
  )
  const [, table = ''] = page.split(/^## Where it differs$/m)
  const rows = [...table.matchAll(/^\| (.*) \| (.*) \| (.*) \|$/gm)]
    .map(([, ...cells]) => cells)
    .filter(([about]) => about !== 'What' && !/^-+$/.test(about ?? ''))
  const all: readonly Difference[] = [...differencesInAnswers, ...otherDifferences]
  expect(rows).toEqual(
    all.map(({ about, restServer, hearthold }) => [about, restServer, hearthold]),
  )
})
