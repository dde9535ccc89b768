/** The log service killed under load, forty times in a row instead of five. */
import { vi } from 'vitest'

vi.hoisted(() => void (process.env['HEARTHOLD_CRASH_ROUNDS'] ??= '40'))
await import('../crash/log-service.test.ts')
