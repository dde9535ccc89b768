/**
 * Is what `npm ci` installed still what the lock file asks for?
 *
 * By content, not by file times: switching branches touches package-lock.json without changing it,
 * and a restored node_modules can be newer than the lock file and yet differ.
 */

/** @typedef {{ version?: string, integrity?: string, resolved?: string, optional?: boolean, link?: boolean }} Entry */
/** @typedef {{ packages?: Record<string, Entry> }} Lock */

/**
 * The first package that is missing or differs, or undefined when all are as locked.
 * An optional package may be missing: most are builds for other platforms.
 * @param {Lock} lock package-lock.json
 * @param {Lock} installed node_modules/.package-lock.json, which npm writes last
 * @returns {string | undefined} its path in the lock file
 */
export const findStalePackage = (lock, installed) => {
  const found = installed.packages ?? {}
  return Object.entries(lock.packages ?? {})
    .filter(([path]) => path.startsWith('node_modules/'))
    .find(([path, wanted]) => {
      const have = found[path]
      if (have === undefined) return wanted.optional !== true
      return have.version !== wanted.version || have.integrity !== wanted.integrity
    })?.[0]
}
