/** The part of foreign-ids.ts that is about passkeys. */
import * as contract from '@hearthold/contract'
import { encodeAppend, fromB64, methodType, passkeyId, randomBytes, toB64 } from '@hearthold/crypto'
import { registrationOf, testOrigin } from '../passkeys/passkey-person.ts'
import { SoftAuthenticator } from '../passkeys/soft-authenticator.ts'
import type { Trial, World } from './foreign-ids.ts'
import type { Instance, Person } from './instance.ts'

type Answer = Record<string, string>

/** @throws Error where the request was refused */
const asked = async (
  instance: Instance,
  endpoint: contract.Endpoint,
  { token }: Person,
  body?: object,
): Promise<Answer> => {
  const input = body === undefined ? { token } : { token, body }
  const { status, code, body: answer } = await instance.call(endpoint, input)
  if (status !== 200) throw new Error(`${endpoint.name} answered ${code}`)
  return answer as Answer
}

const changeOf = async ({ instance }: World, person: Person): Promise<string> =>
  (await asked(instance, contract.startPasskeyChange, person))['change']!

/** Well made, for a challenge that nobody gave. */
const someRegistration = async () => registrationOf(await createFor(toB64(randomBytes(32))))
const createFor = (challenge: string) =>
  new SoftAuthenticator({ origin: testOrigin }).create({
    rp: { id: 'localhost' },
    user: { id: toB64(randomBytes(32)) },
    challenge,
    excludeCredentials: [],
  })

/** A passkey of the victim's. */
const theirPasskey = async ({ instance, victim }: World): Promise<string> => {
  const started = await asked(instance, contract.startPasskeyChange, victim)
  const { challenge } = started['options'] as unknown as { challenge: string }
  const registration = registrationOf(await createFor(challenge))
  const body = { change: started['change'], registration }
  return (await asked(instance, contract.addPasskey, victim, body))['passkey']!
}

/** One more, which unlocks: only such a one is asked within a session. */
const addUnlocking = async ({ instance, victim }: World): Promise<void> => {
  const { change = '', ...started } = await asked(instance, contract.startPasskeyChange, victim)
  const { challenge } = started['options'] as unknown as { challenge: string }
  const registration = registrationOf(await createFor(challenge))
  const id = passkeyId(fromB64(registration.credential))
  const method = await victim.method(methodType.passkey, randomBytes(32), id)
  const passkey = { change, registration }
  const { code } = await victim.appendMethods([...victim.methods, method], { passkey })
  if (code !== '') throw new Error(`the passkey was answered ${code}`)
}

const someAssertion = () => ({
  credential: toB64(randomBytes(32)),
  clientDataJSON: toB64(randomBytes(90)),
  authenticatorData: toB64(randomBytes(37)),
  signature: toB64(randomBytes(70)),
})

/** As `idFields`. */
export const passkeyIdFields: Readonly<Record<string, Trial>> = {
  'finishPasskeyUnlock body.signIn': {
    theirs: async (world) => {
      await addUnlocking(world)
      const { instance, victim } = world
      return (await asked(instance, contract.startPasskeyUnlock, victim))['signIn']!
    },
    request: (_world, signIn) => ({ body: { signIn, assertion: someAssertion() } }),
    code: 'sign_in_expired',
  },
  'addPasskey body.change': {
    theirs: (world) => changeOf(world, world.victim),
    request: async (_world, change) => ({
      body: { change, registration: await someRegistration() },
    }),
    code: 'sign_in_expired',
  },
  'appendAccount body.passkey.change': {
    theirs: (world) => changeOf(world, world.victim),
    request: async ({ asker }, change) => {
      const own = new Map(asker.device.own)
      const append = toB64(encodeAppend([asker.append([await asker.state(0)])]))
      for (const [log, head] of own) asker.device.own.set(log, head)
      return { body: { append, passkey: { change, registration: await someRegistration() } } }
    },
    code: 'sign_in_expired',
  },
  'renamePasskey params.passkey': {
    theirs: theirPasskey,
    request: (_world, passkey) => ({
      params: { passkey },
      body: { label: toB64(randomBytes(40)) },
    }),
    code: 'not_found',
  },
  'removePasskey params.passkey': {
    theirs: theirPasskey,
    request: (_world, passkey) => ({ params: { passkey } }),
    code: 'not_found',
  },
}
