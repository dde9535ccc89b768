import { ProblemError } from '@hearthold/contract'
import type { SessionContext } from '#platform/access/session.ts'
import { type Credential, listCredentials, saveCredentialCounts } from './credential-store.ts'
import type { RepositoriesDeps } from './deps.ts'
import { Live } from './live.ts'
import { listDamaged, listRepositoryFacts } from './store.ts'

/**
 * All repositories and credentials, in memory: the protocol asks for each request, and must not ask the database. They
 * are few, and only this process changes them.
 *
 * [Note: what a crash loses] Times of use and counters of credentials, and the numbers that are shown until a repository
 * is counted anew, are written once a minute and at the stop: a crash loses a minute of them, and nothing else.
 */
export class Catalogue {
  readonly #deps: RepositoriesDeps
  readonly #repositories = new Map<string, Live>()
  readonly #byPlace = new Map<string, Live>()
  readonly #byAccount = new Map<string, Set<Live>>()
  readonly #credentials = new Map<string, Credential>()
  readonly #making = new Map<string, number>()
  #inactive: ReadonlySet<string> = new Set()
  #onCredentialRemoved: (credential: Credential, live: Live) => void = () => undefined

  private constructor(deps: RepositoriesDeps) {
    this.#deps = deps
  }

  static async open(deps: RepositoriesDeps): Promise<Catalogue> {
    const catalogue = new Catalogue(deps)
    for (const facts of await listRepositoryFacts(deps.db)) catalogue.add(new Live(deps, facts))
    for (const { repository, object, ...damaged } of await listDamaged(deps.db))
      catalogue.#repositories.get(repository)?.damaged.set(object, damaged)
    for (const credential of await listCredentials(deps.db)) catalogue.addCredential(credential)
    await catalogue.refreshMembers()
    return catalogue
  }

  add(live: Live): void {
    this.#repositories.set(live.facts.id, live)
    this.#byPlace.set(live.folder.join('/'), live)
    const { account } = live.facts
    this.#byAccount.set(account, (this.#byAccount.get(account) ?? new Set()).add(live))
  }

  /** One more is being made. @returns to be called once it is added, or will not be */
  making(account: string): () => void {
    this.#making.set(account, (this.#making.get(account) ?? 0) + 1)
    return () => {
      const left = (this.#making.get(account) ?? 1) - 1
      if (left > 0) this.#making.set(account, left)
      else this.#making.delete(account)
    }
  }

  /** How many an account has, and is making. */
  countOf(account: string): number {
    return (this.#byAccount.get(account)?.size ?? 0) + (this.#making.get(account) ?? 0)
  }

  /** After its rows are gone. */
  remove(live: Live): void {
    live.exists = false
    this.#repositories.delete(live.facts.id)
    this.#byPlace.delete(live.folder.join('/'))
    this.#byAccount.get(live.facts.account)?.delete(live)
    for (const credential of this.credentialsOf(live.facts.id)) {
      this.#credentials.delete(credential.name)
      this.#onCredentialRemoved(credential, live)
    }
  }

  /** Tells of each credential that opens nothing any more. */
  whenCredentialRemoved(listener: (credential: Credential, live: Live) => void): void {
    this.#onCredentialRemoved = listener
  }

  all(): Live[] {
    return [...this.#repositories.values()]
  }

  of(account: string): Live[] {
    return [...(this.#byAccount.get(account) ?? [])]
  }

  at(account: string, name: string): Live | undefined {
    return this.#byPlace.get(`${account}/${name}`)
  }

  /** A repository of the caller's. @throws ProblemError `not_found`, the same for another's and for none */
  own({ account }: Pick<SessionContext, 'account'>, id: string): Live {
    const live = this.#repositories.get(id)
    if (live === undefined || live.facts.account !== account) throw unknown()
    return live
  }

  /** The same, and any for a host. */
  seen(session: Pick<SessionContext, 'account' | 'role'>, id: string): Live {
    return session.role === 'host' ? this.any(id) : this.own(session, id)
  }

  any(id: string): Live {
    const live = this.#repositories.get(id)
    if (live === undefined) throw unknown()
    return live
  }

  addCredential(credential: Credential): void {
    this.#credentials.set(credential.name, credential)
  }

  removeCredential(name: string): void {
    const credential = this.#credentials.get(name)
    this.#credentials.delete(name)
    if (credential === undefined) return
    const live = this.#repositories.get(credential.repository)
    if (live !== undefined) this.#onCredentialRemoved(credential, live)
  }

  credential(name: string): Credential | undefined {
    return this.#credentials.get(name)
  }

  credentialsOf(repository: string): Credential[] {
    return [...this.#credentials.values()].filter((one) => one.repository === repository)
  }

  isActive(account: string): boolean {
    return !this.#inactive.has(account)
  }

  /** Told at once when a member is suspended or let in again. */
  async refreshMembers(): Promise<void> {
    const accounts = new Set(this.all().map(({ facts }) => facts.account))
    this.#inactive = await this.#deps.members.inactive([...accounts])
  }

  /** Writes what was counted since the last time; see [Note: what a crash loses]. */
  async flush(): Promise<void> {
    for (const credential of this.#credentials.values()) {
      if (!credential.dirty) continue
      // Before it is written: what is counted meanwhile is written the next time.
      credential.dirty = false
      await saveCredentialCounts(this.#deps.db, credential).catch((error: unknown) => {
        credential.dirty = true
        throw error
      })
    }
    for (const live of this.all()) {
      const counts = live.counts.known(this.#deps.clock.now())
      if (JSON.stringify(counts) !== JSON.stringify(live.facts.counts)) await live.save({ counts })
    }
  }
}

const unknown = (): ProblemError => new ProblemError('not_found', 'There is no such repository.')
