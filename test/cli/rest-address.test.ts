/** `rest:` addresses from the command line to the bytes of a connection: whom it believes, and what it prints. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import https from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import {
  file,
  testPassword,
  TestRepository,
} from '../../packages/member/src/restic/test-repository.oracle.ts'
import { fakeTerminal } from '../../apps/cli/test/fake-terminal.ts'
import { closeAll, listen } from '../../apps/cli/test/loopback.ts'
import { selfSigned, type SelfSigned } from '../../apps/cli/test/self-signed.ts'
import { catalogue } from '../../apps/cli/src/commands/catalogue.ts'
import { runCommandLine } from '../../apps/cli/src/main.ts'

/** Clears the screen, turns the direction, and pretends to be another line. */
const evil = 'evil\u001b[2J\u009b31m\u202egpj\r\nfake'

/** The same as restic writes it into a tree. */
const evilInTree = String.raw`evil\x1b[2J\u009b31m\u202egpj\r\nfake`

let folder = ''
let seen: string[] = []
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'hearthold-rest-'))
  seen = []
})
afterEach(() => {
  closeAll()
  rmSync(folder, { recursive: true, force: true })
})

const makeRepository = async (): Promise<TestRepository> => {
  const repository = await TestRepository.create()
  const id = await repository.putBlob('data', new TextEncoder().encode('good'))
  const [good, gone] = [[id], ['cd'.repeat(32)]]
  const tree = await repository.putTree([
    file('good.txt', good, { size: 4 }),
    file(evilInTree, gone, { size: 4 }),
  ])
  await repository.putIndex()
  await repository.putSnapshot(tree, { hostname: evil, tags: [evil] })
  return repository
}

/** A restic REST server over TLS with these objects; the file with its address. */
const serve = async ({ key, cert }: SelfSigned): Promise<string> => {
  const { files } = await makeRepository()
  const server = https.createServer({ key, cert }, ({ url = '', headers }, response) => {
    seen.push(headers.authorization ?? '')
    const name = url.replace(/^\/laptop\//, '')
    const names = [...files.keys()].filter((one) => one.startsWith(name))
    if (name.endsWith('/')) {
      response.end(JSON.stringify(names.map((one) => one.slice(name.length))))
      return
    }
    const bytes = files.get(name)
    const [, from, to] = /^bytes=(\d+)-(\d+)$/.exec(headers.range ?? '') ?? []
    if (!bytes) response.writeHead(404).end()
    else if (from === undefined) response.end(bytes)
    else {
      const range = `bytes ${from}-${to}/${bytes.length}`
      const part = bytes.subarray(Number(from), Number(to) + 1)
      response.writeHead(206, { 'content-range': range, 'content-length': part.length }).end(part)
    }
  })
  const address = join(folder, 'address')
  const port = await listen(server)
  writeFileSync(address, `rest:https://ada:s3cret@127.0.0.1:${port}/laptop/\n`)
  return address
}

const run = async (verb: string, address: string, ...words: string[]) => {
  const password = join(folder, 'password')
  writeFileSync(password, testPassword)
  const terminal = fakeTerminal({ HEARTHOLD_HOME: join(folder, 'home') })
  const named = ['--repository-file', address, '--repository-password-file', password]
  const argv = ['repository', verb, 'rest:', ...words, ...named]
  const code = await runCommandLine(catalogue, argv, terminal)
  return { code, out: terminal.out(), err: terminal.err() }
}

describe('a rest: address over TLS', () => {
  const certificate = selfSigned('rest.test')
  const other = selfSigned('rest.test')

  it('is read where the key is pinned, or the authority is given', async () => {
    const address = await serve(certificate)
    const authority = join(folder, 'authority.pem')
    writeFileSync(authority, certificate.cert)
    for (const trust of [
      ['--server-pin', certificate.pin],
      ['--ca-file', authority],
    ]) {
      const { code, out, err } = await run('browse', address, 'latest', ...trust)
      expect(err).toBe('')
      expect(code).toBe(0)
      expect(out).toContain('good.txt')
    }
    expect(new Set(seen)).toEqual(
      new Set([`Basic ${Buffer.from('ada:s3cret').toString('base64')}`]),
    )
  })

  it('is sent nothing, least of all the credential, where the server is another', async () => {
    const address = await serve(certificate)
    const authority = join(folder, 'authority.pem')
    writeFileSync(authority, other.cert)
    for (const trust of [['--server-pin', other.pin], ['--ca-file', authority], []]) {
      for (const verb of ['browse', 'restore']) {
        const to = verb === 'restore' ? ['--to', join(folder, 'out')] : []
        const { code, out, err } = await run(verb, address, 'latest', ...to, ...trust)
        expect(code).not.toBe(0)
        expect(out).toBe('')
        expect(err).not.toContain('s3cret')
      }
    }
    expect(seen).toEqual([])
  })

  it('is not even looked for where whom to believe cannot be read', async () => {
    const address = await serve(certificate)
    const authority = join(folder, 'none.pem')
    for (const words of [
      ['--server-pin', 'abc'],
      ['--ca-file', authority],
      ['--server-pin', certificate.pin, '--ca-file', authority],
    ]) {
      const { code, err } = await run('browse', address, ...words)
      expect(code).not.toBe(0)
      expect(err).toMatch(/--server-pin|--ca-file/)
    }
    expect(seen).toEqual([])
  })
})

describe('names that steer a terminal', () => {
  // oxlint-disable-next-line no-control-regex
  const steering = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/u
  const shown = 'evil\ufffd[2J\ufffd31m\ufffdgpj\ufffd\ufffdfake'

  it('are harmless in every list of browse, and in what a restore left out', async () => {
    const certificate = selfSigned('rest.test')
    const address = await serve(certificate)
    const pin = ['--server-pin', certificate.pin]
    const out = join(folder, 'out')
    for (const [verb, ...words] of [
      ['browse'],
      ['browse', 'latest'],
      ['browse', 'latest', '--find', 'evil'],
      ['restore', 'latest', '--to', out],
    ] as const) {
      const { code, ...printed } = await run(verb, address, ...words, ...pin)
      expect(code).toBe(verb === 'restore' ? 1 : 0)
      const all = printed.out + printed.err
      expect(all).toContain(shown)
      expect(all).not.toMatch(steering)
    }
    expect(readFileSync(join(out, 'good.txt'), 'utf8')).toBe('good')
  })
})
