/** A server with a certificate of its own: its links carry the key's fingerprint, and nothing else is trusted. */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { begin } from './house.ts'

const launcher = join(import.meta.dirname, '../../bin/hearthold')
let folder = ''
let server: ChildProcess
let url = ''
let link = ''
const at = (name: string) => join(folder, name)

const freePort = async (): Promise<number> => {
  const probe = createServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const { port } = probe.address() as AddressInfo
  probe.close()
  return port
}

/** The link that `serve` prints once it is ready. */
const printedLink = async (child: ChildProcess): Promise<string> => {
  let said = ''
  for await (const text of child.stdout ?? []) {
    said += String(text)
    const found = /https:\/\/\S+#\S+/.exec(said)
    if (found) return found[0]
  }
  throw new Error(`The server did not start.\n${said}`)
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'hearthold-pin-'))
  const port = await freePort()
  url = `https://localhost:${port}`
  server = spawn(process.execPath, [launcher, 'serve'], {
    env: {
      PATH: process.env['PATH'],
      HEARTHOLD_DATA: at('data'),
      HEARTHOLD_LISTEN: `127.0.0.1:${port}`,
      HEARTHOLD_PUBLIC_URL: url,
    },
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  link = await printedLink(server)
  writeFileSync(at('password'), 'a password for the test of pins')
})
afterAll(async () => {
  const closed = once(server, 'close')
  server.kill('SIGTERM')
  await closed
  rmSync(folder, { recursive: true, force: true })
})

/** Runs a command without HEARTHOLD_SERVER: the link has to say where. */
const run = async (device: string, ...args: string[]) => {
  const home = { home: at(`${device}-home`) }
  const { code, stdout } = await begin(home, [...args, '--json'], { server: '' }).ended
  return { code, json: JSON.parse(stdout) as Record<string, unknown> }
}
const secrets = (name: string) => [
  ...['--name', name, '--password-file', at('password')],
  ...['--recovery-key-out', at(`${name}-key`), '--totp-secret-out', at(`${name}-totp`)],
]

it('is believed by the fingerprint of its link alone, and remembered by it', async () => {
  const [address = '', pin = ''] = link.split('.')
  const wrong = `${pin.startsWith('0') ? '1' : '0'}${pin.slice(1)}`
  const setUp = ['set-up', '--instance-name', 'Pinned', ...secrets('ada'), '--token-file']
  writeFileSync(at('wrong'), `${address}.${wrong}`)
  expect(await run('ada', ...setUp, at('wrong'))).toMatchObject({
    code: 6,
    json: { error: { code: 'pin' } },
  })
  writeFileSync(at('without'), address)
  expect(await run('ada', ...setUp, at('without'))).toMatchObject({
    code: 6,
    json: { error: { code: 'certificate' } },
  })
  // What is in the token's file needs the address beside it, and no fingerprint.
  const tokenFile = join(at('data'), 'set-up-token')
  expect(readFileSync(tokenFile, 'utf8').trim()).toBe(link.split('#')[1])
  expect((await run('ada', ...setUp, tokenFile, '--server', url)).code).toBe(0)
  expect(await run('ada', 'whoami')).toMatchObject({ code: 0, json: { server: url, name: 'ada' } })

  expect((await run('ada', 'invite', '--out', at('invitation'))).code).toBe(0)
  expect(readFileSync(at('invitation'), 'utf8').trim().endsWith(`.${pin}`)).toBe(true)
  const signUp = ['sign-up', '--invite-file', at('invitation'), ...secrets('bea')]
  expect((await run('bea', ...signUp)).code).toBe(0)
  const signIn = ['sign-in', '--name', 'bea', '--password-file', at('password')]
  const proof = [...signIn, '--totp-secret-file', at('bea-totp'), '--server', url]
  expect((await run('other', ...proof)).code).toBe(6)
  expect((await run('other', ...proof, '--server-pin', pin)).code).toBe(0)
  expect((await run('other', 'share', 'create', 'Far')).code).toBe(0)
})
