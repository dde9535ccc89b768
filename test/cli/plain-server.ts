/** A server as its host runs it, reached by its members through a proxy. */
import { spawn } from 'node:child_process'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { CountingProxy } from './counting-proxy.ts'

export type PlainServer = {
  /** Where members find it: the proxy. */
  readonly url: string
  readonly dataFolder: string
  stop(): Promise<void>
}

const launcher = join(import.meta.dirname, '../../bin/hearthold')

const freePort = (): Promise<number> =>
  new Promise((done, fail) => {
    const server = createServer().once('error', fail)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => done(typeof address === 'object' && address ? address.port : 0))
    })
  })

/** Starts a server whose public URL is the proxy's, and waits until it answers. */
export const startServer = async (
  dataFolder: string,
  proxy: CountingProxy,
): Promise<PlainServer> => {
  const port = await freePort()
  const url = `http://localhost:${proxy.port}`
  proxy.target = port
  const child = spawn(process.execPath, [launcher, 'serve'], {
    env: {
      PATH: process.env['PATH'],
      HEARTHOLD_DATA: dataFolder,
      HEARTHOLD_LISTEN: `127.0.0.1:${port}`,
      HEARTHOLD_PUBLIC_URL: url,
    },
    stdio: 'ignore',
  })
  const closed = new Promise<void>((done) => child.once('close', () => done()))
  for (let waited = 0; waited < 30_000; waited += 50) {
    if (child.exitCode !== null) break
    const ready = await fetch(`http://127.0.0.1:${port}/healthz`).catch(() => undefined)
    if (ready?.ok) {
      return {
        url,
        dataFolder,
        stop: async () => {
          if (child.exitCode === null) child.kill('SIGTERM')
          await closed
        },
      }
    }
    await delay(50)
  }
  child.kill('SIGKILL')
  throw new Error('The server did not start.')
}
