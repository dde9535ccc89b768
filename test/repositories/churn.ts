/** Many requests of every kind at a restic server, and what its process holds afterwards. */
import { createHash, randomBytes } from 'node:crypto'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { Agent, request } from 'node:http'
import { connect } from 'node:net'

export type Place = {
  readonly port: number
  /** The name that the server goes by. */
  readonly host: string
  /** Of a repository, with a slash at each end. */
  readonly path: string
  /** `user:secret`, or nothing. */
  readonly user?: string
  readonly pid: number
}

export type Held = {
  /** Files, connections and the like; not folders. */
  readonly descriptors: number
  /** Folders that are kept open: as many as a repository has, at most. */
  readonly folders: number
  readonly memoryMib: number
}

const isFolder = (path: string): boolean =>
  statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false

/** What a process holds now, as Linux tells it. */
export const heldBy = (pid: number): Held => {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  const all = readdirSync(`/proc/${pid}/fd`)
  const folders = all.filter((name) => isFolder(`/proc/${pid}/fd/${name}`)).length
  return {
    descriptors: all.length - folders,
    folders,
    memoryMib: Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1] ?? 0) / 1024,
  }
}

const idOf = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')

/** One connection's worth of requests: each worker has its own. */
class Worker {
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 1 })
  readonly #place: Place
  readonly #headers: Readonly<Record<string, string>>

  constructor(place: Place) {
    this.#place = place
    this.#headers = {
      host: place.host,
      ...(place.user === undefined
        ? {}
        : { authorization: `Basic ${Buffer.from(place.user).toString('base64')}` }),
    }
  }

  #ask(
    method: string,
    path: string,
    more: { readonly body?: Uint8Array; readonly headers?: Record<string, string> } = {},
  ): Promise<number> {
    const { port, path: base } = this.#place
    return new Promise((done, fail) => {
      const asked = request(
        {
          ...{ agent: this.#agent, host: '127.0.0.1', port, method, path: `${base}${path}` },
          headers: {
            ...this.#headers,
            ...more.headers,
            ...(more.body ? { 'content-length': more.body.length } : {}),
          },
        },
        (answer) => {
          answer.resume()
          answer.on('end', () => done(answer.statusCode ?? 0))
        },
      )
      asked.on('error', fail)
      asked.end(more.body)
    })
  }

  /** An upload that ends in its middle. */
  #cutUpload(): Promise<void> {
    const { port, path } = this.#place
    const head = Object.entries(this.#headers).map(([name, value]) => `${name}: ${value}\r\n`)
    const start = `POST ${path}data/${idOf(randomBytes(8))} HTTP/1.1\r\n${head.join('')}`
    return new Promise((done) => {
      const socket = connect({ port, host: '127.0.0.1' })
      socket.on('error', () => undefined).once('close', () => done())
      socket.write(`${start}content-length: 400000\r\n\r\n`)
      socket.write(randomBytes(90_000), () => setTimeout(() => socket.destroy(), 2))
    })
  }

  /** Ten requests, and one upload that is cut; each status as it should be. @throws Error where one is not */
  async round(): Promise<void> {
    const bytes = randomBytes(200 + Math.floor(Math.random() * 90_000))
    const id = idOf(bytes)
    const other = idOf(randomBytes(8))
    const asked = async (wanted: number, answer: Promise<number>): Promise<void> => {
      const status = await answer
      if (status !== wanted) throw new Error(`answered ${status} instead of ${wanted}`)
    }
    await asked(200, this.#ask('POST', `data/${id}`, { body: bytes }))
    await asked(200, this.#ask('POST', `data/${id}`, { body: bytes }))
    await asked(206, this.#ask('GET', `data/${id}`, { headers: { range: 'bytes=10-99' } }))
    await asked(200, this.#ask('GET', `data/${id}`))
    await asked(200, this.#ask('HEAD', `data/${id}`))
    await asked(416, this.#ask('GET', `data/${id}`, { headers: { range: 'bytes=999999-' } }))
    await asked(404, this.#ask('GET', `data/${other}`))
    await asked(400, this.#ask('POST', `data/${other}`, { body: bytes }))
    await asked(200, this.#ask('GET', 'snapshots/'))
    await asked(200, this.#ask('DELETE', `data/${id}`))
    await this.#cutUpload()
  }

  end(): void {
    this.#agent.destroy()
  }
}

/** Requests of one round. */
export const requestsPerRound = 11

/** About so many requests over eight connections; all are closed when this answers. @throws Error where one went wrong */
export const churn = async (place: Place, requests: number): Promise<void> => {
  const workers = Array.from({ length: 8 }, () => new Worker(place))
  let left = Math.ceil(requests / requestsPerRound)
  try {
    await Promise.all(
      workers.map(async (worker) => {
        while (left-- > 0) await worker.round()
      }),
    )
  } finally {
    for (const worker of workers) worker.end()
  }
}
