import { addPlainRoute, type Http } from './http.ts'

/** Something without which the server cannot do its work. */
export type ReadyCheck = {
  readonly name: string
  /** Returns when all is well; throws otherwise. The error is not shown. */
  readonly check: () => void | Promise<void>
}

/** A check that hangs is a check that failed. */
const checkMs = 2_000

const passes = async ({ check }: ReadyCheck): Promise<boolean> => {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), checkMs)
  })
  try {
    return await Promise.race([late, Promise.resolve(check()).then(() => true)])
  } catch {
    return false
  } finally {
    clearTimeout(timer)
  }
}

/** Checks that are asked for again within this time are answered from the last round: probes are not signed in. */
const rememberMs = 500

/**
 * `/healthz`: the process answers. `/readyz`: it can also do its work; 503 with the names of what failed. Both
 * are open to everyone and tell nothing else.
 */
export const addHealthRoutes = (http: Http, checks: readonly ReadyCheck[]): void => {
  addPlainRoute(http, '/healthz', { access: 'open', anyHost: true }, (_request, reply) =>
    reply.send({ live: true }),
  )
  let last: { at: number; round: Promise<(readonly [string, boolean])[]> } | undefined
  const run = async () =>
    Promise.all(checks.map(async (check) => [check.name, await passes(check)] as const))
  addPlainRoute(http, '/readyz', { access: 'open', anyHost: true }, async (_request, reply) => {
    const now = performance.now()
    if (last === undefined || now - last.at > rememberMs) last = { at: now, round: run() }
    const results = await last.round
    const ready = results.every(([, passed]) => passed)
    const named = Object.fromEntries(
      results.map(([name, passed]) => [name, passed ? 'ok' : 'failed']),
    )
    return reply.code(ready ? 200 : 503).send({ ready, checks: named })
  })
}
