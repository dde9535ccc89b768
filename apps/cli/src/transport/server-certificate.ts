import type { TLSSocket } from 'node:tls'
import { NetworkError } from '@hearthold/client'
import { dial, type Trust } from './dial.ts'

const timeoutMs = 20_000

/** The certificate (PEM) that a server shows, once it was believed by `trust`. Throws `NetworkError`. */
export const serverCertificate = async (origin: string, trust: Trust): Promise<string> => {
  const { hostname, port } = new URL(origin)
  const host = hostname.replace(/^\[(.*)\]$/, '$1')
  const target = { secure: true, host, port: Number(port) || 443, trust, timeoutMs }
  const socket = (await dial(target)) as TLSSocket
  try {
    const certificate = socket.getPeerX509Certificate()
    if (certificate) return certificate.toString()
    throw new NetworkError('tls', `${host} showed no certificate.`, { sent: false })
  } finally {
    socket.destroy()
  }
}
