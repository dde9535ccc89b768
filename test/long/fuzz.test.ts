/** The fuzz tests at length: the same, with thirty times as many tries. */
import { vi } from 'vitest'

vi.hoisted(() => void (process.env['HEARTHOLD_FUZZ_FACTOR'] ??= '30'))
await import('../fuzz/endpoints.test.ts')
await import('../fuzz/bytes.test.ts')
await import('../fuzz/connections.test.ts')
