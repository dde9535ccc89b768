import {
  compareSnapshots,
  findNode,
  findSnapshot,
  listSnapshots,
  loadIndex,
  readFolder,
  type ResticDifference,
  type ResticNode,
  type ResticProblem,
  type ResticRepository,
  searchSnapshot,
} from '@hearthold/member'
import { CliError, exitCodes } from '../cli-error.ts'
import { listItems } from '../output/transfer-report.ts'
import { formatTable } from '../output/table.ts'
import {
  openArgument,
  openOptions,
  parseSnapshotPath,
  withRepository,
} from '../restic/open-repository.ts'
import { nodeData, nodeTable, reasonsOf, snapshotData, snapshotTable } from '../restic/listing.ts'
import type { Json } from '../output/json.ts'
import { defineVerb, type Outcome, type Surroundings } from './verb.ts'

type Found = { readonly data: { readonly [name: string]: Json }; readonly text: string }

/** What could not be read stands at the end; then the exit code is 1. */
const outcomeOf = async (
  call: Surroundings,
  { data, text }: Found,
  problems: readonly ResticProblem[],
): Promise<Outcome> => {
  const failed = reasonsOf(problems)
  if (!call.json) await listItems(call.terminal, 'Not readable:', failed)
  return {
    data: { ...data, failed: failed.map(({ path, reason, code }) => ({ path, reason, code })) },
    text,
    ...(failed.length > 0 ? { exitCode: exitCodes.failure } : {}),
  }
}

const byPath = (one: { path: string }, other: { path: string }): number =>
  one.path < other.path ? -1 : Number(one.path > other.path)

const pathOf = (path: string): string => path.replace(/^\/+|\/+$/g, '')
const below = (path: string, name: string): string => (path === '' ? name : `${path}/${name}`)

const treeAt = async (
  repository: ResticRepository,
  place: { readonly tree: string; readonly path: string },
  signal: AbortSignal,
): Promise<ResticNode & { readonly subtree: string }> => {
  const node = await findNode(repository, place.tree, place.path, { signal })
  if (node.subtree !== undefined) return { ...node, subtree: node.subtree }
  throw new CliError('usage', 'This is no folder.', 'Leave the file out of the path.')
}

type Asked = {
  readonly repository: ResticRepository
  readonly tree: string
  readonly path: string
  readonly signal: AbortSignal
  readonly onProblem: (problem: ResticProblem) => void
}

const listFolder = async ({ repository, tree, path, signal, onProblem }: Asked): Promise<Found> => {
  const node = await findNode(repository, tree, path, { signal })
  const base = pathOf(path)
  const nodes =
    node.subtree === undefined
      ? [{ path: base, shown: node.name, node }]
      : (await readFolder(repository, node.subtree, { signal, onProblem })).map((one) => ({
          path: below(base, one.name),
          shown: one.name,
          node: one,
        }))
  const data = { entries: nodes.map((one) => nodeData(one.path, one.node)) }
  return { data, text: nodeTable(nodes) }
}

const find = async (asked: Asked, pattern: string): Promise<Found> => {
  const { repository, path, signal, onProblem } = asked
  const { subtree } = await treeAt(repository, asked, signal)
  const options = { signal, onProblem, under: path }
  const found: { path: string; shown: string; node: ResticNode }[] = []
  for await (const { path: at, node } of searchSnapshot(repository, subtree, pattern, options))
    found.push({ path: at, shown: at, node })
  found.sort(byPath)
  const data = { entries: found.map((one) => nodeData(one.path, one.node)) }
  return { data, text: found.length === 0 ? 'Nothing found.\n' : nodeTable(found) }
}

const kindWords: Readonly<Record<ResticDifference['kind'], string>> = {
  added: 'added',
  removed: 'removed',
  changed: 'changed',
  type: 'other kind',
  attributes: 'attributes',
}

const compare = async (asked: Asked, olderTree: string): Promise<Found> => {
  const { repository, path, signal, onProblem } = asked
  const [older, newer] = [
    await treeAt(repository, { tree: olderTree, path }, signal),
    await treeAt(repository, asked, signal),
  ]
  const differences: ResticDifference[] = []
  const options = { signal, onProblem }
  for await (const one of compareSnapshots(repository, older.subtree, newer.subtree, options))
    differences.push({ ...one, path: below(pathOf(path), one.path) })
  differences.sort(byPath)
  const data = {
    differences: differences.map((one) => ({
      path: one.path,
      kind: one.kind,
      older: one.older ? nodeData(one.path, one.older) : null,
      newer: one.newer ? nodeData(one.path, one.newer) : null,
    })),
  }
  if (differences.length === 0) return { data, text: 'No differences.\n' }
  const text = formatTable<ResticDifference>(
    [
      { title: 'What', value: ({ kind }) => kindWords[kind] },
      { title: 'Path', value: ({ path: at }) => at },
    ],
    differences,
  )
  return { data, text }
}

const snapshotsOutcome = async (
  call: Surroundings,
  repository: ResticRepository,
): Promise<Outcome> => {
  const { signal } = call.terminal
  const { snapshots, problems } = await listSnapshots(repository, { signal })
  const { id, version } = repository
  const data = { id, version, snapshots: snapshots.map(snapshotData) }
  // As restic lists them: the newest next to the prompt.
  const text =
    snapshots.length === 0 ? 'No snapshots yet.\n' : snapshotTable(snapshots.toReversed())
  return outcomeOf(call, { data, text }, problems)
}

export const repositoryBrowseVerb = defineVerb({
  example: 'hearthold repository browse laptop latest:/home/ada --find *.jpg',
  arguments: [
    openArgument,
    {
      name: 'snapshot',
      summary: 'SNAPSHOT or SNAPSHOT:PATH to look into, where latest is the newest; none lists all',
    },
  ],
  options: [
    ...openOptions,
    {
      name: 'find',
      value: 'PATTERN',
      summary: 'List what is called so: a part of the name, or a pattern with * ? [a-z]',
      env: 'HEARTHOLD_FIND',
    },
    {
      name: 'diff',
      value: 'SNAPSHOT',
      summary: 'List what changed since this snapshot',
      env: 'HEARTHOLD_DIFF',
    },
  ],
  run: (call) => {
    const { find: pattern, diff } = call.options
    const named = call.arguments.snapshot
    if (pattern !== undefined && diff !== undefined)
      throw new CliError('usage', 'Both --find and --diff were given.', 'Leave one of them out.')
    return withRepository(call, call.arguments.repository, async (repository) => {
      if (named === undefined && pattern === undefined && diff === undefined)
        return snapshotsOutcome(call, repository)
      const { signal } = call.terminal
      const { snapshot, path } = parseSnapshotPath(named ?? 'latest')
      const { tree } = await findSnapshot(repository, snapshot, { signal })
      const problems: ResticProblem[] = []
      const onProblem = (problem: ResticProblem) => void problems.push(problem)
      const asked = { repository, tree, path, signal, onProblem }
      problems.push(...(await loadIndex(repository, { signal })).problems)
      if (pattern !== undefined) return outcomeOf(call, await find(asked, pattern), problems)
      if (diff === undefined) return outcomeOf(call, await listFolder(asked), problems)
      const older = await findSnapshot(repository, diff, { signal })
      return outcomeOf(call, await compare(asked, older.tree), problems)
    })
  },
})
