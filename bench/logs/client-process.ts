/** Writers or readers in a process of their own; told what to do by `over-http.ts` over IPC. */
import { readFileSync } from 'node:fs'
import { AppendConnection, RawSocket } from './connections.ts'
import type { Done, Task } from './questions.ts'

/** The same clock in all processes of a machine. */
const nowMs = (): number => Number(process.hrtime.bigint()) / 1e6

const appendsOf = (file: string): Buffer[] => {
  const bytes = readFileSync(file)
  const appends: Buffer[] = []
  for (let at = 0; at < bytes.length;) {
    const end = at + 4 + bytes.readUInt32BE(at)
    appends.push(bytes.subarray(at + 4, end))
    at = end
  }
  return appends
}

type Writer = { readonly connection: AppendConnection; readonly appends: Buffer[] }

class Writers {
  readonly #writers: readonly Writer[]

  constructor({ port, tokens, files }: Extract<Task, { task: 'write' }>) {
    this.#writers = files.map((file, index) => ({
      connection: new AppendConnection(port, tokens[index]!),
      appends: appendsOf(file),
    }))
  }

  async #send({ connection, appends }: Writer): Promise<number> {
    const append = appends.shift()
    if (!append) throw new Error('all appends are used up')
    const sent = nowMs()
    await connection.send(append)
    return nowMs() - sent
  }

  async round(perWriter: number): Promise<Done> {
    const answerMs: number[] = []
    const write = async (writer: Writer): Promise<void> => {
      for (let i = 0; i < perWriter; i++) answerMs.push(await this.#send(writer))
    }
    await Promise.all(this.#writers.map(write))
    return { answerMs }
  }

  /** A person writes when the time has come, not when others were answered. */
  async pace(count: number, perSecond: number): Promise<Done> {
    const sentMs: number[] = []
    const answers: Promise<number>[] = []
    const begunMs = nowMs()
    while (sentMs.length < count) {
      const due = Math.min(count, Math.floor(((nowMs() - begunMs) / 1000) * perSecond) + 1)
      while (sentMs.length < due) {
        const writer = this.#writers[sentMs.length % this.#writers.length]!
        sentMs.push(nowMs())
        answers.push(this.#send(writer))
      }
      await new Promise((resolve) => setTimeout(resolve, 1))
    }
    return { sentMs, answerMs: await Promise.all(answers) }
  }

  close(): void {
    for (const { connection } of this.#writers) connection.close()
  }
}

/** Places in a page and its entries: docs/formats/logs.md. */
const pageCountAt = 100
const pageEntriesAt = 102
const factsAt = 24 + 252 + 64 + 1

class Readers {
  readonly #sockets: RawSocket[] = []
  /** When each noted number came to each socket. */
  readonly #cameMs: Float64Array[] = []
  #entries = 0
  #frames = 0

  /** Resolves when all have the log open. */
  static async open(task: Extract<Task, { task: 'read' }>): Promise<Readers> {
    const readers = new Readers()
    const { port, tokens, sockets, log, noted } = task
    const opened: Promise<void>[] = []
    for (let i = 0; i < sockets; i++) {
      const cameMs = new Float64Array(noted).fill(Number.NaN)
      readers.#cameMs.push(cameMs)
      const { promise, resolve, reject } = Promise.withResolvers<void>()
      opened.push(promise)
      let open = false
      const hear = (payload: Buffer, isBinary: boolean): void => {
        if (!isBinary) {
          const { frame, code } = JSON.parse(payload.toString()) as { frame: string; code?: string }
          if (frame === 'welcome') socket.send({ frame: 'open', log, after: 1 })
          else reject(new Error(`the socket was told ${frame} ${code ?? ''}`))
        } else if (open) readers.#count(payload, cameMs)
        else {
          open = true
          resolve()
        }
      }
      const wantedBytes = noted === 0 ? pageEntriesAt : Number.POSITIVE_INFINITY
      const socket = new RawSocket(port, tokens[i % tokens.length]!, hear, wantedBytes)
      readers.#sockets.push(socket)
    }
    await Promise.all(opened)
    return readers
  }

  #count(page: Buffer, cameMs: Float64Array): void {
    const count = page.readUInt16BE(pageCountAt)
    this.#entries += count
    this.#frames++
    if (cameMs.length === 0) return
    const now = nowMs()
    let at = pageEntriesAt
    for (let i = 0; i < count; i++) {
      const bodyAt = at + 4 + factsAt + 4 + page.readUInt32BE(at + 4 + factsAt) + 4
      cameMs[page.readUInt32BE(bodyAt)] = now
      at += 4 + page.readUInt32BE(at)
    }
  }

  /** Counted since it was last asked. */
  seen(): Done {
    const seen = { entries: this.#entries, frames: this.#frames }
    this.#entries = 0
    this.#frames = 0
    return seen
  }

  arrivals(sentMs: readonly number[]): Done {
    const deliveryMs: number[] = []
    for (const cameMs of this.#cameMs)
      for (const [index, sent] of sentMs.entries()) deliveryMs.push(cameMs[index]! - sent)
    return { deliveryMs }
  }

  close(): void {
    for (const socket of this.#sockets) socket.close()
  }
}

/** Asks for all heads and answers how large the first frame of them is. */
const follow = ({ port, token }: Extract<Task, { task: 'follow' }>): Promise<Done> =>
  new Promise((resolve) => {
    const socket = new RawSocket(port, token, (payload, isBinary, headsBytes) => {
      if (!isBinary && payload.includes('"welcome"')) return socket.send({ frame: 'follow' })
      socket.close()
      resolve({ headsBytes })
    })
  })

let writers: Writers | undefined
let readers: Readers | undefined

const act = async (task: Task): Promise<Done> => {
  switch (task.task) {
    case 'write':
      writers = new Writers(task)
      return {}
    case 'round':
      return writers!.round(task.perWriter)
    case 'pace':
      return writers!.pace(task.count, task.perSecond)
    case 'read':
      readers = await Readers.open(task)
      return {}
    case 'arrivals':
      return readers!.arrivals(task.sentMs)
    case 'seen':
      return readers!.seen()
    case 'follow':
      return follow(task)
    case 'stop':
      writers?.close()
      readers?.close()
      return {}
  }
}

const answer = async (task: Task): Promise<void> => {
  try {
    const done = await act(task)
    process.send?.(done)
    if (task.task === 'stop') process.disconnect?.()
  } catch (error) {
    process.send?.({ error: String(error) })
  }
}
process.on('message', (task: Task) => void answer(task))
process.send?.({})
