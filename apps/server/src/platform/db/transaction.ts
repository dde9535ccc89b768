import type { Kysely, Transaction } from 'kysely'

type Hook = () => void
const hooks = new WeakMap<object, Hook[]>()

/**
 * Runs `work` in one transaction: committed when it returns, rolled back when it throws. One transaction at a time
 * writes, so keep it short and never wait for the network or for a file inside. `trx` is useless afterwards.
 * @throws what `work` throws; ProblemError `disk_full` or `unavailable`
 */
export const inTransaction = async <Tables, Answer>(
  db: Kysely<Tables>,
  work: (trx: Transaction<Tables>) => Promise<Answer>,
): Promise<Answer> => {
  if (db.isTransaction)
    throw new Error('Already in a transaction: hand its trx on instead of beginning another')
  const afterwards: Hook[] = []
  const answer = await db.transaction().execute(async (trx) => {
    hooks.set(trx, afterwards)
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
