import { collectDefaultMetrics, Counter, Gauge, Registry } from 'prom-client'
import type { RepositoryEvent } from './restic/policy.ts'
import { objectTypes } from './storage/storage.ts'

/** Values of labels; none may be left out. */
export type LabelValues<Label extends string> = Readonly<Record<Label, string>>

/** Only grows. */
export type MetricCounter<Label extends string> = {
  /** Adds 1, or what is said. */
  add(labels: LabelValues<Label>, by?: number): void
  /** Forgets what was counted under these labels. */
  remove(labels: LabelValues<Label>): void
}

export type GaugeValue<Label extends string> = {
  readonly labels: LabelValues<Label>
  readonly value: number
}

export type MetricFacts<Label extends string> = {
  readonly name: string
  readonly help: string
  readonly labels: readonly Label[]
}

/** What a server counts, as Prometheus reads it. Each has its own; nothing is global. */
export type Metrics = {
  counter<Label extends string>(facts: MetricFacts<Label>): MetricCounter<Label>
  /** `read` is asked for all values each time that somebody reads the metrics; what it throws fails that reading. */
  gauge<Label extends string>(
    facts: MetricFacts<Label>,
    read: () => readonly GaugeValue<Label>[] | Promise<readonly GaugeValue<Label>[]>,
  ): void
  /** The text that Prometheus reads, the process's own figures included. */
  text(): Promise<string>
  /** The media type of `text`. */
  readonly contentType: string
}

/** Makes an empty registry with the figures of the Node process. */
export const createMetrics = (): Metrics => {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  const common = <Label extends string>({ name, help, labels }: MetricFacts<Label>) => ({
    name,
    help,
    labelNames: [...labels],
    registers: [registry],
  })
  return {
    counter: (facts) => {
      const counter = new Counter(common(facts))
      return {
        add: (labels, by = 1) => counter.inc({ ...labels }, by),
        remove: (labels) => counter.remove({ ...labels }),
      }
    },
    gauge: (facts, read) => {
      const gauge: Gauge = new Gauge({
        ...common(facts),
        collect: async () => {
          const values = await read()
          gauge.reset()
          for (const { labels, value } of values) gauge.set({ ...labels }, value)
        },
      })
    },
    text: () => registry.metrics(),
    contentType: registry.contentType,
  }
}

/** Counts what happened to objects of repositories. */
export type BlobCounters = {
  /** Acts on `config` and refusals are not counted, as rest-server does it. */
  count(user: string, repository: string, event: RepositoryEvent): void
  /** Of a user who is gone and does not come back: else whoever makes users and removes them fills the memory. */
  forget(user: string, repository: string): void
}

const blobActOf = { read: 'read', write: 'write', remove: 'delete' } as const

/** The counters of rest-server, by its names: dashboards made for it go on. */
export const blobCounters = (metrics: Metrics): BlobCounters => {
  const labels = ['user', 'repo', 'type'] as const
  const pair = (act: 'read' | 'write' | 'delete', past: string) => ({
    total: metrics.counter({
      name: `rest_server_blob_${act}_total`,
      help: `Objects that were ${past}`,
      labels,
    }),
    bytes: metrics.counter({
      name: `rest_server_blob_${act}_bytes_total`,
      help: `Bytes of objects that were ${past}`,
      labels,
    }),
  })
  const counters = {
    read: pair('read', 'read'),
    write: pair('write', 'written'),
    delete: pair('delete', 'deleted'),
  }
  return {
    count: (user, repo, { act, type, bytes }) => {
      if (type === 'config' || act === 'refused-removal' || act === 'failed-verification') return
      const { total, bytes: sum } = counters[blobActOf[act]]
      total.add({ user, repo, type })
      sum.add({ user, repo, type }, bytes)
    },
    forget: (user, repo) => {
      for (const { total, bytes } of Object.values(counters))
        for (const type of objectTypes)
          for (const counter of [total, bytes]) counter.remove({ user, repo, type })
    },
  }
}
