import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { seededRandom } from '../crash/seeded-random.ts'
import { type DifferenceName, differencesInAnswers } from './rest-server-differences.ts'
import {
  type ModelAnswer,
  type ModelRequest,
  type ModelSettings,
  RestServerModel,
} from './rest-server-model.ts'
import { asModelled, asSent, inWords, nextRequest } from './request-sequences.ts'
import type { RawAnswer, RawRequest } from './rest-server-process.ts'

/** All that Hearthold means to do differently. */
export const ours: readonly DifferenceName[] = differencesInAnswers.map(({ name }) => name)

const users = ['anna', 'bert', 'data']

/** Settings of a sequence: each kind comes up within four seeds. */
export const settingsOf = (seed: number): ModelSettings => ({
  users: seed % 2 === 0 ? undefined : users,
  privateRepos: seed % 4 === 1,
  appendOnly: seed % 4 === 2 || seed % 8 === 7,
  verify: seed % 8 !== 4,
})

/** The same as flags, which rest-server and `hearthold rest-server` both take; writes the users. */
export const flagsFor = (settings: ModelSettings, folder: string): string[] => {
  const lines = settings.users?.map((user) => {
    const hash = createHash('sha1').update(`${user}s secret`).digest('base64')
    return `${user}:{SHA}${hash}\n`
  })
  // Beside the repositories, so that its folder holds nothing else.
  const file = `${folder}.htpasswd`
  if (lines !== undefined) writeFileSync(file, lines.join(''), { mode: 0o600 })
  return [
    ...['--path', folder],
    ...(lines === undefined ? ['--no-auth'] : ['--htpasswd-file', file]),
    ...(settings.privateRepos ? ['--private-repos'] : []),
    ...(settings.appendOnly ? ['--append-only'] : []),
    ...(settings.verify ? [] : ['--no-verify-upload']),
  ]
}

type Ask = (request: RawRequest) => Promise<RawAnswer>

/** Sends one request. @returns what the model says, and what came. @throws Error that tells what came and what the model says, where these are not equal */
export const compareOne = async (
  model: RestServerModel,
  ask: Ask,
  request: ModelRequest,
): Promise<ModelAnswer> => {
  const wanted = model.answer(request)
  const found = asModelled(wanted, await ask(asSent(request)))
  if (isDeepStrictEqual(found, wanted)) return wanted
  const short = (value: object): string =>
    JSON.stringify(value, (_key, part: unknown) =>
      typeof part === 'object' && part !== null && 'data' in part ? 'bytes' : part,
    )
  throw new Error(`${inWords(request)}: answered ${short(found)}, the model says ${short(wanted)}`)
}

/** What lies on the disk is what the model holds, in rest-server's layout, and nothing else. */
const compareDisk = (model: RestServerModel, folder: string): void => {
  const wanted = new Map<string, Buffer>()
  const plain = (bytes: string): string => Buffer.from(bytes, 'latin1').toString('utf8')
  const add = (path: string, bytes: Buffer): void => void wanted.set(path, bytes)
  for (const [encoded, { config, objects }] of model.repositories) {
    const name = plain(encoded)
    if (config !== undefined) add(join(name, 'config'), config)
    for (const [type, all] of objects)
      for (const [id, bytes] of all)
        add(join(name, type, ...(type === 'data' ? [id.slice(0, 2)] : []), id), bytes)
  }
  const found = existsSync(folder)
    ? readdirSync(folder, { recursive: true, withFileTypes: true })
    : []
  const pathOf = (entry: (typeof found)[number]): string =>
    join(entry.parentPath, entry.name).slice(folder.length + 1)
  for (const entry of found.map(pathOf)) {
    // A name that is no UTF-8 cannot be asked for.
    const mode = entry.includes('\ufffd') ? 0 : statSync(join(folder, entry)).mode
    if ((mode & 0o77) !== 0) throw new Error(`${entry} has mode ${(mode & 0o777).toString(8)}`)
  }
  const folders = found.filter((entry) => entry.isDirectory()).map(pathOf)
  const wantedFolders = [...model.folders].map(plain)
  if (!isDeepStrictEqual(folders.sort(), wantedFolders.sort())) {
    const odd = new Set(folders).symmetricDifference(new Set(wantedFolders))
    throw new Error(`these folders are on one side only: ${[...odd].slice(0, 9).join(', ')}`)
  }
  const paths = found.filter((entry) => entry.isFile()).map(pathOf)
  if (!isDeepStrictEqual(paths.sort(), [...wanted.keys()].sort()))
    throw new Error(`on the disk: ${paths.join(', ')}; wanted: ${[...wanted.keys()].join(', ')}`)
  for (const [path, bytes] of wanted)
    if (!readFileSync(join(folder, path)).equals(bytes)) throw new Error(`${path} has other bytes`)
}

/**
 * Sends the sequence of a seed, one request after the other.
 * @param folder what the server serves
 * @returns the differences that were met
 * @throws Error that names the seed, the step and the request
 */
export const runSequence = async (
  plan: { readonly seed: number; readonly steps: number; readonly folder: string },
  differences: readonly DifferenceName[],
  ask: Ask,
): Promise<ReadonlySet<DifferenceName>> => {
  const random = seededRandom(plan.seed)
  const settings = settingsOf(plan.seed)
  const model = new RestServerModel(settings, differences)
  let step = 0
  try {
    for (; step < plan.steps; step++) await compareOne(model, ask, nextRequest(random, settings))
    compareDisk(model, plan.folder)
  } catch (error) {
    throw new Error(`HEARTHOLD_FUZZ_SEED=${plan.seed}, step ${step}: ${String(error)}`, {
      cause: error,
    })
  }
  return model.seen
}
