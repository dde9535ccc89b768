import type { FileStat, FileSystem } from '../../apps/server/src/platform/objects/index.ts'
import type { SeededRandom } from './seeded-random.ts'
import { SimulatedFile, type Survival, survivals } from './simulated-file.ts'
import { SimulatedFolder } from './simulated-folder.ts'

type Node = SimulatedFile | SimulatedFolder<Node>

/** Thrown by every call from the moment the power goes: the process that made it is no more. */
export class PowerCut extends Error {
  constructor() {
    super('The power is off')
    this.name = 'PowerCut'
  }
}

/** How often a call fails that may fail, 0 to 1. */
export type Faults = {
  readonly noSpace: number
  readonly failedSync: number
  readonly tooManyFiles: number
  readonly shortWrite: number
}
/** Writes past the page cache begin and end there. */
const pageBytes = 4096

export const noFaults: Faults = { noSpace: 0, failedSync: 0, tooManyFiles: 0, shortWrite: 0 }

/**
 * A disk in memory that keeps its promises and nothing more: file contents and names are sure to be there only after
 * an fsync of the file or the folder; without it a power cut keeps or loses any of the changes. A failed fsync loses
 * what it should have written, though it stays visible. Calls in the thread pool end in any order. Everything random
 * comes from the seed.
 */
export class SimulatedDisk {
  readonly #random: SeededRandom
  readonly #root = new SimulatedFolder<Node>()
  readonly #files = new Map<number, Node>()
  /** Those opened for writes past the page cache. */
  readonly #direct = new Set<number>()
  #faults: Faults = noFaults
  #nextFile = 3
  readonly #inodes = new WeakMap<Node, number>()
  #nextInode = 1
  #operations = 0
  #cutAt = Number.POSITIVE_INFINITY
  #pool: (() => void)[] = []

  constructor(random: SeededRandom) {
    this.#random = random
  }

  /** Calls made so far. */
  get operations(): number {
    return this.#operations
  }

  get hasPower(): boolean {
    return this.#operations <= this.#cutAt
  }

  /** Open files and folders: what is left open is a leak. */
  get openFiles(): number {
    return this.#files.size
  }

  /** The power goes at the call number `operation`, counted as `operations` is. */
  cutPowerAt(operation: number): void {
    this.#cutAt = operation
  }

  setFaults(faults: Faults): void {
    this.#faults = faults
  }

  /** The machine starts again with what survived. */
  reboot(survival: Survival = this.#random.pick(survivals)): void {
    const crash = (node: Node): void => {
      if (node instanceof SimulatedFolder) for (const inner of node.nodes) crash(inner)
      node.crash(survival, this.#random)
    }
    crash(this.#root)
    this.#files.clear()
    this.#direct.clear()
    this.#cutAt = Number.POSITIVE_INFINITY
    this.#pool = []
  }

  /** A folder that was there, safely, before anything began. */
  install(path: string): void {
    const [folder] = this.#parentOf(path)
    this.#makeFolder(path)
    folder.beginSync()(false)
  }

  /** What a store gets. */
  fileSystem(): FileSystem {
    return {
      openSync: (path, flags) => this.#now(() => this.#open(path, flags)),
      openDirectSync: (path) => this.#now(() => this.#openDirect(path)),
      closeSync: (file) => this.#now(() => this.#close(file)),
      fstatSync: (file) => this.#now(() => this.#statOf(this.#node(file))),
      statSync: (path) =>
        this.#now(() => {
          const node = this.#find(path)
          return node && this.#statOf(node)
        }),
      renameSync: (from, to) => this.#now(() => this.#rename(from, to)),
      linkSync: (from, to) => this.#now(() => this.#link(from, to)),
      removeSync: (path) => this.#now(() => this.#remove(path)),
      makeFolderSync: (path) => this.#now(() => this.#makeFolder(path)),
      removeFolderSync: (path) => this.#now(() => this.#removeFolder(path)),
      listSync: (path) =>
        this.#now(() => {
          const node = this.#find(path)
          return node instanceof SimulatedFolder ? node.names : undefined
        }),
      truncateSync: (file, sizeBytes) => this.#now(() => this.#file(file).truncate(sizeBytes)),
      readSync: (file, bytes, position) => this.#now(() => this.#file(file).read(bytes, position)),
      writeSync: (file, bytes, position) => this.#now(() => this.#write(file, [bytes], position)),
      read: (file, bytes, position) => this.#later(() => this.#file(file).read(bytes, position)),
      writev: (file, parts, position) => this.#later(() => this.#write(file, parts, position)),
      fsync: (file) => this.#fsync(file),
      list: (folder) => this.#later(() => this.#folder(folder).names),
      freeBytesSync: () => this.#now(() => 2 ** 40),
    }
  }

  /** Counts a call; the power may go before it or after it, and once it has gone every call fails. */
  #now<Answer>(work: () => Answer): Answer {
    const number = this.#operations++
    if (number < this.#cutAt) return work()
    if (number === this.#cutAt && this.#random.chance(0.5)) work()
    throw new PowerCut()
  }

  /** Like #now, in the thread pool: one of the waiting calls is done per turn of the event loop. */
  #later<Answer>(work: () => Answer): Promise<Answer> {
    return new Promise((resolve, reject) => {
      this.#pool.push(() => {
        try {
          resolve(this.#now(work))
        } catch (error) {
          reject(error)
        }
      })
      setImmediate(() => {
        const index = this.#random.below(this.#pool.length)
        for (const job of this.#pool.splice(index, 1)) job()
      })
    })
  }

  async #fsync(file: number): Promise<void> {
    const end = this.#node(file).beginSync()
    await this.#later(() => {
      const fails = this.#random.chance(this.#faults.failedSync)
      end(fails)
      if (fails) throw diskError('EIO')
    })
  }

  #open(path: string, flags: 'r' | 'r+' | 'w' | 'wx'): number {
    if (this.#random.chance(this.#faults.tooManyFiles)) throw diskError('EMFILE')
    const [folder, name] = this.#parentOf(path)
    let node = path === '/' ? this.#root : folder.find(name)
    if (node && flags === 'wx') throw diskError('EEXIST')
    if (!node) {
      if (flags !== 'w' && flags !== 'wx') throw diskError('ENOENT')
      this.#takeSpace()
      node = new SimulatedFile()
      folder.put(name, node)
    } else if (flags === 'w' && node instanceof SimulatedFile) node.truncate(0)
    const file = this.#nextFile++
    this.#files.set(file, node)
    return file
  }

  /** Nothing is on the disk for being written past the page cache: without an fsync the file's map may not be. */
  #openDirect(path: string): number | undefined {
    if (this.#random.chance(this.#faults.tooManyFiles)) return undefined
    const file = this.#open(path, 'r+')
    this.#direct.add(file)
    return file
  }

  #close(file: number): void {
    this.#files.delete(file)
    this.#direct.delete(file)
  }

  #write(file: number, parts: readonly Uint8Array[], position: number): number {
    this.#takeSpace()
    const bytes = Buffer.concat(parts)
    const isAligned = bytes.length % pageBytes === 0 && position % pageBytes === 0
    if (this.#direct.has(file) && !isAligned) throw diskError('EINVAL')
    const short = bytes.length > 1 && this.#random.chance(this.#faults.shortWrite)
    const written = short ? bytes.subarray(0, 1 + this.#random.below(bytes.length - 1)) : bytes
    this.#file(file).write(written, position)
    return written.length
  }

  #rename(from: string, to: string): void {
    const [folder, name] = this.#parentOf(from)
    const [target, newName] = this.#parentOf(to)
    const node = folder.find(name)
    if (!node) throw diskError('ENOENT')
    if (folder !== target) throw new Error('The simulated disk renames within one folder only')
    this.#takeSpace()
    folder.rename(name, newName, node)
  }

  /** A second name is a change of its folder only: the one kept may come without the other. */
  #link(from: string, to: string): void {
    const node = this.#find(from)
    if (!node) throw diskError('ENOENT')
    const [folder, name] = this.#parentOf(to)
    if (folder.find(name)) throw diskError('EEXIST')
    this.#takeSpace()
    folder.put(name, node)
  }

  #removeFolder(path: string): boolean {
    const node = this.#find(path)
    if (node instanceof SimulatedFolder && node.names.length > 0) throw diskError('ENOTEMPTY')
    return this.#remove(path)
  }

  /** Changed at this moment: whoever remembers folders by their times can never be sure of these. */
  #statOf(node: Node): FileStat {
    const inode = this.#inodes.get(node) ?? this.#nextInode++
    this.#inodes.set(node, inode)
    const sizeBytes = node instanceof SimulatedFile ? node.sizeBytes : 0
    return { sizeBytes, modifiedAt: 0, changedAt: Date.now(), inode }
  }

  #remove(path: string): boolean {
    const [folder, name] = this.#parentOf(path)
    if (!folder.find(name)) return false
    folder.remove(name)
    return true
  }

  #makeFolder(path: string): void {
    const [folder, name] = this.#parentOf(path)
    if (!folder.find(name)) folder.put(name, new SimulatedFolder<Node>())
  }

  #takeSpace(): void {
    if (this.#random.chance(this.#faults.noSpace)) throw diskError('ENOSPC')
  }

  #find(path: string): Node | undefined {
    let node: Node = this.#root
    for (const name of path.split('/').filter((part) => part !== '')) {
      const inner: Node | undefined = node instanceof SimulatedFolder ? node.find(name) : undefined
      if (!inner) return undefined
      node = inner
    }
    return node
  }

  #parentOf(path: string): [SimulatedFolder<Node>, string] {
    const at = path.lastIndexOf('/')
    return [this.#folder(path.slice(0, at)), path.slice(at + 1)]
  }

  #folder(path: string): SimulatedFolder<Node> {
    const node = this.#find(path)
    if (!(node instanceof SimulatedFolder)) throw diskError('ENOENT')
    return node
  }

  #node(file: number): Node {
    const node = this.#files.get(file)
    if (!node) throw diskError('EBADF')
    return node
  }

  #file(file: number): SimulatedFile {
    const node = this.#node(file)
    if (!(node instanceof SimulatedFile)) throw diskError('EISDIR')
    return node
  }
}

const diskError = (code: string): Error => Object.assign(new Error(code), { code })
