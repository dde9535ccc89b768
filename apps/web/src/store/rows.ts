/** Rows by area and key: in IndexedDB, in memory, or in IndexedDB until that fails and in memory from then on. */
import { type IDBPDatabase, openDB } from 'idb'

export type Rows<Area extends string> = {
  get(area: Area, key: string): Promise<unknown>
  put(area: Area, key: string, value: unknown): Promise<void>
  remove(area: Area, key: string): Promise<void>
  /** By key, in code unit order. */
  entries(area: Area): Promise<[string, unknown][]>
  /** Reads and replaces in one step that nothing comes between; undefined leaves the row as it is. */
  change(area: Area, key: string, change: (before: unknown) => unknown): Promise<unknown>
  close(): void
}

/** Rows of one run. */
export const memoryRows = <Area extends string>(): Rows<Area> & { clear(): void } => {
  const rows = new Map<string, unknown>()
  const name = (area: Area, key: string) => `${area}/${key}`
  return {
    get: (area, key) => Promise.resolve(rows.get(name(area, key))),
    put: (area, key, value) => Promise.resolve(void rows.set(name(area, key), value)),
    remove: (area, key) => Promise.resolve(void rows.delete(name(area, key))),
    entries: (area) =>
      Promise.resolve(
        [...rows]
          .filter(([key]) => key.startsWith(`${area}/`))
          .map(([key, value]): [string, unknown] => [key.slice(area.length + 1), value])
          .sort(([a], [b]) => (a < b ? -1 : 1)),
      ),
    change: (area, key, change) => {
      const before = rows.get(name(area, key))
      const after = change(before)
      if (after !== undefined) rows.set(name(area, key), after)
      return Promise.resolve(after ?? before)
    },
    clear: () => rows.clear(),
    close: () => undefined,
  }
}

const openRows = (name: string, areas: readonly string[]): Promise<IDBPDatabase> =>
  openDB(name, 1, {
    upgrade: (database) => {
      for (const area of areas) {
        if (!database.objectStoreNames.contains(area)) database.createObjectStore(area)
      }
    },
    // A newer version of the app, or "clear site data", in another tab: stand in nobody's way.
    blocking: (_now, _wanted, event) => (event.target as IDBDatabase).close(),
  })

/** Rows of the IndexedDB database `name`. Rejects where the browser has none, or does not allow it. */
export const indexedRows = async <Area extends string>(
  name: string,
  areas: readonly Area[],
): Promise<Rows<Area>> => {
  const database = await openRows(name, areas)
  return {
    get: (area, key) => database.get(area, key),
    put: async (area, key, value) => void (await database.put(area, value, key)),
    remove: (area, key) => database.delete(area, key),
    entries: async (area) => {
      const view = database.transaction(area).store
      const [keys, values] = await Promise.all([view.getAllKeys(), view.getAll()])
      return keys.map((key, i): [string, unknown] => [key as string, values[i]])
    },
    change: async (area, key, change) => {
      const step = database.transaction(area, 'readwrite')
      const before: unknown = await step.store.get(key)
      const after = change(before)
      if (after !== undefined) await step.store.put(after, key)
      await step.done
      return after ?? before
    },
    close: () => database.close(),
  }
}

/**
 * Rows that always work. What the browser's store refuses (full, private mode, closed under us) is kept in memory for
 * this run, and `onUnavailable` is told once.
 */
export const steadyRows = <Area extends string>(
  opening: Promise<Rows<Area>>,
  onUnavailable: () => void,
): Rows<Area> => {
  const memory = memoryRows<Area>()
  const gone = new Set<string>()
  let told = false
  let closed = false
  const tell = (): undefined => {
    if (!told) onUnavailable()
    told = true
  }
  const tryStore = async <T>(
    work: (rows: Rows<Area>) => Promise<T>,
  ): Promise<{ value: T } | undefined> => {
    try {
      return { value: await work(await opening) }
    } catch {
      // Whoever signed out has closed it: what still comes in goes nowhere, and nothing is wrong with the store.
      return closed ? undefined : tell()
    }
  }
  const rows: Rows<Area> = {
    async get(area, key) {
      if (gone.has(`${area}/${key}`)) return undefined
      const here = await memory.get(area, key)
      if (here !== undefined) return here
      return (await tryStore((store) => store.get(area, key)))?.value
    },
    async put(area, key, value) {
      gone.delete(`${area}/${key}`)
      const stored = await tryStore((store) => store.put(area, key, value))
      await (stored || closed ? memory.remove(area, key) : memory.put(area, key, value))
    },
    async remove(area, key) {
      await memory.remove(area, key)
      const removed = await tryStore((store) => store.remove(area, key))
      if (!removed) gone.add(`${area}/${key}`)
    },
    async entries(area) {
      const stored = (await tryStore((store) => store.entries(area)))?.value ?? []
      const all = new Map([...stored, ...(await memory.entries(area))])
      return [...all]
        .filter(([key]) => !gone.has(`${area}/${key}`))
        .sort(([a], [b]) => (a < b ? -1 : 1))
    },
    async change(area, key, change) {
      const here = await memory.get(area, key)
      if (here === undefined && !gone.has(`${area}/${key}`)) {
        const stored = await tryStore((store) => store.change(area, key, change))
        if (stored) return stored.value
      }
      if (closed) return undefined
      gone.delete(`${area}/${key}`)
      return memory.change(area, key, change)
    },
    close: () => {
      closed = true
      memory.clear()
      void opening.then(
        (store) => store.close(),
        () => undefined,
      )
    },
  }
  return rows
}
