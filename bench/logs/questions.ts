/** What the process that measures asks of the server's process, and how it is answered. */
export type Question =
  | { readonly ask: 'enter'; readonly writers: number }
  | { readonly ask: 'share' }
  | { readonly ask: 'found'; readonly logs: number }
  | { readonly ask: 'sign'; readonly perWriter: number }
  | { readonly ask: 'cpu' }
  | { readonly ask: 'stop' }

export type Answer = {
  readonly error?: string
  /** Sessions, one a device. */
  readonly tokens?: readonly string[]
  readonly port?: number
  readonly log?: string
  /** A file of signed appends a device. */
  readonly files?: readonly string[]
  /** User and system time of the process so far. */
  readonly cpuMs?: number
}

/** What it asks of a client's process: to be a number of writers, or a number of readers. */
export type Task =
  | {
      readonly task: 'write'
      readonly port: number
      readonly tokens: readonly string[]
      readonly files: readonly string[]
    }
  /** Each writer sends its next appends, one after the other. */
  | { readonly task: 'round'; readonly perWriter: number }
  /** All writers in turn, so many a second, whether answered or not. */
  | { readonly task: 'pace'; readonly count: number; readonly perSecond: number }
  | {
      readonly task: 'read'
      readonly port: number
      readonly tokens: readonly string[]
      readonly sockets: number
      readonly log: string
      /** Numbers in bodies that are noted; see `arrivals`. */
      readonly noted: number
    }
  /** How long each noted number took to each socket, given when it was sent. */
  | { readonly task: 'arrivals'; readonly sentMs: readonly number[] }
  | { readonly task: 'seen' }
  | { readonly task: 'follow'; readonly port: number; readonly token: string }
  | { readonly task: 'stop' }

export type Done = {
  readonly error?: string
  /** When each append was sent, by its number; ms of the system's monotonic clock. */
  readonly sentMs?: readonly number[]
  /** From sending to the answer, for each append. */
  readonly answerMs?: readonly number[]
  /** Entries that all sockets together were sent, and the frames they came in. */
  readonly entries?: number
  readonly frames?: number
  /** From sending to each socket; NaN where it did not come. */
  readonly deliveryMs?: readonly number[]
  /** Size of the first frame of heads. */
  readonly headsBytes?: number
}
