import * as contract from '@hearthold/contract'
import { TestIdentity } from '../apps/server/src/features/identity/test-identity.ts'
import {
  beginLogin,
  codeOf,
  type Person,
  setUpHost,
} from '../apps/server/src/features/identity/test-person.ts'
import { figuresOf, report } from './peers/statistics.ts'

const rounds = 5
/** Compiling is paid once a start of the server, not by each sign-in. */
const warmUpRounds = 4
const signInsPerRound = 200

/** Adds up what the server's side of each call costs; what the client computes in between is not counted. */
class ServerCost {
  cpuMs = 0
  ms = 0

  async of<T>(work: () => Promise<T>): Promise<T> {
    const cpu = process.cpuUsage()
    const started = performance.now()
    const done = await work()
    this.ms += performance.now() - started
    const { user, system } = process.cpuUsage(cpu)
    this.cpuMs += (user + system) / 1000
    return done
  }
}

/** One sign-in as a client does it: OPAQUE in two messages, then a code of the authenticator. */
const signIn = async (server: TestIdentity, ada: Person, cost: ServerCost): Promise<void> => {
  server.nextStep()
  const login = await beginLogin(ada.password)
  const start = { name: ada.name, startLoginRequest: login.request }
  const started = await cost.of(() => server.call(contract.startPasswordSignIn, { body: start }))
  const { signIn: step, account, loginResponse } = started.body
  const proof = login.finish(account, loginResponse)!
  const finish = { signIn: step, finishLoginRequest: proof.finishLoginRequest }
  const finished = await cost.of(() => server.call(contract.finishPasswordSignIn, { body: finish }))
  const code = codeOf(ada.totpSecret, server.now)
  const body = { pending: finished.body.pending, code, transport: 'bearer' } as const
  const answer = await cost.of(() => server.call(contract.finishSecondFactor, { body }))
  if (answer.status !== 200) throw new Error(`sign-in answered ${answer.code}`)
}

const namesRounds = 400

/**
 * Whether time tells if a name exists: paired first messages for a known and an unknown name, the order changing from
 * pair to pair. Each has an address and an hour of its own, so that no lock-out answers instead.
 */
const compareNames = async (server: TestIdentity, ada: Person): Promise<void> => {
  const login = await beginLogin('not the password')
  const ms: Record<string, number[]> = { known: [], unknown: [] }
  const ask = async (kind: 'known' | 'unknown'): Promise<void> => {
    server.now += 3600_000
    const name = kind === 'known' ? ada.name : `Nob${server.now % 10}`
    const body = { name, startLoginRequest: login.request }
    const started = performance.now()
    await server.call(contract.startPasswordSignIn, { body })
    ms[kind]?.push(performance.now() - started)
  }
  for (let round = 0; round < namesRounds; round++) {
    await ask(round % 2 === 0 ? 'known' : 'unknown')
    await ask(round % 2 === 0 ? 'unknown' : 'known')
  }
  const [known, unknown] = [figuresOf(ms['known'] ?? []), figuresOf(ms['unknown'] ?? [])]
  const ratio = Math.round((unknown.median / known.median) * 1000) / 1000
  report({ area: 'identity', what: 'first message for an unknown name', ratio, known, unknown })
}

/** Every request after it asks for its session. */
const askSession = async (server: TestIdentity, ada: Person, cost: ServerCost): Promise<void> => {
  server.now += 120
  await cost.of(() => server.identity.sessions.find({ kind: 'bearer', tokenB64: ada.token }))
}

const measure = async (
  what: string,
  bars: Readonly<Record<string, number>>,
  work: (cost: ServerCost) => Promise<void>,
): Promise<void> => {
  const costs: ServerCost[] = []
  for (let round = 0; round < warmUpRounds + rounds; round++) {
    const cost = new ServerCost()
    for (let i = 0; i < signInsPerRound; i++) await work(cost)
    if (round >= warmUpRounds) costs.push(cost)
  }
  report({
    area: 'identity',
    what,
    sync: 'full',
    cpuMs: figuresOf(costs.map(({ cpuMs }) => cpuMs / signInsPerRound)),
    ms: figuresOf(costs.map(({ ms }) => ms / signInsPerRound)),
    ...bars,
  })
}

/**
 * The server's part of a sign-in by password and authenticator: three requests, injected without sockets into the real
 * HTTP layer, over a real database with synchronous=FULL; and the session look-up that each later request pays.
 */
export const run = async (): Promise<void> => {
  const server = await TestIdentity.open()
  try {
    const ada = await setUpHost(server)
    const { account } = ada
    await measure('password and authenticator sign-in', { barCpuMs: 2 }, async (cost) => {
      await signIn(server, ada, cost)
      // Nobody keeps a hundred sessions.
      await server.db.deleteFrom('sessions').where('account', '=', account).execute()
    })
    await compareNames(server, ada)
    const { token } = await ada.newSession()
    ada.token = token
    await measure('session look-up of a request', {}, (cost) => askSession(server, ada, cost))
  } finally {
    await server.close()
  }
}
