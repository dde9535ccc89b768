/** Codes of an authenticator, each step used once; the server's clock moves on where one was. */
import { totpCode } from '@hearthold/member'
import type { WebServer } from '../harness.ts'

export class Authenticator {
  readonly #server: () => WebServer
  #lastStep: number | undefined
  /** The secret that a code was last asked for. */
  secret = ''

  constructor(server: () => WebServer) {
    this.#server = server
  }

  codeOf(secret: string): string {
    this.secret = secret
    for (;;) {
      const next = totpCode(secret, this.#server().now(), this.#lastStep)
      if ('code' in next) {
        this.#lastStep = next.step
        return next.code
      }
      this.#server().advance(next.waitMs)
    }
  }
}
