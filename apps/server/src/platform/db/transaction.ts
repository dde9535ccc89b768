import type { Transaction } from 'kysely'
import type { AnyDatabase } from './database.ts'
import { letRunTextsIn, runText } from './fixed-text.ts'

type Hook = () => void
const hooks = new WeakMap<object, Hook[]>()

/**
 * Runs `work` in one transaction: committed when it returns, rolled back when it throws. One transaction at a time
 * writes, so keep it short and never wait for the network or for a file inside. `trx` is useless afterwards.
 * @throws what `work` throws; ProblemError `disk_full` or `unavailable`
 */
export const inTransaction = async <Tables, Answer>(
  db: AnyDatabase<Tables>,
  work: (trx: Transaction<Tables>) => Promise<Answer>,
): Promise<Answer> => {
  if (db.isTransaction)
    throw new Error('Already in a transaction: hand its trx on instead of beginning another')
  const afterwards: Hook[] = []
  const answer = await db.transaction().execute(async (trx) => {
    hooks.set(trx, afterwards)
    letRunTextsIn(db, trx)
    try {
      return await work(trx)
    } finally {
      hooks.delete(trx)
    }
  })
  for (const hook of afterwards) run(hook)
  return answer
}

/**
 * Runs `work` inside a transaction so that its throwing takes back what it wrote, and its hooks, and nothing else.
 * @throws what `work` throws; after a problem of the whole transaction (`disk_full`) end that too
 */
export const inSavepoint = async <Tables, Answer>(
  trx: Transaction<Tables>,
  work: () => Promise<Answer>,
): Promise<Answer> => {
  const registered = hooks.get(trx)
  const before = registered?.length ?? 0
  await runText(trx, 'savepoint part', [])
  try {
    const answer = await work()
    await runText(trx, 'release part', [])
    return answer
  } catch (error) {
    if (registered) registered.length = before
    // SQLite has already ended the transaction after some errors: the first error is the one to tell.
    await runText(trx, 'rollback to part', []).catch(() => undefined)
    await runText(trx, 'release part', []).catch(() => undefined)
    throw error
  }
}

/**
 * Registers something to do once this transaction is committed, never if it is rolled back: changing a view kept in
 * memory, waking subscribers. In the order registered, before `inTransaction` answers. It must not throw.
 */
export const onCommit = (trx: object, hook: Hook): void => {
  const registered = hooks.get(trx)
  if (!registered) throw new Error('onCommit needs the trx of a running inTransaction')
  registered.push(hook)
}

/**
 * What failed here is committed: the caller must not believe otherwise. But memory and disk now disagree, so
 * the error goes to nobody who could swallow it: the process ends and builds its views again.
 */
const run = (hook: Hook): void => {
  try {
    hook()
  } catch (error) {
    setImmediate(() => {
      throw error
    })
  }
}
