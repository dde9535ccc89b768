import { lockDataFolder } from './data-lock.ts'

/** For tests only: a process that holds the data folder given as its argument until it is killed. */
lockDataFolder(process.argv[2] ?? '.')
process.stdout.write('held\n')
setInterval(() => {}, 1000)
