/** Verifies a log of many entries as a member does that opens it for the first time; and stretches a password. */
import { decodePage, LogVerifier } from '@hearthold/crypto'
import { client, ready, server } from '@serenity-kit/opaque'

type Task = {
  readonly pages: readonly string[]
  readonly devices: Readonly<Record<string, string>>
  readonly instanceKey: string
  readonly rounds: number
}

const bytesOf = (base64: string): Uint8Array<ArrayBuffer> =>
  Uint8Array.from(atob(base64), (character) => character.charCodeAt(0))

/** Decoding, the chain of every entry, own-chains of the devices, a signature a device, the newest receipt. */
const verifyOnce = async (
  pages: readonly Uint8Array<ArrayBuffer>[],
  keyOf: (device: string) => Uint8Array<ArrayBuffer> | undefined,
  instanceKey: Uint8Array<ArrayBuffer>,
): Promise<number> => {
  const decoded = pages.map((page) => decodePage(page))
  const verifier = new LogVerifier(decoded[0]!.log, decoded[0]!.genesis, { strict: false })
  for (const page of decoded) verifier.acceptPage(page)
  await verifier.verifySignatures((_author, device) => keyOf(device))
  await verifier.checkReceipt(decoded.at(-1)!.receipt, instanceKey)
  return decoded.reduce((sum, { entries }) => sum + entries.length, 0)
}

/** OPAQUE's own stretching in the browser: Argon2id with 64 MiB and 3 passes, and a few points of a curve. */
const stretchOnce = (password: string): number => {
  const { clientRegistrationState, registrationRequest } = client.startRegistration({ password })
  const serverSetup = server.createSetup()
  const { registrationResponse } = server.createRegistrationResponse({
    serverSetup,
    userIdentifier: 'bench',
    registrationRequest,
  })
  const started = performance.now()
  client.finishRegistration({
    clientRegistrationState,
    registrationResponse,
    password,
    keyStretching: { 'argon2id-custom': { memory: 65_536, iterations: 3, parallelism: 1 } },
  })
  return performance.now() - started
}

const work = async ({ pages, devices, instanceKey, rounds }: Task): Promise<object> => {
  await ready
  const raw = pages.map(bytesOf)
  const keys = new Map(Object.entries(devices).map(([id, key]) => [id, bytesOf(key)]))
  const ms: number[] = []
  const argonMs: number[] = []
  let entries = 0
  for (let round = 0; round <= rounds; round++) {
    const started = performance.now()
    entries = await verifyOnce(raw, (device) => keys.get(device), bytesOf(instanceKey))
    const verified = performance.now() - started
    const stretched = stretchOnce(`password of round ${round}`)
    // The first round warms the compiler.
    if (round === 0) continue
    ms.push(verified)
    argonMs.push(stretched)
  }
  return { ms, argonMs, entries }
}

addEventListener('message', ({ data }: MessageEvent<Task>) => {
  const answer = (value: object): void => postMessage(value)
  work(data).then(answer, (error: unknown) => answer({ error: String(error) }))
})
