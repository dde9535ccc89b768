import { writeFileSync } from 'node:fs'
import { Session } from 'node:inspector/promises'

/**
 * Begins to measure what the process spends its time on.
 * @returns what ends it and writes the file
 * @throws the file's error where it cannot be written, before anything is measured
 */
export const startCpuProfile = async (file: string): Promise<() => Promise<void>> => {
  writeFileSync(file, '', { mode: 0o600 })
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
