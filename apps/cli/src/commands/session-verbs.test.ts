import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import http from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { fakeTerminal } from '../../test/fake-terminal.ts'
import { closeAll, listen } from '../../test/loopback.ts'
import { openHome } from '../home/home.ts'
import { runCommandLine } from '../main.ts'
import { catalogue } from './catalogue.ts'

const id = 'a'.repeat(32)
const token = 'T'.repeat(43)
const session = {
  id,
  current: true,
  createdAt: 1,
  lastUsedAt: 2,
  expiresAt: 3,
  staySignedIn: false,
  method: 'password',
  device: null,
  address: '127.0.0.1',
  client: 'evil\u001b[2J',
}
const whoami = {
  account: id,
  log: id,
  name: 'ann',
  role: 'host',
  session,
  backupCodesLeft: 8,
  hasPassword: true,
  hasPasskey: false,
}

let home = ''
let origin = ''
let seen: string[] = []
let answers: Record<string, unknown> = {}

beforeEach(async () => {
  home = join(mkdtempSync(join(tmpdir(), 'hearthold-verbs-')), 'home')
  seen = []
  answers = {
    'GET /api/session': whoami,
    'DELETE /api/session': { ended: 1 },
    'GET /api/sessions': { sessions: [session] },
    [`DELETE /api/sessions/${id}`]: { ended: 1 },
    'DELETE /api/sessions?scope=others': { ended: 2 },
    'DELETE /api/sessions?scope=all': { ended: 3 },
    'GET /api/invitations': {
      invitations: [{ id, role: 'member', usesLeft: 2, createdAt: 1, expiresAt: 2 }],
    },
    'POST /api/invitations': {
      id,
      invitation: token,
      url: `${origin}/invite#${token}`,
      expiresAt: 5,
    },
    [`DELETE /api/invitations/${id}`]: { removed: false },
  }
  const server = http.createServer((request, response) => {
    seen.push(`${request.method} ${request.url}`)
    const signedIn = request.headers.authorization === `Bearer ${token}`
    const answer = answers[`${request.method} ${request.url}`]
    const status = signedIn ? (answer ? 200 : 404) : 401
    const problem = {
      type: 'about:blank',
      title: 'x',
      status,
      code: status === 401 ? 'unauthenticated' : 'not_found',
    }
    request
      .resume()
      .on('end', () =>
        response
          .writeHead(status, { 'content-type': 'application/json' })
          .end(JSON.stringify(status === 200 ? answer : problem)),
      )
  })
  origin = `http://127.0.0.1:${await listen(server)}`
})
afterEach(() => {
  closeAll()
  rmSync(join(home, '..'), { recursive: true, force: true })
})

const run = async (argv: string[], env: Record<string, string> = {}) => {
  const terminal = fakeTerminal({ HEARTHOLD_HOME: home, ...env })
  const exitCode = await runCommandLine(catalogue, argv, terminal)
  return { exitCode, out: terminal.out(), err: terminal.err() }
}
const signIn = async () => {
  await openHome(home).selectServer(origin)
  await openHome(home).server(origin).writeToken(token)
  await openHome(home).server(origin).writeDeviceSecret(new Uint8Array(32))
}

describe('verbs of a session', () => {
  it('say that nobody is signed in, and send nothing', async () => {
    for (const verb of ['whoami', 'sessions', 'invite']) {
      expect((await run([verb])).exitCode).toBe(3)
      const named = await run([verb, '--server', origin])
      expect(named).toMatchObject({
        exitCode: 3,
        err: `Not signed in at ${origin}.\nSign in with: hearthold sign-in\n`,
      })
    }
    expect(seen).toEqual([])
  })

  it('show who is signed in', async () => {
    await signIn()
    const shown = await run(['whoami', '--json'])
    expect([shown.exitCode, shown.err]).toEqual([0, ''])
    expect(JSON.parse(shown.out)).toMatchObject({
      server: origin,
      name: 'ann',
      role: 'host',
      unlocked: true,
    })
    expect((await run(['whoami'])).out).toContain(`ann (host) at ${origin}\n`)
  })

  it('take a token from a file or standard input instead of the remembered one', async () => {
    const file = join(home, '..', 'token')
    writeFileSync(file, `${token}\n`)
    expect((await run(['whoami', '--server', origin, '--token-file', file])).exitCode).toBe(0)
    expect(
      (await run(['whoami'], { HEARTHOLD_SERVER: origin, HEARTHOLD_TOKEN_FILE: file })).exitCode,
    ).toBe(0)
    writeFileSync(file, 'wrong\n')
    const refused = await run(['whoami', '--server', origin, '--token-file', file])
    expect(refused.exitCode).toBe(3)
    expect(refused.err).not.toContain('wrong\n')
  })

  it('list and end sessions, and never steer the terminal', async () => {
    await signIn()
    const list = await run(['sessions'])
    expect(list.out).toContain('evil\ufffd[2J')
    expect(JSON.parse((await run(['sessions', '--json'])).out)).toEqual({ sessions: [session] })
    expect((await run(['sessions', 'end', id])).out).toBe('1 session ended.\n')
    expect((await run(['sessions', 'end-others'])).out).toBe('2 sessions ended.\n')
    expect((await run(['sessions', 'end', 'x'])).exitCode).toBe(2)
    expect((await run(['sessions', 'lst'])).exitCode).toBe(2)
    expect((await run(['sessions', 'list', '--json'])).out).toContain(id)
    expect(openHome(home).server(origin).findToken()).toBe(token)
    expect((await run(['sessions', 'end-all'])).out).toBe('3 sessions ended.\n')
    expect(openHome(home).server(origin).findToken()).toBeUndefined()
  })

  it('invite, by a link shown or in a file of its own', async () => {
    await signIn()
    answers['POST /api/invitations'] = {
      id,
      invitation: token,
      url: `${origin}/invite#${token}`,
      expiresAt: 5,
    }
    expect((await run(['invite'])).out).toMatch(
      new RegExp(`^${origin}/invite#${token}\nIt works until .* for one person`),
    )
    const out = join(home, '..', 'link')
    const filed = await run(['invite', '--out', out, '--uses', '3', '--json'])
    expect(filed.out).not.toContain(token)
    expect(readFileSync(out, 'utf8')).toBe(`${origin}/invite#${token}\n`)
    expect(statSync(out).mode & 0o077).toBe(0)
    expect((await run(['invite', '--uses', '0'])).exitCode).toBe(2)
    expect((await run(['invite', '--role', 'king'])).exitCode).toBe(2)
    expect((await run(['invite', 'list'])).out).toContain(id)
    expect((await run(['invite', 'remove', id])).exitCode).toBe(4)
  })
})

describe('sign-out', () => {
  it('ends the session and forgets token and secret', async () => {
    await signIn()
    expect(await run(['sign-out'])).toEqual({
      exitCode: 0,
      out: `Signed out of ${origin}.\n`,
      err: '',
    })
    expect(seen).toEqual(['DELETE /api/session'])
    const server = openHome(home).server(origin)
    expect([server.findToken(), server.findDeviceSecret()]).toEqual([undefined, undefined])
    expect((await run(['sign-out'])).exitCode).toBe(0)
    expect(seen).toHaveLength(1)
  })

  it('forgets them also when the session is over already or the server is gone', async () => {
    await signIn()
    await openHome(home).server(origin).writeToken('old')
    expect((await run(['sign-out'])).exitCode).toBe(0)
    await signIn()
    closeAll()
    const gone = await run(['sign-out', '--json'])
    expect(gone.exitCode).toBe(6)
    expect(JSON.parse(gone.out)).toEqual({ server: origin, endedAtServer: false })
    expect(openHome(home).server(origin).findToken()).toBeUndefined()
  })
})

describe('choosing whom to trust', () => {
  it.each([
    [['--server-pin', 'f'.repeat(64), '--ca-file', 'x'], 2],
    [['--server-pin', 'short'], 2],
    [['--ca-file', '/nowhere'], 4],
    [['--server', 'http://hearth.example'], 2],
  ])('refuses %j', async (flags, exitCode) => {
    await signIn()
    expect((await run(['whoami', ...flags])).exitCode).toBe(exitCode)
    expect(seen).toEqual([])
  })
})
