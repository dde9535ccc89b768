import { type Head, openSocket, type Socket, type SocketState } from '@hearthold/client'
import { endSession } from '@hearthold/contract'
import { decodePage, LogVerifier } from '@hearthold/crypto'
import { createShare, putTree } from '@hearthold/member'
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { temporaryFolder, walkDisk } from './disk-tree.ts'
import { type FlowServer, type Person, signInElsewhere, startFlowServer } from './flow-server.ts'

let server: FlowServer
let host: Person
let ada: Person
const sockets: Socket[] = []
beforeAll(async () => {
  server = await startFlowServer()
  host = await server.host()
  ada = await server.invited(host, 'grace')
})
afterAll(() => server.stop())
afterEach(() => {
  for (const socket of sockets.splice(0)) socket.close()
})

/** A device that listens: all that its socket told it. */
const listen = (token: string | undefined) => {
  const heads = new Map<string, Head>()
  const pages: Uint8Array[] = []
  const states: SocketState[] = []
  const problems: string[] = []
  const socket = openSocket({
    origin: server.origin.replace('http', 'ws'),
    token: () => token,
    WebSocket,
    onHeads: (changed) => {
      for (const head of changed) heads.set(head.log, head)
    },
    onPage: (page) => void pages.push(page),
    onState: (state) => void states.push(state),
    onProblem: (code) => void problems.push(code),
  })
  sockets.push(socket)
  return { socket, heads, pages, states, problems }
}

describe('the socket of a real server', () => {
  it('tells another device of a share, its entries as they come, and nobody else', async () => {
    const { signedIn } = await signInElsewhere(server, ada)
    const other = listen(signedIn.token)
    const stranger = listen(host.created.token)
    other.socket.follow()
    stranger.socket.follow()
    await expect.poll(() => other.heads.has(ada.created.log), { timeout: 5000 }).toBe(true)

    const share = await createShare(ada.member, 'letters')
    const { log } = share
    await expect.poll(() => other.heads.has(log), { timeout: 5000 }).toBe(true)
    other.socket.open(log, 0)
    stranger.socket.open(log, 0)
    await expect.poll(() => other.pages.length, { timeout: 5000 }).toBe(1)

    const source = temporaryFolder()
    writeFileSync(join(source, 'a letter.txt'), 'dear all')
    await putTree(share, walkDisk(source), '/')
    rmSync(source, { recursive: true })
    await expect.poll(() => other.pages.length, { timeout: 5000 }).toBeGreaterThan(1)
    const pages = other.pages.map((page) => decodePage(page))
    const verifier = new LogVerifier(pages[0]!.log, pages[0]!.genesis, { strict: false })
    for (const page of pages) verifier.acceptPage(page)
    expect(verifier.position.seq).toBe(pages.at(-1)!.receipt.seq)
    expect(stranger.problems).toEqual(['not_found'])
    expect(stranger.pages).toEqual([])
    expect(stranger.heads.has(log)).toBe(false)
  })

  it('ends with its session, at once', async () => {
    const { device, signedIn } = await signInElsewhere(server, ada)
    const { states, problems } = listen(signedIn.token)
    await expect.poll(() => states.at(-1), { timeout: 5000 }).toBe('connected')
    await device.client.call(endSession, {})
    await expect.poll(() => states.at(-1), { timeout: 5000 }).toBe('closed')
    expect(problems).toEqual(['unauthenticated'])
    const late = listen(signedIn.token)
    await expect.poll(() => late.states.at(-1), { timeout: 5000 }).toBe('closed')
  })
})
