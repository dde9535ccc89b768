import { endpoint, Exact, Size } from '@hearthold/contract'
import { createHash, X509Certificate } from 'node:crypto'
import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { request as httpsRequest } from 'node:https'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect as tlsConnect, type TLSSocket } from 'node:tls'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { openCertificate } from '../tls/keeper.ts'
import { bind } from './bind.ts'
import type { Http } from './http.ts'
import { createTestHttp, type TestHttp } from './test-http.ts'

const slow = endpoint({
  name: 'slow',
  method: 'GET',
  path: '/api/slow',
  access: 'public',
  summary: '',
  answer: Exact({ n: Size }),
})

let open: TestHttp | undefined
let folder = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'hearthold-http-'))
  chmodSync(folder, 0o700)
})
afterEach(async () => {
  await open?.close()
  rmSync(folder, { recursive: true, force: true })
})
/** What comes back to text sent as it is. */
const rawAnswer = (http: Http, text: string): Promise<string> =>
  new Promise((resolve) => {
    let got = ''
    const socket = connect(http.port() ?? 0, '127.0.0.1', () => socket.write(text))
    socket
      .on('data', (chunk: Buffer) => {
        got += chunk.toString('latin1')
      })
      .on('error', () => {})
      .on('close', () => resolve(got))
  })

describe('TLS', () => {
  const secure = async () => {
    const certificate = await openCertificate({
      plan: {
        kind: 'self-signed',
        folder: join(folder, 'tls'),
        publicUrl: 'https://localhost:8765',
      },
      clock: { now: () => Date.now() },
      onError: () => {},
    })
    open = createTestHttp({}, { publicUrl: 'https://localhost:8765', certificate })
    const { http } = open
    bind(http, slow, () => ({ n: 1 }))
    await http.listen()
    return { http, certificate }
  }
  const handshake = (http: Http, options: object) =>
    new Promise<TLSSocket>((resolve, reject) => {
      const socket = tlsConnect(
        {
          port: http.port() ?? 0,
          host: '127.0.0.1',
          servername: 'localhost',
          rejectUnauthorized: false,
          ...options,
        },
        () => resolve(socket),
      )
      socket.once('error', reject)
    })
  test('speaks 1.2 and newer only, HTTP/1.1 only, with the key whose pin is told, and no pinning of browsers', async () => {
    const { http, certificate } = await secure()
    const socket = await handshake(http, { ALPNProtocols: ['h2', 'http/1.1'] })
    const peer = new X509Certificate(socket.getPeerCertificate(true).raw)
    expect([socket.getProtocol(), socket.alpnProtocol]).toEqual(['TLSv1.3', 'http/1.1'])
    expect(
      createHash('sha256')
        .update(peer.publicKey.export({ type: 'spki', format: 'der' }))
        .digest('hex'),
    ).toBe(certificate.pin)
    socket.destroy()
    await expect(
      handshake(http, {
        minVersion: 'TLSv1',
        maxVersion: 'TLSv1.1',
        ciphers: 'DEFAULT@SECLEVEL=0',
      }),
    ).rejects.toThrow()
    const headers = await new Promise<NodeJS.Dict<string | string[]>>((resolve, reject) => {
      httpsRequest(
        {
          port: http.port(),
          path: '/api/slow',
          ca: certificate.current().certPem,
          servername: 'localhost',
          host: '127.0.0.1',
          headers: { host: 'localhost:8765' },
        },
        (response) => {
          expect(response.statusCode).toBe(200)
          response.resume().on('end', () => resolve(response.headers))
        },
      )
        .on('error', reject)
        .end()
    })
    expect(headers['strict-transport-security']).toBeUndefined()
  })
  test('plain HTTP on its port is not answered', async () => {
    const { http } = await secure()
    expect(await rawAnswer(http, 'GET / HTTP/1.1\r\nHost: localhost:8765\r\n\r\n')).not.toContain(
      '200',
    )
  })
})
