/** The contract and the router know the same endpoints: none is missing, and none is there that nobody walks. */
import { allEndpoints, type Endpoint } from '@hearthold/contract'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Instance, plainPaths } from './instance.ts'

const endpoints: readonly Endpoint[] = allEndpoints
let instance: Instance
beforeAll(async () => void (instance = await Instance.open()))
afterAll(() => instance.close())

/** `METHOD /path` of each route, read from the router's own print of its tree. */
const routesOf = ({ app }: Instance): string[] => {
  const above: string[] = []
  const found: string[] = []
  for (const line of app.http.fastify.printRoutes({ commonPrefix: false }).split('\n')) {
    const match = /^(?<indent>[│ ]*)[├└]── (?<segment>\S+)(?: \((?<methods>[A-Z, ]+)\))?$/.exec(
      line,
    )
    if (match?.groups === undefined) continue
    const { indent = '', segment = '', methods } = match.groups
    const depth = indent.length / 4
    above.length = depth
    above[depth] = segment
    const path = above.join('').replace(/^\/\//, '/')
    for (const method of methods?.split(', ') ?? []) found.push(`${method} ${path}`)
  }
  return found
}

describe('contract and router', () => {
  it('have the same endpoints', () => {
    const wanted = endpoints.flatMap(({ method, path }) =>
      method === 'GET' ? [`GET ${path}`, `HEAD ${path}`] : [`${method} ${path}`],
    )
    const plain = plainPaths.flatMap((path) => [`GET ${path}`, `HEAD ${path}`])
    expect(routesOf(instance).toSorted()).toEqual([...wanted, ...plain].toSorted())
  })

  it('name each endpoint once, each method of a path once', () => {
    const keys = endpoints.map(({ method, path }) => `${method} ${path}`)
    expect(new Set(keys).size).toBe(keys.length)
    expect(new Set(endpoints.map(({ name }) => name)).size).toBe(endpoints.length)
  })

  it('stay within common sense', () => {
    for (const { name, method, path, body, bodyStream, bodyLimitBytes } of endpoints) {
      expect([name, path]).toEqual([name, expect.stringMatching(/^\/api\/[a-z0-9/:-]+$/i)])
      expect([name, method === 'GET' && body !== undefined]).toEqual([name, false])
      expect([name, !bodyStream && bodyLimitBytes > 16 * 1024 * 1024]).toEqual([name, false])
    }
  })
})
