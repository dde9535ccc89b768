import { writeFileSync } from 'node:fs'
import { Session } from 'node:inspector/promises'

/**
 * Begins to measure what the process spends its time on.
 * @returns what ends it and writes the file
 * @throws Error where the file cannot be written, before anything is measured
 */
export const startCpuProfile = async (file: string): Promise<() => Promise<void>> => {
  try {
    writeFileSync(file, '', { mode: 0o600 })
  } catch (error) {
    throw new Error(`Cannot write ${file}. Correct --cpu-profile.`, { cause: error })
  }
  const session = new Session()
  session.connect()
  await session.post('Profiler.enable')
  await session.post('Profiler.start')
  return async () => {
    const { profile } = await session.post('Profiler.stop')
    session.disconnect()
    writeFileSync(file, JSON.stringify(profile))
  }
}
