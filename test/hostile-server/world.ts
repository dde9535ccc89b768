/** A real server, an honest member with a share, and devices between which and the server a liar stands. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fromB64, type Bytes } from '@hearthold/crypto'
import {
  createShare,
  type DeviceKey,
  enrolDevice,
  type MemberContext,
  memoryHeads,
  openShare,
  type Share,
  unlock,
  type Unlocked,
} from '@hearthold/member'
import { type FlowServer, type Person, startFlowServer } from '../flows/flow-server.ts'
import { type Lie, truth } from './answers.ts'

/** What a device keeps between runs: the heads that it has seen. */
export type Memory = ReturnType<typeof memoryHeads>

/** A device that believes it speaks to the server. */
export type LiedTo = {
  readonly context: MemberContext
  /** Another lie from now on. */
  tell(lie: Lie): void
  setToken(token: string | undefined): void
}

export type World = {
  readonly server: FlowServer
  readonly ada: Person
  /** Signs receipts: the liar owns the server's disk. */
  readonly receiptSeed: Bytes
  /** A device of the same person with her session, her device key and her device secret, behind a lie. */
  device(lie?: Lie, memory?: Memory): LiedTo
  unlock(lie?: Lie, memory?: Memory): Promise<Unlocked>
  open(log: string, lie?: Lie, memory?: Memory): Promise<Share>
  stop(): Promise<void>
}

/** The seed in data/keys/instance-signing, whose lines are `<version> <base64url>`. */
export const readReceiptSeed = (folder: string): Bytes => {
  const text = readFileSync(join(folder, 'data/keys/instance-signing'), 'utf8').trim()
  return fromB64(text.split('\n').at(-1)!.split(' ')[1]!)
}

export const createWorld = async (): Promise<World> => {
  const server = await startFlowServer()
  const ada = await server.host()
  const device = (lie: Lie = truth, memory: Memory = memoryHeads()): LiedTo => {
    const made = server.device()
    made.setToken(ada.created.token)
    made.network = lie
    return {
      context: { ...made.context, heads: memory },
      tell: (next) => (made.network = next),
      setToken: made.setToken,
    }
  }
  const unlockAt = (lie?: Lie, memory?: Memory): Promise<Unlocked> => {
    const { created } = ada
    return unlock(device(lie, memory).context, created, created.unlockBy, created.device)
  }
  return {
    server,
    ada,
    receiptSeed: readReceiptSeed(server.folder),
    device,
    unlock: unlockAt,
    open: async (log, lie, memory) => openShare(await unlockAt(lie, memory), log),
    stop: () => server.stop(),
  }
}

/** Another enrolled device of ada, which writes by itself. */
export const secondDevice = async (
  world: World,
  label: string,
): Promise<{ member: Unlocked; key: DeviceKey }> => {
  const { created } = world.ada
  const member = await unlock(world.device().context, created, created.unlockBy)
  return { member, key: await enrolDevice(member, label) }
}

export const foundShare = (world: World, name: string): Promise<Share> =>
  createShare(world.ada.member, name)
