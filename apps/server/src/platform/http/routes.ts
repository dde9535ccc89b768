import {
  type Access,
  appendLogs,
  type Endpoint,
  objectEndpoints,
  readLog,
  readRepositoryObject,
} from '@hearthold/contract'
import type { FastifyRequest } from 'fastify'

/** What the layer must know of a route before it reads anything of the request. */
export type RouteFacts = {
  /** `open`: health and static files, answered to everyone, also before set-up. */
  readonly access: Access | 'open'
  readonly endpoint?: Endpoint
  /** Moves objects or entries: bounded by requests at a time instead of requests per minute. */
  readonly bulk?: true
  /** Answers under any Host: probes know only an address. */
  readonly anyHost?: true
}

const bulkEndpoints: ReadonlySet<Endpoint> = new Set<Endpoint>([
  ...objectEndpoints,
  appendLogs,
  readLog,
  readRepositoryObject,
])

/** The facts of an endpoint of the contract. */
export const factsOfEndpoint = (endpoint: Endpoint): RouteFacts => ({
  access: endpoint.access,
  endpoint,
  ...(bulkEndpoints.has(endpoint) ? { bulk: true } : {}),
})

/** The facts that a route was registered with (`config: { facts }`); undefined for unknown paths. */
export const factsOf = (request: FastifyRequest): RouteFacts | undefined =>
  (request.routeOptions.config as { facts?: RouteFacts } | undefined)?.facts

/** Remembers which methods each path takes, for 405 and its Allow. */
export type PathIndex = {
  add(method: string, path: string): void
  /** Methods of a concrete path, sorted; none for an unknown one. */
  methodsOf(path: string): string[]
}

/** A plain list: it is asked only when a request matched no route. */
export const pathIndex = (): PathIndex => {
  const known: { method: string; segments: string[] }[] = []
  return {
    add: (method, path) => void known.push({ method, segments: path.split('/') }),
    methodsOf: (path) => {
      const given = path.split('/')
      const matching = known.filter(
        ({ segments }) =>
          segments.length === given.length &&
          segments.every((segment, at) =>
            segment.startsWith(':') ? given[at] !== '' : segment === given[at],
          ),
      )
      const methods = new Set(matching.map(({ method }) => method))
      if (methods.has('GET')) methods.add('HEAD')
      return [...methods].sort()
    },
  }
}
