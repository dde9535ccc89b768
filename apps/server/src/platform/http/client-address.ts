import type { IncomingMessage } from 'node:http'
import { BlockList, isIP, isIPv6 } from 'node:net'
import { TLSSocket } from 'node:tls'

/** Where a request comes from, as far as it can be trusted. */
export type Peer = {
  /** The caller's address; `unix` for a local socket that is no listed proxy. */
  readonly address: string
  /** True if the caller's own connection is encrypted: to us, or to a listed proxy that says so. */
  readonly secure: boolean
  /** True if the connection itself is from a listed proxy. */
  readonly viaProxy: boolean
  /** True if the connection itself never left this machine. */
  readonly local: boolean
}

/** Tells the peers of requests; knows the listed proxies. */
export type PeerReader = (request: IncomingMessage) => Peer

/** `::ffff:10.0.0.1` is what a dual-stack socket calls 10.0.0.1; a port or a zone behind an address is dropped. */
const normalised = (address: string): string => {
  const bare = address
    .trim()
    .replace(/^\[(.*)\](?::\d+)?$/, '$1')
    .replace(/%.*$/, '')
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(bare)?.[1]
  const withPort = /^(\d+\.\d+\.\d+\.\d+):\d+$/.exec(bare)?.[1]
  return mapped ?? withPort ?? bare
}

const listOf = (proxies: readonly string[]): BlockList => {
  const list = new BlockList()
  for (const proxy of proxies) {
    const [address = '', prefix] = proxy.split('/')
    if (isIP(address) === 0) continue
    const family = isIPv6(address) ? 'ipv6' : 'ipv4'
    if (prefix === undefined) list.addAddress(address, family)
    else list.addSubnet(address, Number(prefix), family)
  }
  return list
}

const loopback = listOf(['127.0.0.0/8', '::1'])

const contains = (list: BlockList, address: string): boolean =>
  isIP(address) !== 0 && list.check(address, isIPv6(address) ? 'ipv6' : 'ipv4')

const headerOf = (request: IncomingMessage, name: string): string => {
  const value = request.headers[name]
  return Array.isArray(value) ? value.join(',') : (value ?? '')
}

/** What is known of the other end of a connection, whatever its requests say. */
type Neighbour = {
  readonly address: string
  readonly viaProxy: boolean
  readonly local: boolean
}

const neighboursKept = 1024

/** Asked for every request, and the lists are searched for the first of an address only. */
const neighbourReader = (proxies: readonly string[]): ((remoteAddress: string) => Neighbour) => {
  const trusted = listOf(proxies)
  const unixTrusted = proxies.includes('unix')
  const kept = new Map<string, Neighbour>()
  return (remoteAddress) => {
    const known = kept.get(remoteAddress)
    if (known) return known
    const address = normalised(remoteAddress)
    const isUnix = address === ''
    const neighbour = {
      address: isUnix ? 'unix' : address,
      viaProxy: isUnix ? unixTrusted : contains(trusted, address),
      local: isUnix || contains(loopback, address),
    }
    if (kept.size >= neighboursKept) kept.clear()
    kept.set(remoteAddress, neighbour)
    return neighbour
  }
}

/**
 * The socket's address; behind a listed proxy the rightmost address of X-Forwarded-For that is no listed proxy,
 * since whatever stands left of it was written by the caller.
 * @param proxies addresses, networks, or the word `unix`
 */
export const peerReader = (proxies: readonly string[]): PeerReader => {
  const trusted = listOf(proxies)
  const neighbourOf = neighbourReader(proxies)
  return (request) => {
    const neighbour = neighbourOf(request.socket.remoteAddress ?? '')
    const { viaProxy, local } = neighbour
    const encrypted = request.socket instanceof TLSSocket
    if (!viaProxy) return { address: neighbour.address, secure: encrypted, viaProxy, local }
    const hops = headerOf(request, 'x-forwarded-for')
      .split(',')
      .map(normalised)
      .filter((hop) => hop !== '')
    let { address } = neighbour
    for (const hop of hops.toReversed()) {
      if (isIP(hop) === 0) break
      address = hop
      if (!contains(trusted, hop)) break
    }
    const protocol = headerOf(request, 'x-forwarded-proto').split(',').at(-1)?.trim().toLowerCase()
    return { address, secure: encrypted || protocol === 'https', viaProxy, local }
  }
}

/** What limits count by: an address of version 4, or the /64 that one household gets of version 6. */
export const addressKey = (address: string): string => {
  if (!isIPv6(address)) return address
  const [head = '', tail = ''] = address.split('::')
  const left = head === '' ? [] : head.split(':')
  const right = tail === '' ? [] : tail.split(':')
  const groups = address.includes('::')
    ? [
        ...left,
        ...Array.from({ length: Math.max(0, 8 - left.length - right.length) }, () => '0'),
        ...right,
      ]
    : left
  return `${groups
    .slice(0, 4)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(':')}::/64`
}
