/** The whole server in a process of its own, with people who have keys; asked by `instance.ts` over IPC. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { appendLogs, type Endpoint } from '@hearthold/contract'
import { decodeReceipts, encodeAppend, type LogAppend, randomBytes } from '@hearthold/crypto'
import { type App, createApp, loadConfig } from '@hearthold/server'
import type { TestIdentity } from '../../apps/server/src/features/identity/test-identity.ts'
import { type Person, setUpHost } from '../../apps/server/src/features/identity/test-person.ts'
import { TestDevice, TestShare } from '../../apps/server/src/platform/logs/test-logs.ts'
import type { Answer, Question } from './questions.ts'

/** A message of 200 characters, sealed, with its attributes. */
const bodyBytes = 230
const entriesPerAppend = 64
const silentLog = { debug() {}, info() {}, warn() {}, error() {} }

type CallInput = {
  readonly query?: Readonly<Record<string, string>>
  readonly body?: unknown
  readonly token?: string
}

/** Setting up needs some minutes of the server's clock; what is measured happens at the real pace. */
class Instance {
  readonly folder = mkdtempSync(join(tmpdir(), 'hearthold-bench-logs-'))
  app!: App
  ada!: Person
  share!: TestShare
  readonly devices: TestDevice[] = []
  #shiftMs = 0
  #asked = 0

  get now(): number {
    return Date.now() + this.#shiftMs
  }
  nextStep(): void {
    this.#shiftMs += 30_000
  }
  get identity(): { setUp: { token(): string | undefined } } {
    return { setUp: { token: () => this.app.setUpToken() } }
  }

  async start(): Promise<void> {
    const argv = ['--listen', '127.0.0.1:0']
    const { config, secrets } = loadConfig({ argv, env: {}, folder: this.folder })
    this.app = await createApp(config, secrets, silentLog, {
      clock: { now: () => this.now },
      // One account's logs are read by that account alone, so that it needs as many sockets as a large space has.
      socketLimits: { socketsPerAccount: 1000 },
    })
    await this.app.start()
  }

  /** Asks without a network, each time from another address: limits are not what is measured. */
  async call({ method, path }: Endpoint, { query = {}, body, token }: CallInput) {
    const n = ++this.#asked
    const isBytes = body instanceof Uint8Array
    const type = isBytes ? 'application/octet-stream' : 'application/json'
    const answer = await this.app.http.fastify.inject({
      method,
      url: path,
      query,
      remoteAddress: `10.0.${(n >> 8) & 255}.${n & 255}`,
      headers: {
        host: `localhost:${this.app.http.port()}`,
        'content-type': type,
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      },
      payload: isBytes ? Buffer.from(body) : JSON.stringify(body),
    })
    if (answer.statusCode !== 200) throw new Error(`${path} answered ${answer.payload}`)
    const isJson = String(answer.headers['content-type']).includes('json')
    const read = isJson ? (answer.json() as unknown) : new Uint8Array(answer.rawPayload)
    return { status: 200, code: '', body: read }
  }

  /** A member with so many devices, a session for each, and one share. */
  async enter(writers: number): Promise<string[]> {
    this.ada = await setUpHost(this as unknown as TestIdentity)
    this.devices.push(this.ada.device)
    const tokens = [this.ada.token]
    while (tokens.length < writers) {
      const device = new TestDevice()
      await this.ada.appendEntries([await this.ada.enrol(device)])
      this.devices.push(device)
      tokens.push((await this.ada.newSession()).token)
    }
    this.share = new TestShare(this.ada)
    await this.append([await this.share.foundingAppend()])
    return tokens
  }

  async append(appends: readonly LogAppend[]): Promise<void> {
    const input = { body: encodeAppend(appends), token: this.ada.token }
    const { body } = await this.call(appendLogs, input)
    const receipt = decodeReceipts(body as Uint8Array)[0]!
    if (appends.length === 1) this.share.log.take(receipt)
  }

  /** Further shares, for lists of heads. */
  async found(count: number): Promise<void> {
    for (let done = 0; done < count; done += entriesPerAppend) {
      const appends: LogAppend[] = []
      while (appends.length < Math.min(entriesPerAppend, count - done))
        appends.push(await new TestShare(this.ada).foundingAppend())
      await this.append(appends)
    }
  }

  /**
   * Signs appends of one entry each, by each device, into a file per device: that is the clients' work. A body begins
   * with the append's number, counted over all devices in turn.
   */
  async sign(perWriter: number): Promise<string[]> {
    const folder = join(this.folder, 'signed')
    mkdirSync(folder, { recursive: true })
    const files: string[] = []
    for (const [index, device] of this.devices.entries()) {
      const parts: Uint8Array[] = []
      for (let i = 0; i < perWriter; i++) {
        const body = randomBytes(bodyBytes)
        new DataView(body.buffer).setUint32(0, i * this.devices.length + index)
        const bytes = encodeAppend([this.share.append([await this.share.folder({ device, body })])])
        const length = Buffer.alloc(4)
        length.writeUInt32BE(bytes.length)
        parts.push(length, bytes)
      }
      const file = join(folder, `${index}.appends`)
      writeFileSync(file, Buffer.concat(parts))
      files.push(file)
    }
    return files
  }

  async answer(question: Question): Promise<Answer> {
    switch (question.ask) {
      case 'enter':
        return { tokens: await this.enter(question.writers), port: this.app.http.port()! }
      case 'share':
        return { log: this.share.log.id }
      case 'found':
        await this.found(question.logs)
        return {}
      case 'sign':
        return { files: await this.sign(question.perWriter) }
      case 'cpu': {
        const { user, system } = process.cpuUsage()
        return { cpuMs: (user + system) / 1000 }
      }
      case 'stop':
        await this.app.stop()
        rmSync(this.folder, { recursive: true, force: true })
        return {}
    }
  }
}

const instance = new Instance()
await instance.start()
const answer = async (question: Question): Promise<void> => {
  try {
    const done = await instance.answer(question)
    process.send?.(done)
    if (question.ask === 'stop') process.disconnect?.()
  } catch (error) {
    process.send?.({ error: String(error) })
  }
}
process.on('message', (question: Question) => void answer(question))
process.send?.({})
