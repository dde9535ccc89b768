/**
 * A real S3 store for tests: OpenStack Swift with its S3 interface over TLS, of Debian's packages, on one disk with one
 * replica (apt-get install -y swift-proxy swift-account swift-container swift-object memcached).
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { request } from 'node:https'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import aws4 from 'aws4'

export type Swift = {
  readonly endpoint: string
  /** The authority (PEM) that signed its certificate. */
  readonly ca: string
  readonly accessKey: string
  readonly secretKey: string
  stop(): Promise<void>
}

const servers = ['account', 'container', 'object'] as const

const freePort = async (): Promise<number> => {
  const server = createServer()
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}

const storageConf = (folder: string, server: string, port: number): string => `[DEFAULT]
bind_ip = 127.0.0.1
bind_port = ${port}
workers = 1
user = root
swift_dir = ${folder}
devices = ${folder}/devices
mount_check = false
log_level = WARNING
[pipeline:main]
pipeline = ${server}-server
[app:${server}-server]
use = egg:swift#${server}
`

const proxyConf = (folder: string, port: number, memcached: number): string => `[DEFAULT]
bind_ip = 127.0.0.1
bind_port = ${port}
workers = 1
user = root
swift_dir = ${folder}
cert_file = ${folder}/cert.pem
key_file = ${folder}/key.pem
log_level = WARNING
[pipeline:main]
pipeline = catch_errors healthcheck cache listing_formats s3api tempauth copy slo dlo versioned_writes proxy-server
[app:proxy-server]
use = egg:swift#proxy
account_autocreate = true
[filter:catch_errors]
use = egg:swift#catch_errors
[filter:healthcheck]
use = egg:swift#healthcheck
[filter:cache]
use = egg:swift#memcache
memcache_servers = 127.0.0.1:${memcached}
[filter:listing_formats]
use = egg:swift#listing_formats
[filter:s3api]
use = egg:swift#s3api
location = us-east-1
[filter:tempauth]
use = egg:swift#tempauth
user_test_tester = testing .admin
[filter:copy]
use = egg:swift#copy
[filter:slo]
use = egg:swift#slo
[filter:dlo]
use = egg:swift#dlo
[filter:versioned_writes]
use = egg:swift#versioned_writes
allow_versioned_writes = true
`

const makeRing = (folder: string, server: string, port: number): void => {
  const ring = (...args: string[]): void =>
    void execFileSync('swift-ring-builder', [`${server}.builder`, ...args], {
      cwd: folder,
      stdio: 'ignore',
    })
  ring('create', '6', '1', '1')
  ring('add', `r1z1-127.0.0.1:${port}/sdb1`, '1')
  ring('rebalance')
}

const isUp = (port: number, ca: string): Promise<boolean> =>
  new Promise((resolve) => {
    const probe = request({ host: '127.0.0.1', port, path: '/healthcheck', ca, timeout: 1000 })
    probe.on('response', (answer) => {
      answer.resume()
      resolve(answer.statusCode === 200)
    })
    probe.on('error', () => resolve(false))
    probe.end()
  })

const makeCertificate = (folder: string): string => {
  const [key, certificate] = [join(folder, 'key.pem'), join(folder, 'cert.pem')]
  execFileSync(
    'openssl',
    [
      ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'],
      ...['-keyout', key, '-out', certificate, '-days', '2', '-subj', '/CN=localhost'],
      ...['-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1'],
    ],
    { stdio: 'ignore' },
  )
  return readFileSync(certificate, 'utf8')
}

/** @throws Error that says which package is missing */
export const startSwift = async (): Promise<Swift> => {
  try {
    execFileSync('swift-proxy-server', ['--help'], { stdio: 'ignore' })
  } catch {
    throw new Error(
      'Swift is missing: apt-get install -y swift-proxy swift-account swift-container swift-object memcached',
    )
  }
  const folder = mkdtempSync(join(tmpdir(), 'hearthold-swift-'))
  mkdirSync(join(folder, 'devices', 'sdb1'), { recursive: true })
  const ca = makeCertificate(folder)
  const children: ChildProcess[] = []
  const begin = (command: string, ...args: string[]): void =>
    void children.push(spawn(command, args, { cwd: folder, stdio: 'ignore' }))
  const memcached = await freePort()
  begin('memcached', '-u', 'root', '-l', '127.0.0.1', '-p', String(memcached))
  for (const server of servers) {
    const port = await freePort()
    const conf = join(folder, `${server}-server.conf`)
    writeFileSync(conf, storageConf(folder, server, port))
    makeRing(folder, server, port)
    begin(`swift-${server}-server`, conf)
  }
  const port = await freePort()
  const conf = join(folder, 'proxy-server.conf')
  writeFileSync(conf, proxyConf(folder, port, memcached))
  begin('swift-proxy-server', conf)
  const stop = async (): Promise<void> => {
    const ended = children.map(
      (child) =>
        new Promise((resolve) => {
          if (child.exitCode !== null || child.signalCode !== null) resolve(undefined)
          else child.once('exit', resolve)
        }),
    )
    for (const child of children) child.kill('SIGTERM')
    await Promise.all(ended)
    rmSync(folder, { recursive: true, force: true })
  }
  for (let tries = 0; tries < 120; tries += 1) {
    if (await isUp(port, ca)) {
      return {
        endpoint: `https://127.0.0.1:${port}`,
        ca,
        accessKey: 'test:tester',
        secretKey: 'testing',
        stop,
      }
    }
    await sleep(500)
  }
  await stop()
  throw new Error('Swift did not start within a minute.')
}

/** Makes a bucket. @throws Error where it is not made */
export const makeBucket = async (swift: Swift, name: string): Promise<void> => {
  const { host, hostname, port } = new URL(swift.endpoint)
  const wanted = { service: 's3', region: 'us-east-1', method: 'PUT', path: `/${name}` }
  const signed = aws4.sign(
    { ...wanted, headers: { Host: host } },
    { accessKeyId: swift.accessKey, secretAccessKey: swift.secretKey },
  )
  const status = await new Promise<number | undefined>((resolve, reject) => {
    request({ ...signed, host: hostname, hostname, port, ca: swift.ca })
      .on('response', (answer) => resolve(answer.resume().statusCode))
      .on('error', reject)
      .end()
  })
  if (status !== 200) throw new Error(`Swift answered ${status} to a new bucket.`)
}
