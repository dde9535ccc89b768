import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'

/** Another process works on the same data folder. */
export class DataInUseError extends Error {
  constructor(folder: string) {
    super(
      `${folder} is in use by another Hearthold. Stop that one first, or give this one its own folder with HEARTHOLD_DATA.`,
    )
    this.name = 'DataInUseError'
  }
}

/**
 * Takes the data folder for this process: logs are kept in memory, so a second server would accept what the first one
 * never saw. A lock of the system's (through SQLite, since Node has no call for it) ends with the process, however
 * that ends, and holds between containers on one machine; a file with a process number does neither.
 * @returns what gives the folder back
 * @throws DataInUseError
 */
export const lockDataFolder = (folder: string): (() => void) => {
  const lock = new DatabaseSync(join(folder, 'lock'), { timeout: 0 })
  try {
    lock.exec('begin exclusive')
  } catch (error) {
    lock.close()
    const busy = error instanceof Error && 'errcode' in error && error.errcode === 5
    throw busy ? new DataInUseError(folder) : error
  }
  return () => lock.close()
}
