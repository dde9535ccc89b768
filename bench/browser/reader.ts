import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Restic, resticMissing, resticVersion } from '../../tools/demo/restic.ts'
import { figuresOf, report } from '../peers/statistics.ts'
import { copyRealFiles } from '../repositories/real-files.ts'
import type { Settings } from '../browser.ts'
import { type AtPage, atPage, signUpByPassword } from './at-page.ts'
import type { BenchPage } from './page.ts'

/** In the page; only functions that run there may use it. */
declare const bench: BenchPage

const mebibyte = 2 ** 20

/** Writes what is backed up: one folder of so many small files, real files, and one large file made of real ones. */
const writeSource = async (source: string, { nodes, mib }: Settings): Promise<number> => {
  mkdirSync(join(source, 'many'), { recursive: true })
  for (let i = 0; i < nodes; i++) writeFileSync(join(source, 'many', `file ${i}.txt`), `${i}\n`)
  const { bytes } = await copyRealFiles(join(source, 'real'), mib * mebibyte)
  const node = readFileSync(process.execPath)
  const pieces = Array.from({ length: Math.ceil((mib * mebibyte) / node.length) }, () => node)
  // Differs at every place, or restic would keep one piece of it.
  pieces.forEach((piece, at) => (pieces[at] = Buffer.from(piece.map((byte) => byte ^ at))))
  writeFileSync(join(source, 'file'), Buffer.concat(pieces).subarray(0, mib * mebibyte))
  return bytes
}

const backUp = async (at: AtPage, settings: Settings) => {
  const made = await at.browser.run(() => bench.makeRepository())
  const { host } = new URL(at.server.origin)
  const restic = new Restic({
    folder: at.server.profile('restic'),
    repository: `rest:http://${made.user}:${made.secret}@${host}${made.path}`,
  })
  const source = at.server.profile('source')
  const realBytes = await writeSource(source, settings)
  await restic.must('init')
  await restic.must('backup', source)
  const password = readFileSync(restic.passwordFile, 'utf8').trim()
  const within = (name: string): string => join(source, name).slice(1)
  const paths = { many: within('many'), file: within('file'), real: within('real') }
  return { repository: made.repository, password, paths, realBytes }
}

/** A repository that restic made, opened in the browser: its snapshot listed, files taken out, by one worker. */
export const reader = (settings: Settings): Promise<void> =>
  atPage(async (at) => {
    if (resticVersion() === undefined) throw new Error(resticMissing)
    await signUpByPassword(at)
    const { repository, password, paths, realBytes } = await backUp(at, settings)
    const all: Awaited<ReturnType<BenchPage['readRepository']>>[] = []
    for (let round = 0; round < settings.rounds; round++) {
      const one = await at.browser.run(
        (...args: Parameters<BenchPage['readRepository']>) => bench.readRepository(...args),
        repository,
        password,
        paths,
      )
      if (one.total !== settings.nodes) throw new Error(`${one.total} rows were listed.`)
      if (one.fileBytes !== settings.mib * mebibyte) throw new Error('Not all of the file came.')
      if (one.zipBytes < realBytes) throw new Error('Not all of the zip came.')
      all.push(one)
    }
    const rate = (bytes: number, ms: number): number => bytes / 1e6 / (ms / 1000)
    report({
      area: 'browser',
      what: `a restic repository with a folder of ${settings.nodes} files, opened in a new worker each time`,
      restic: resticVersion(),
      openMs: figuresOf(all.map(({ openMs }) => openMs)),
      openIncludes: 'the key (made to be slow), the index, the snapshots',
      listMs: figuresOf(all.map(({ listMs }) => listMs)),
      barListMs: 3000,
      fileMbPerSecond: figuresOf(all.map(({ fileBytes, fileMs }) => rate(fileBytes, fileMs))),
      zipMbPerSecond: figuresOf(all.map(({ zipMs }) => rate(realBytes, zipMs))),
      restored: `${settings.mib} MiB in one file; as much in real files, mostly small, as a zip; pulled out of the worker, not the disk`,
      barMbPerSecond: 60,
    })
  })
