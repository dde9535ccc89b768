import { readFileSync } from 'node:fs'
import { createClient, type Client } from '@hearthold/client'
import { CliError } from './cli-error.ts'
import type { addressOptions, serverOptions } from './commands/options.ts'
import type { Call } from './commands/verb.ts'
import { homePath, openHome, type Home } from './home/home.ts'
import { parseServerAddress } from './home/server-address.ts'
import type { ServerHome } from './home/server-home.ts'
import type { Trust } from './transport/dial.ts'
import { nodeTransport } from './transport/node-transport.ts'
import { parseServerPin } from './transport/server-pin.ts'
import { readVersion } from './version.ts'

/** A call of a verb that has `serverOptions`. */
export type ServerCall = Call<readonly [], typeof serverOptions>
/** A call of a verb that makes a session of its own, and has `addressOptions`. */
export type AddressCall = Call<readonly [], typeof addressOptions>

export type Connection = {
  readonly home: Home
  readonly server: ServerHome
  readonly client: Client
  /** What this run believes the server by: flags first, else what is remembered. */
  readonly trust: Trust
  /** The token that calls carry from now on; it is not written anywhere. */
  setToken(token: string | undefined): void
  token(): string | undefined
  /** Closes kept connections, so that the process can end. */
  close(): void
}

export type ConnectOptions = {
  /** Signs in again when the session has ended: true when a new token was set. Gets a client that never renews. */
  readonly renew?: (client: Client, connection: Connection) => Promise<boolean>
  /** An address that stands in for --server, for instance a link's. */
  readonly origin?: string | undefined
  readonly pin?: Trust | undefined
}

const readAuthority = (path: string): Trust => {
  let pem: string
  try {
    pem = readFileSync(path, 'utf8')
  } catch (error) {
    throw new CliError(
      'notFound',
      'The file of --ca-file cannot be read.',
      'Check the path and who may read it.',
      { cause: error },
    )
  }
  if (!pem.includes('-----BEGIN CERTIFICATE-----')) {
    throw new CliError(
      'usage',
      'The file of --ca-file holds no certificate.',
      "Give the authority's certificate in PEM.",
    )
  }
  return { kind: 'authority', pem }
}

/** Whom the flags say to believe; undefined where they say nothing. Throws `CliError`. */
export const trustOf = (options: AddressCall['options']): Trust | undefined => {
  const [pinText, authority] = [options['server-pin'], options['ca-file']]
  if (pinText !== undefined && authority !== undefined) {
    throw new CliError(
      'usage',
      'Both --server-pin and --ca-file were given.',
      'One of them decides; leave the other out.',
    )
  }
  if (authority !== undefined) return readAuthority(authority)
  if (pinText === undefined) return undefined
  const pin = parseServerPin(pinText)
  if (!pin)
    throw new CliError(
      'usage',
      'The fingerprint of --server-pin cannot be read.',
      'Give it as `serve` prints it: 64 hex digits.',
    )
  return { kind: 'pin', pin }
}

const serverUrl = (
  home: Home,
  options: AddressCall['options'],
  origin: string | undefined,
): string => {
  if (options.server !== undefined) return parseServerAddress(options.server)
  const known = origin ?? home.findCurrentServer()
  if (known === undefined) {
    throw new CliError(
      'notSignedIn',
      'No server is known here yet.',
      'Name one by --server or HEARTHOLD_SERVER, or sign in first: hearthold sign-in',
    )
  }
  return known
}

/** Opens the home, chooses server, trust and token, and returns a client for it. Nothing is sent yet. Throws `CliError`. */
export const connect = async (
  call: ServerCall,
  options: ConnectOptions = {},
): Promise<Connection> => {
  const home = openHome(homePath(call.terminal.env))
  const server = home.server(serverUrl(home, call.options, options.origin))
  const trust = trustOf(call.options) ??
    options.pin ??
    server.findRecord()?.trust ?? { kind: 'system' }
  const tokenFile = call.options['token-file']
  let token =
    tokenFile === undefined
      ? server.findToken()
      : await call.questions.secret({
          label: 'Token',
          flag: '--token-file',
          env: 'HEARTHOLD_TOKEN_FILE',
          file: tokenFile,
        })
  const userAgent = `hearthold-cli/${readVersion()} (${process.platform})`
  const transport = nodeTransport({ origin: server.url, trust, userAgent })
  const { renew } = options
  const client = createClient({
    transport,
    token: () => token,
    ...(renew ? { onUnauthenticated: (bare) => renew(bare, connection) } : {}),
  })
  const connection: Connection = {
    home,
    server,
    client,
    trust,
    setToken: (newer) => void (token = newer),
    token: () => token,
    close: () => transport.close(),
  }
  return connection
}

/** The device's own method signs in again where there is one; loaded only then. */
const renewByDevice: NonNullable<ConnectOptions['renew']> = async (client, connection) =>
  (await import('./member/renew.ts')).renewByDevice(client, connection)

/** Opens a connection for a verb that makes its own session: no remembered token is sent. */
export const connectAfresh = async (
  call: AddressCall,
  options: ConnectOptions = {},
): Promise<Connection> => {
  const connection = await connect(
    { ...call, options: { ...call.options, 'token-file': undefined } },
    options,
  )
  connection.setToken(undefined)
  return connection
}

/**
 * Runs `work` with a connection and closes it whatever happens. A session that has ended is renewed by the device's own
 * method, where this device has one. Throws before anything is sent where nobody is signed in.
 */
export const withSession = async <T>(
  call: ServerCall,
  work: (connection: Connection) => Promise<T>,
  options: ConnectOptions = {},
): Promise<T> => {
  const byFile = call.options['token-file'] !== undefined
  const connection = await connect(call, byFile ? options : { renew: renewByDevice, ...options })
  try {
    const { server } = connection
    if (!byFile && server.findToken() === undefined) {
      throw new CliError(
        'notSignedIn',
        `Not signed in at ${server.url}.`,
        'Sign in with: hearthold sign-in',
      )
    }
    return await work(connection)
  } finally {
    connection.close()
  }
}
