import { type Figures, figuresOf, report } from '../peers/statistics.ts'
import { ClientProcess, type Cost, costOf, InstanceProcess } from './processes.ts'

const rounds = 5
const loneAppends = 500
/** Of lone appends: 15,000 more of them changed nothing. */
const loneWarmUpRounds = 4
const writers = 64
const appendsPerWriter = 40
/** The compiler of a busy server has nothing left to do; here it has after some 20,000 appends. */
const warmUpRounds = 10
const sockets = 200
const readerProcesses = 2
const writerProcesses = 2

/** A server, its clients, and the end of both. */
class Scene {
  readonly instance: InstanceProcess
  readonly #clients: ClientProcess[] = []
  tokens: readonly string[] = []
  port = 0
  log = ''

  private constructor(profileFolder: string | undefined) {
    this.instance = new InstanceProcess(profileFolder)
  }

  static async run(
    profileFolder: string | undefined,
    devices: number,
    work: (scene: Scene) => Promise<void>,
  ): Promise<void> {
    const scene = new Scene(profileFolder)
    try {
      const { tokens, port } = await scene.instance.ask({ ask: 'enter', writers: devices })
      scene.tokens = tokens!
      scene.port = port!
      scene.log = (await scene.instance.ask({ ask: 'share' })).log!
      await work(scene)
      for (const client of scene.#clients) await client.ask({ task: 'stop' })
      await scene.instance.ask({ ask: 'stop' })
    } catch (error) {
      for (const child of [...scene.#clients, scene.instance]) child.kill()
      throw error
    }
  }

  client(): ClientProcess {
    const client = new ClientProcess()
    this.#clients.push(client)
    return client
  }

  /** Processes of writers, each with some of the devices and their signed appends. */
  async writers(processes: number, perWriter: number): Promise<ClientProcess[]> {
    const { files } = await this.instance.ask({ ask: 'sign', perWriter })
    const all: ClientProcess[] = []
    for (let i = 0; i < processes; i++) {
      const mine = <T>(list: readonly T[]): T[] => list.filter((_, at) => at % processes === i)
      const client = this.client()
      const { port } = this
      await client.ask({ task: 'write', port, tokens: mine(this.tokens), files: mine(files!) })
      all.push(client)
    }
    return all
  }

  async readers(count: number, noted: number): Promise<ClientProcess[]> {
    const { port, tokens, log } = this
    const all: ClientProcess[] = []
    for (let i = 0; i < readerProcesses; i++) {
      const client = this.client()
      const share = count / readerProcesses
      await client.ask({ task: 'read', port, tokens, sockets: share, log, noted })
      all.push(client)
    }
    return all
  }
}

const perAppend = (costs: readonly Cost[], count: number): Record<string, Figures> => ({
  serverCpuMs: figuresOf(costs.map(({ serverCpuMs }) => serverCpuMs / count)),
  perSecond: figuresOf(costs.map(({ ms }) => (count / ms) * 1000)),
  serverBusy: figuresOf(costs.map(({ serverBusy }) => serverBusy)),
  machineBusy: figuresOf(costs.map(({ machineBusy }) => machineBusy)),
})

const quantile = (values: readonly number[], share: number): number => {
  const sorted = [...values].sort((a, b) => a - b)
  return Math.round(sorted[Math.floor((sorted.length - 1) * share)]! * 100) / 100
}

const over = 'HTTP, the whole server, synchronous=FULL'

const appendAlone = (profileFolder?: string): Promise<void> =>
  Scene.run(profileFolder, 1, async (scene) => {
    const [client] = await scene.writers(1, loneAppends * (rounds + loneWarmUpRounds))
    const costs: Cost[] = []
    for (let round = -loneWarmUpRounds; round < rounds; round++) {
      const task = { task: 'round', perWriter: loneAppends } as const
      const { cost } = await costOf(scene.instance, () => client!.ask(task))
      // The first rounds warm the compiler.
      if (round >= 0) costs.push(cost)
    }
    const what = 'one append after the other'
    report({ area: 'logs', what, over, ...perAppend(costs, loneAppends), barCpuMs: 0.5 })
  })

const appendTogether = (readers: number, profileFolder?: string): Promise<void> =>
  Scene.run(profileFolder, writers, async (scene) => {
    const all = await scene.writers(writerProcesses, appendsPerWriter * (rounds + warmUpRounds))
    const hearing = readers > 0 ? await scene.readers(readers, 0) : []
    const count = writers * appendsPerWriter
    const costs: Cost[] = []
    let frames = 0
    for (let round = -warmUpRounds; round < rounds; round++) {
      const task = { task: 'round', perWriter: appendsPerWriter } as const
      const { cost } = await costOf(scene.instance, () =>
        Promise.all(all.map((client) => client.ask(task))),
      )
      const seen = await Promise.all(hearing.map((client) => client.ask({ task: 'seen' })))
      if (round < 0) continue
      costs.push(cost)
      for (const done of seen) frames += done.frames!
    }
    report({
      area: 'logs',
      what: `${writers} writers of one log, ${readers} sockets with it open`,
      over,
      clients: `${writerProcesses} processes of writers, ${readers > 0 ? readerProcesses : 0} of readers`,
      ...perAppend(costs, count),
      ...(readers > 0 ? { framesPerSocketAndAppend: frames / readers / count / rounds } : {}),
      barCpuMs: 0.25,
      barPerSecond: 3000,
    })
  })

const deliver = (profileFolder?: string): Promise<void> =>
  Scene.run(profileFolder, 30, async (scene) => {
    const perSecond = 300
    const count = 3000
    const warmUp = 600
    const all = count + warmUp
    const [client] = await scene.writers(1, all / 30)
    const readers = await scene.readers(sockets, all)
    const warm = await client!.ask({ task: 'pace', count: warmUp, perSecond })
    const task = { task: 'pace', count, perSecond } as const
    const { cost, done } = await costOf(scene.instance, () => client!.ask(task))
    await new Promise((resolve) => setTimeout(resolve, 1000))
    const sentMs = [...warm.sentMs!, ...done.sentMs!]
    const answers = await Promise.all(readers.map((some) => some.ask({ task: 'arrivals', sentMs })))
    const deliveries: number[] = []
    let lost = 0
    for (const { deliveryMs } of answers) {
      for (let at = 0; at < deliveryMs!.length; at++) {
        if (at % all < warmUp) continue
        const ms = deliveryMs![at]
        if (typeof ms === 'number' && !Number.isNaN(ms)) deliveries.push(ms)
        else lost++
      }
    }
    report({
      area: 'logs',
      what: `delivery of ${perSecond}/s to ${sockets} sockets, from the writer's send to the reader`,
      over,
      deliveries: deliveries.length,
      notDelivered: lost,
      ms: {
        p50: quantile(deliveries, 0.5),
        p99: quantile(deliveries, 0.99),
        max: quantile(deliveries, 1),
      },
      answerMs: { p50: quantile(done.answerMs!, 0.5), p99: quantile(done.answerMs!, 0.99) },
      ...perAppend([cost], count),
      barP50Ms: 10,
      barP99Ms: 40,
    })
  })

const followMany = (profileFolder?: string): Promise<void> =>
  Scene.run(profileFolder, 1, async (scene) => {
    const logs = 500
    // The account log and one share are there already.
    await scene.instance.ask({ ask: 'found', logs: logs - 2 })
    const { port, tokens } = scene
    const { headsBytes } = await scene.client().ask({ task: 'follow', port, token: tokens[0]! })
    report({
      area: 'logs',
      what: `first frame of heads of ${logs} logs`,
      headsBytes,
      barBytes: 15_000,
    })
  })

/** Measures by name, each with a server of its own. */
export const overHttp: Readonly<Record<string, (profileFolder?: string) => Promise<void>>> = {
  alone: appendAlone,
  writers: (profileFolder) => appendTogether(0, profileFolder),
  sockets: (profileFolder) => appendTogether(sockets, profileFolder),
  delivery: deliver,
  follow: followMany,
}
