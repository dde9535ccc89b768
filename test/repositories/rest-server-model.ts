/**
 * What rest-server 0.14 answers, as a small program: the recorded table that `hearthold rest-server` is compared with.
 * Each intended difference is a branch that is asked for by name; without any it is rest-server.
 */
import { createHash } from 'node:crypto'
import type { DifferenceName } from './rest-server-differences.ts'

export type ModelRequest = {
  readonly method: string
  /** As it is sent, with its query. */
  readonly path: string
  /** `stranger` has a wrong password; nobody signs in where it is left out. */
  readonly user?: string
  readonly accept?: string
  readonly range?: string
  readonly ifMatch?: string
  readonly ifNoneMatch?: string
  readonly ifRange?: string
  readonly ifModifiedSince?: string
  readonly body?: Buffer
  readonly chunked?: boolean
}
/** Undefined parts are not compared. */
export type ModelAnswer = {
  readonly status: number
  readonly allow?: string
  readonly contentType?: string
  readonly contentRange?: string
  readonly contentLength?: number
  readonly asksToSignIn?: boolean
  readonly body?: Buffer
  /** The names, and sizes of version 2, in any order. */
  readonly list?: readonly string[]
}
export type ModelSettings = {
  /** Users whose password is right; undefined: everybody is let in. */
  readonly users: readonly string[] | undefined
  readonly privateRepos: boolean
  readonly appendOnly: boolean
  readonly verify: boolean
}

const types = ['data', 'index', 'keys', 'locks', 'snapshots']
const partNames = new Set([...types, 'config'])
const v2 = 'application/vnd.x.restic.rest.v2'
const v1 = 'application/vnd.x.restic.rest.v1'
const objectMethods = 'HEAD, GET, POST, DELETE'

/** A repository: a map of objects for each type whose folder is there. */
type Repository = { config?: Buffer; readonly objects: Map<string, Map<string, Buffer>> }
type Target = { readonly folder: string[]; readonly rest: string }

/** The bytes of `%41` decoded, each as one character. */
const decoded = (path: string): string =>
  path.replaceAll(/%([0-9a-fA-F]{2})/g, (_all, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  )
const isUntidy = (path: string): boolean => {
  const parts = path.split('/').slice(1)
  return parts.some(
    (part, at) => part === '.' || part === '..' || (part === '' && at < parts.length - 1),
  )
}
const isUtf8 = (bytes: string): boolean => {
  const buffer = Buffer.from(bytes, 'latin1')
  return Buffer.from(buffer.toString('utf8')).equals(buffer)
}
/** rest-server's splitURLPath: at most two folders, ended by a name of restic's own. */
const split = (path: string): Target => {
  const parts = path.split('/')
  const folder: string[] = []
  for (const name of parts.slice(1, Math.min(parts.length - 1, 3))) {
    if (partNames.has(name)) break
    folder.push(name)
  }
  const taken = folder.reduce((length, name) => length + name.length + 1, 0)
  return { folder, rest: path.slice(taken) }
}

export class RestServerModel {
  /** The differences that made one. */
  readonly seen = new Set<DifferenceName>()
  readonly repositories = new Map<string, Repository>()
  /** All folders, by their path below that of the server; names are bytes, each as one character. */
  readonly folders = new Set<string>()
  readonly #settings: ModelSettings
  readonly #differences: ReadonlySet<DifferenceName>

  constructor(settings: ModelSettings, differences: Iterable<DifferenceName>) {
    this.#settings = settings
    this.#differences = new Set(differences)
  }

  /** Asked only where the two would answer differently. */
  #differs(name: DifferenceName): boolean {
    if (this.#differences.has(name)) this.seen.add(name)
    return this.#differences.has(name)
  }

  answer(request: ModelRequest): ModelAnswer {
    const [path = '', ...queries] = request.path.split('?')
    const query = queries.join('?')
    const before = this.#beforeSignIn(path)
    if (before !== undefined) return before
    if (this.#settings.users?.includes(request.user ?? '') === false) return this.#unauthorized()
    const plain = decoded(path)
    const target = split(plain)
    if (this.#isNoAddress(path, target)) return { status: 404 }
    if (this.#isForeign(request, target))
      return this.#isPlace(target.rest) || !this.#differs('private-nothing')
        ? this.#unauthorized()
        : { status: 404 }
    return this.#refusal(request, target.rest, query) ?? this.#dispatch(request, target)
  }

  #unauthorized(): ModelAnswer {
    return { status: 401, asksToSignIn: this.#differs('sign-in-header') }
  }

  /** What Go's own server and router answer. Where we leave it to the paths, these are none. */
  #beforeSignIn(path: string): ModelAnswer | undefined {
    if (/%(?![0-9a-fA-F]{2})/.test(path) && !this.#differs('bad-escape')) return { status: 400 }
    if (isUntidy(path) && !this.#differs('untidy-path')) return { status: 301 }
    return undefined
  }

  #isNoAddress(path: string, { folder }: Target): boolean {
    if (folder.some((name) => ['', '.', '..'].includes(name) || name.includes('\0'))) return true
    // Only where the difference is asked for can such a path come this far.
    if (/%(?![0-9a-fA-F]{2})/.test(path) || isUntidy(path)) return true
    const parts = path.split('/')
    const isEncoded = parts.some(
      (part) => part.includes('%') && (/[/]/.test(decoded(part)) || this.#isOwnName(decoded(part))),
    )
    if (isEncoded && this.#differs('encoded-parts')) return true
    const isOdd = folder.some(
      (name) => name === '.bin' || name.includes('\\') || name.length > 255 || !isUtf8(name),
    )
    return isOdd && this.#differs('odd-names')
  }

  #isOwnName(name: string): boolean {
    return partNames.has(name) || /^[0-9a-f]{64}$/.test(name)
  }

  #isForeign({ user }: ModelRequest, { folder }: Target): boolean {
    const { privateRepos, users } = this.#settings
    return privateRepos && users !== undefined && folder[0] !== user
  }

  #isPlace(rest: string): boolean {
    return rest === '/' || rest === '/config' || this.#objectOf(rest) !== undefined
  }

  #objectOf(rest: string): { type: string; id: string } | undefined {
    const [, type, id = ''] =
      /^\/(data|index|keys|locks|snapshots)\/([0-9a-f]{64})?$/.exec(rest) ?? []
    return type === undefined ? undefined : { type, id }
  }

  /** What is refused whatever is stored. */
  #refusal({ method }: ModelRequest, rest: string, query: string): ModelAnswer | undefined {
    if (!this.#isPlace(rest)) return { status: 404 }
    const allow = rest === '/' ? 'POST' : rest.endsWith('/') ? 'GET' : objectMethods
    if (!allow.split(', ').includes(method)) return { status: 405, allow }
    if (rest === '/' && new URLSearchParams(query).get('create') !== 'true') return { status: 400 }
    const isKept = this.#settings.appendOnly && !rest.startsWith('/locks/')
    return method === 'DELETE' && isKept ? { status: 403 } : undefined
  }

  #dispatch(request: ModelRequest, { folder, rest }: Target): ModelAnswer {
    // No file system has such a name.
    if (folder.some((name) => name.length > 255)) return { status: 500 }
    const name = folder.join('/')
    if (rest === '/') return this.#create(name)
    const object = this.#objectOf(rest)
    if (object === undefined) return this.#config(request, name)
    return object.id === ''
      ? this.#list(name, object.type, request.accept)
      : this.#object(request, name, object.type, object.id)
  }

  #create(name: string): ModelAnswer {
    for (const type of types) this.#folder(name, type)
    for (let at = 0; at < 256; at++)
      this.#makeFolder(`${name}/data/${at.toString(16).padStart(2, '0')}`)
    return { status: 200 }
  }

  #folder(name: string, type: string): Map<string, Buffer> {
    const { objects } = this.#repository(name)
    const folder = objects.get(type) ?? new Map<string, Buffer>()
    objects.set(type, folder)
    this.#makeFolder(`${name}/${type}`)
    return folder
  }

  /** With those above it. */
  #makeFolder(path: string): void {
    const parts = path.split('/').filter((part) => part !== '')
    for (const at of parts.keys()) this.folders.add(parts.slice(0, at + 1).join('/'))
  }

  #repository(name: string): Repository {
    const repository = this.repositories.get(name) ?? { objects: new Map() }
    this.repositories.set(name, repository)
    return repository
  }

  #config(request: ModelRequest, name: string): ModelAnswer {
    const { method, body = Buffer.alloc(0) } = request
    const bytes = this.repositories.get(name)?.config
    if (method === 'HEAD' || method === 'GET') {
      if (bytes === undefined) return { status: 404 }
      if (method === 'HEAD') return { status: 200, contentLength: bytes.length }
      const asksForPart = request.range !== undefined
      const range = asksForPart && this.#differs('config-range') ? request.range : undefined
      const bare = { method, path: '', ...(range === undefined ? {} : { range }) }
      const { contentLength, ...answer } = this.#content(bare, bytes)
      // A config beyond restic's own size is sent without its length.
      return answer.status === 200
        ? answer
        : { ...answer, ...(contentLength === undefined ? {} : { contentLength }) }
    }
    if (method === 'POST') {
      if (body.length > 2 ** 20 && this.#differs('large-config')) return { status: 400 }
      if (bytes !== undefined)
        return { status: bytes.equals(body) && this.#differs('same-again') ? 200 : 403 }
      const isThere = name === '' || this.folders.has(name)
      if (!isThere && !this.#differs('config-without-create')) return { status: 500 }
      this.#makeFolder(name)
      this.#repository(name).config = body
      return { status: 200 }
    }
    delete this.repositories.get(name)?.config
    return { status: 200 }
  }

  #list(name: string, type: string, accept: string | undefined): ModelAnswer {
    const folder = this.repositories.get(name)?.objects.get(type)
    if (folder === undefined) return { status: 404 }
    const isV2 = accept === v2
    const list = [...folder].map(([id, bytes]) => (isV2 ? `${id} ${bytes.length}` : id)).sort()
    return { status: 200, contentType: isV2 ? v2 : v1, list }
  }

  #object(request: ModelRequest, name: string, type: string, id: string): ModelAnswer {
    const { method } = request
    const bytes = this.repositories.get(name)?.objects.get(type)?.get(id)
    if (method === 'HEAD')
      return bytes === undefined ? { status: 404 } : { status: 200, contentLength: bytes.length }
    if (method === 'GET')
      return bytes === undefined ? { status: 404 } : this.#content(request, bytes)
    if (method === 'POST') return this.#upload(request, name, type, id, bytes)
    this.repositories.get(name)?.objects.get(type)?.delete(id)
    return { status: 200 }
  }

  #upload(
    { body = Buffer.alloc(0), chunked = false }: ModelRequest,
    ...[name, type, id, stored]: [string, string, string, Buffer | undefined]
  ): ModelAnswer {
    if (stored !== undefined)
      return { status: stored.equals(body) && this.#differs('same-again') ? 200 : 403 }
    const place = [name, type, ...(type === 'data' ? [id.slice(0, 2)] : [])].join('/')
    const isRight = createHash('sha256').update(body).digest('hex') === id
    if (this.#settings.verify && !isRight) {
      const isSmall = !chunked && body.length <= 64 * 1024
      const isNew = !this.folders.has(place.replace(/^\//, ''))
      if (!(isSmall && isNew && this.#differs('nothing-left-behind'))) {
        this.#folder(name, type)
        this.#makeFolder(place)
      }
      return { status: 400 }
    }
    this.#folder(name, type).set(id, body)
    this.#makeFolder(place)
    return { status: 200 }
  }

  /** Go's http.ServeContent. */
  #content(request: ModelRequest, bytes: Buffer): ModelAnswer {
    const { ifMatch, ifNoneMatch } = request
    if (ifMatch !== undefined && ifMatch !== '*' && !this.#differs('conditions'))
      return { status: 412 }
    if (ifNoneMatch === '*' && !this.#differs('conditions')) return { status: 304 }
    // There is no Last-Modified to compare with, and no ETag: an If-Modified-Since means nothing, an If-Range never holds.
    const range = request.ifRange === undefined ? request.range : undefined
    const ranges = this.#ranges(range, bytes.length)
    if (ranges === 'malformed') return { status: 416 }
    if (ranges === 'beyond') return { status: 416, contentRange: `bytes */${bytes.length}` }
    const total = ranges.reduce((sum, { length }) => sum + length, 0)
    const [only, ...more] = ranges
    const whole = { status: 200, contentLength: bytes.length, body: bytes }
    if (only === undefined || total > bytes.length) return whole
    if (more.length > 0)
      return this.#differs('several-ranges')
        ? whole
        : { status: 206, contentType: 'multipart/byteranges' }
    const { start, length } = only
    return {
      status: 206,
      contentRange: `bytes ${start}-${start + length - 1}/${bytes.length}`,
      contentLength: length,
      body: bytes.subarray(start, start + length),
    }
  }

  #ranges(
    header: string | undefined,
    size: number,
  ): { start: number; length: number }[] | 'malformed' | 'beyond' {
    if (header === undefined) return []
    if (!header.startsWith('bytes=')) return 'malformed'
    const ranges: { start: number; length: number }[] = []
    let isBeyond = false
    for (const part of header.slice(6).split(',')) {
      if (part.trim() === '') continue
      const [first = '', ...more] = part.split('-').map((text) => text.trim())
      const last = more.join('-')
      const isEndless = first !== '' && last === ''
      const start = first === '' ? Math.max(0, size - Number(last)) : Number(first)
      // What begins beyond the end is not looked at any further.
      if (!/^\d*$/.test(first) || more.length === 0) return 'malformed'
      if ((first === '' || start < size) && !isEndless && !/^\d+$/.test(last)) return 'malformed'
      if (first !== '' && !isEndless && start < size && Number(last) < start) return 'malformed'
      const end = first === '' || isEndless ? size : Math.min(Number(last) + 1, size)
      if (first === '' ? Number(last) === 0 && this.#differs('no-bytes-range') : start >= size)
        isBeyond = true
      else ranges.push({ start, length: end - start })
    }
    // An empty object has no range; who asks for one with every request still gets it.
    return isBeyond && ranges.length === 0 ? (size === 0 ? [] : 'beyond') : ranges
  }
}
