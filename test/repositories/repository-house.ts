/** A whole instance with members, repositories and credentials, spoken to as restic speaks: by HTTP requests made by hand. */
import { createHash, randomBytes } from 'node:crypto'
import { type ClientRequest, type IncomingMessage, request as httpRequest } from 'node:http'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import {
  type AnswerOf,
  type BodyOf,
  createRepository,
  createRepositoryCredential,
  type Endpoint,
  getRepository,
  type Repository,
  type RepositoryScope,
} from '@hearthold/contract'
import { addMember, type Input, Instance, type Person } from '../access/instance.ts'

export const hourMs = 3600_000
export const dayMs = 24 * hourMs

export type Answer = {
  readonly status: number
  readonly headers: IncomingMessage['headers']
  readonly body: Buffer
}
/** A user name and a password, and the address that they open. */
export type Key = { readonly name: string; readonly secret: string; readonly path: string }
export type Sent = { readonly body?: Uint8Array; readonly headers?: Record<string, string> }
export type StoredObject = { readonly type: string; readonly id: string; readonly bytes: Buffer }

export const sha256 = (bytes: Uint8Array): string =>
  createHash('sha256').update(bytes).digest('hex')

/** An object as restic would name it. */
export const newObject = (type: string, sizeBytes = 100): StoredObject => {
  const bytes = randomBytes(sizeBytes)
  return { type, id: sha256(bytes), bytes }
}

export const authorizationOf = ({ name, secret }: Pick<Key, 'name' | 'secret'>): string =>
  `Basic ${Buffer.from(`${name}:${secret}`).toString('base64')}`

export class House {
  readonly instance: Instance
  #starts = 1
  host!: Person
  member!: Person

  private constructor(instance: Instance) {
    this.instance = instance
  }

  static async open(argv: readonly string[] = []): Promise<House> {
    const house = new House(new Instance())
    // Snapshots arrive by the times of their files where they are counted after a start.
    house.instance.now = Date.now()
    await house.instance.start(argv)
    await house.instance.app.start()
    house.host = await house.instance.host()
    house.member = await addMember(house.host, 'member')
    return house
  }

  async restart(argv: readonly string[] = []): Promise<void> {
    // What the last start began is not cut off.
    await this.tended()
    await this.instance.restart(argv)
    await this.instance.app.start()
    this.#starts += 1
  }

  close(): Promise<void> {
    return this.instance.close()
  }

  /** @throws Error with the code where it is refused */
  async call<E extends Endpoint>(
    endpoint: E,
    input: Omit<Input, 'body'> & { body?: BodyOf<E> },
    person: Person = this.member,
  ): Promise<AnswerOf<E>> {
    const { code, body } = await this.instance.call(endpoint, { token: person.token, ...input })
    if (code !== '') throw new Error(code)
    return body as AnswerOf<E>
  }

  /** The code of the refusal; empty where it is none. */
  async codeOf(endpoint: Endpoint, input: Input, person: Person = this.member): Promise<string> {
    return (await this.instance.call(endpoint, { token: person.token, ...input })).code
  }

  create(
    name: string,
    more: Omit<BodyOf<typeof createRepository>, 'name'> = {},
    person: Person = this.member,
  ): Promise<Repository> {
    return this.call(createRepository, { body: { name, ...more } }, person)
  }

  get({ repository }: Pick<Repository, 'repository'>): Promise<Repository> {
    return this.call(getRepository, { params: { repository } })
  }

  async key(
    { repository, path }: Repository,
    scope: RepositoryScope,
    validDays: number | null = null,
  ): Promise<Key> {
    const made = await this.call(createRepositoryCredential, {
      params: { repository },
      body: { label: `the ${scope} machine`, scope, validDays },
    })
    return { name: made.credential.credential, secret: made.secret, path }
  }

  /** Begins a request; the body is the caller's to send. */
  begin(method: string, path: string, headers: Record<string, string>): ClientRequest {
    this.instance.now += 20
    return httpRequest({
      host: '127.0.0.1',
      port: this.instance.app.http.port()!,
      method,
      path,
      agent: false,
      headers: { host: 'localhost:8765', ...headers },
    })
  }

  async raw(method: string, path: string, { body, headers }: Sent = {}): Promise<Answer> {
    const length = body === undefined ? {} : { 'content-length': String(body.length) }
    const sending = this.begin(method, path, { ...length, ...headers })
    const answer = answerTo(sending)
    sending.end(body)
    return answer
  }

  /** As restic, with a credential: `rest` follows the address of the repository. */
  ask(key: Key, method: string, rest: string, sent: Sent = {}): Promise<Answer> {
    const headers = { authorization: authorizationOf(key), ...sent.headers }
    return this.raw(method, `${key.path}${rest}`, { ...sent, headers })
  }

  async put(key: Key, { type, id, bytes }: StoredObject): Promise<number> {
    return (await this.ask(key, 'POST', `${type}/${id}`, { body: bytes })).status
  }

  async remove(key: Key, { type, id }: Pick<StoredObject, 'type' | 'id'>): Promise<number> {
    return (await this.ask(key, 'DELETE', `${type}/${id}`)).status
  }

  async fetch(key: Key, { type, id }: Pick<StoredObject, 'type' | 'id'>): Promise<Buffer | number> {
    const answer = await this.ask(key, 'GET', `${type}/${id}`)
    return answer.status === 200 ? answer.body : answer.status
  }

  async list(key: Key, type: string): Promise<string[]> {
    const answer = await this.ask(key, 'GET', `${type}/`)
    if (answer.status !== 200) throw new Error(`a list answered ${answer.status}`)
    return (JSON.parse(answer.body.toString()) as string[]).toSorted()
  }

  /** Sessions that are new: proofs are fresh, whatever the clock did. */
  async signInAnew(): Promise<void> {
    for (const person of [this.host, this.member]) Object.assign(person, await person.newSession())
  }

  /** Moves the clock; the work of an hour is done at the start, so that a restart stands for it. Sessions may expire. */
  async pass(ms: number): Promise<void> {
    this.instance.now += ms
    await this.restart()
    await this.tended()
  }

  /** The same in steps that the bin's clock believes. */
  async passDays(days: number): Promise<void> {
    for (let hours = 0; hours < days * 24; hours += 20) {
      this.instance.now += 20 * hourMs
      await this.restart()
      await this.tended()
    }
    await this.signInAnew()
  }

  /** Resolves once the work that begins with the start is done. */
  async tended(): Promise<void> {
    const done = (): number =>
      this.instance.log.lines.filter(({ message }) => message === 'repositories were tended').length
    for (let waited = 0; done() < this.#starts; waited += 5) {
      if (waited > 20_000) throw new Error('the hourly work did not end')
      await delay(5)
    }
  }

  /** Folder of a repository on the disk. */
  folderOf({ account, name }: Pick<Repository, 'account' | 'name'>): string {
    return join(this.instance.folder, 'data', 'repositories', account, name)
  }
}

/** Resolves with the whole answer. */
export const answerTo = (sending: ClientRequest): Promise<Answer> =>
  new Promise((resolve, reject) => {
    sending.once('error', reject)
    sending.once('response', (response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.once('error', reject)
      response.once('end', () =>
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          body: Buffer.concat(chunks),
        }),
      )
    })
  })
