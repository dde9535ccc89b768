import { withLock } from '../src/home/home-lock.ts'

/** Run as a process of its own: takes the lock at the given path, says so, and holds it until it is killed. */
await withLock(process.argv[2] ?? '', async () => {
  process.stdout.write('held\n')
  await new Promise((done) => setTimeout(done, 60_000))
})
