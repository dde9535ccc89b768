import { randomBytes } from 'node:crypto'
import {
  type AnswerOf,
  type BodyOf,
  type createStorage,
  type listStorageChoices,
  ProblemError,
  type Storage,
  type StorageSettings,
  type testStorage,
  type updateStorage,
} from '@hearthold/contract'
import type { SessionContext } from '#platform/access/session.ts'
import { inTransaction, isUniqueViolation } from '#platform/db/index.ts'
import { openStorageSecret, sealStorageSecret } from './storages-secrets.ts'
import {
  countRepositoriesByStorage,
  deleteUnusedStorage,
  findStorageRow,
  insertStorage,
  listStorageRows,
  type StorageRow,
  storageNameTaken,
  updateStorageRow,
} from './storages-store.ts'
import { tryStorage } from './storages-trial.ts'
import type { StoragesDeps } from './storages-deps.ts'

/** The verbs of the storage configurations. */
export type StoragesService = {
  choices(): Promise<AnswerOf<typeof listStorageChoices>>
  list(): Promise<{ storages: Storage[] }>
  create(session: SessionContext, body: BodyOf<typeof createStorage>): Promise<Storage>
  update(
    session: SessionContext,
    storage: string,
    body: BodyOf<typeof updateStorage>,
  ): Promise<Storage>
  test(storage: string): Promise<AnswerOf<typeof testStorage>>
  remove(session: SessionContext, storage: string): Promise<{ removed: boolean }>
}

const nameTaken = (): ProblemError =>
  new ProblemError('storage_exists', 'There is a storage of this name already.')

/** To whom the secret goes, or is proved. */
const placeOf = (settings: StorageSettings): string =>
  settings.kind === 's3' ? `s3 ${settings.endpoint}` : `webdav ${settings.url}`

const shown = (
  { storage, name, settings, createdAt }: StorageRow,
  repositories: ReadonlyMap<string, number>,
): Storage => ({
  storage,
  name,
  settings,
  createdAt,
  repositories: repositories.get(storage) ?? 0,
})

const getRow = async ({ db }: StoragesDeps, storage: string): Promise<StorageRow> => {
  const row = await findStorageRow(db, storage)
  if (row === undefined) throw new ProblemError('not_found', 'There is no such storage.')
  return row
}

const create = async (
  deps: StoragesDeps,
  session: SessionContext,
  { name, settings, secret }: BodyOf<typeof createStorage>,
): Promise<Storage> => {
  const { db, keys, clock } = deps
  await deps.members.checkFreshProof(session)
  if (await storageNameTaken(db, name)) throw nameTaken()
  await tryStorage(settings, secret, deps.tuning)
  const storage = randomBytes(16).toString('hex')
  try {
    return await inTransaction(db, async (trx) => {
      const sealedSecret = await sealStorageSecret(keys, trx, storage, secret)
      const row = { storage, name, settings, sealedSecret, createdAt: clock.now() }
      await insertStorage(trx, row)
      return shown(row, new Map())
    })
  } catch (error) {
    throw isUniqueViolation(error) ? nameTaken() : error
  }
}

/** The secret to go on with. @throws ProblemError `storage_invalid` where it would go to somebody else */
const keptSecret = async (
  { db, keys }: StoragesDeps,
  row: StorageRow,
  settings: StorageSettings,
): Promise<string> => {
  if (placeOf(settings) !== placeOf(row.settings))
    throw new ProblemError(
      'storage_invalid',
      'Give the secret again: it would go to a new address.',
    )
  try {
    return await openStorageSecret(keys, db, row.storage, row.sealedSecret)
  } catch (error) {
    throw new ProblemError('storage_failed', 'The stored secret does not open: give it again.', {
      cause: error,
    })
  }
}

const update = async (
  deps: StoragesDeps,
  onChanged: (storage: string) => void,
  session: SessionContext,
  storage: string,
  body: BodyOf<typeof updateStorage>,
): Promise<Storage> => {
  const { db, keys } = deps
  await deps.members.checkFreshProof(session)
  const row = await getRow(deps, storage)
  const settings = body.settings ?? row.settings
  const secret = body.secret ?? (await keptSecret(deps, row, settings))
  await tryStorage(settings, secret, deps.tuning)
  const changed = await inTransaction(db, async (trx) => {
    const sealedSecret = await sealStorageSecret(keys, trx, storage, secret)
    await updateStorageRow(trx, storage, { settings, sealedSecret })
    return { ...row, settings, sealedSecret }
  })
  onChanged(storage)
  return shown(changed, await countRepositoriesByStorage(db))
}

const test = async (deps: StoragesDeps, storage: string): Promise<{ ms: number }> => {
  const row = await getRow(deps, storage)
  const secret = await keptSecret(deps, row, row.settings)
  const began = performance.now()
  try {
    await tryStorage(row.settings, secret, deps.tuning)
  } catch (error) {
    // What was valid once fails now: the store has changed.
    if (!(error instanceof ProblemError) || error.code !== 'storage_invalid') throw error
    throw new ProblemError('storage_failed', error.detail, { cause: error })
  }
  return { ms: Math.round(performance.now() - began) }
}

const remove = async (
  deps: StoragesDeps,
  onChanged: (storage: string) => void,
  session: SessionContext,
  storage: string,
): Promise<{ removed: boolean }> => {
  await deps.members.checkFreshProof(session)
  if (await deleteUnusedStorage(deps.db, storage)) {
    onChanged(storage)
    return { removed: true }
  }
  if ((await findStorageRow(deps.db, storage)) === undefined) return { removed: false }
  throw new ProblemError('storage_in_use', 'Repositories lie on this storage, or wait in the bin.')
}

/** `onChanged` is told of each configuration that is no longer what it was. */
export const storagesService = (
  deps: StoragesDeps,
  onChanged: (storage: string) => void,
): StoragesService => ({
  choices: async () => ({
    storages: (await listStorageRows(deps.db)).map(({ storage, name, settings }) => ({
      storage,
      name,
      kind: settings.kind,
    })),
  }),
  list: async () => {
    const repositories = await countRepositoriesByStorage(deps.db)
    return { storages: (await listStorageRows(deps.db)).map((row) => shown(row, repositories)) }
  },
  create: (session, body) => create(deps, session, body),
  update: (session, storage, body) => update(deps, onChanged, session, storage, body),
  test: (storage) => test(deps, storage),
  remove: (session, storage) => remove(deps, onChanged, session, storage),
})
