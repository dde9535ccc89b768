/** Between the page's WebAuthn JSON and what packages/member takes: field by field, so that nothing else travels. */
import type { AnsweredPasskey, CreatedPasskey, PasskeyAuthenticator } from '@hearthold/member'
import type { CeremonyJson, PasskeyCeremonies } from './passkey-ceremonies.ts'

const text = (from: CeremonyJson, name: string): string => {
  const value = from[name]
  if (typeof value !== 'string') throw new TypeError(`The browser's passkey has no ${name}.`)
  return value
}

const responseOf = (json: CeremonyJson): CeremonyJson => {
  const { response } = json
  if (typeof response !== 'object' || response === null) {
    throw new TypeError("The browser's passkey has no response.")
  }
  return response as CeremonyJson
}

const createdOf = (json: CeremonyJson, prf: Uint8Array | undefined): CreatedPasskey => {
  const response = responseOf(json)
  const { transports } = response
  return {
    id: text(json, 'id'),
    clientDataJSON: text(response, 'clientDataJSON'),
    attestationObject: text(response, 'attestationObject'),
    ...(Array.isArray(transports)
      ? { transports: transports.filter((one): one is string => typeof one === 'string') }
      : {}),
    prf,
  }
}

const answeredOf = (json: CeremonyJson, prf: Uint8Array | undefined): AnsweredPasskey => {
  const response = responseOf(json)
  const { userHandle } = response
  return {
    id: text(json, 'id'),
    clientDataJSON: text(response, 'clientDataJSON'),
    authenticatorData: text(response, 'authenticatorData'),
    signature: text(response, 'signature'),
    userHandle: typeof userHandle === 'string' ? userHandle : undefined,
    prf,
  }
}

/** The page's ceremonies as an authenticator of packages/member. What the browser throws comes out as it is. */
export const authenticatorOf = (
  page: Pick<PasskeyCeremonies, 'getAssertion'> & Partial<Pick<PasskeyCeremonies, 'makePasskey'>>,
): PasskeyAuthenticator => ({
  create: async (options) => {
    if (!page.makePasskey) throw new TypeError('This page makes no passkeys.')
    const { response, prf } = await page.makePasskey(options)
    return createdOf(response, prf)
  },
  get: async (options) => {
    const { response, prf } = await page.getAssertion(options)
    return answeredOf(response, prf)
  },
})
