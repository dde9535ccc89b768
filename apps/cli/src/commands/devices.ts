import { endSession } from '@hearthold/contract'
import { forgetDevice, listDevices, revokeDevice, type ListedDevice } from '@hearthold/member'
import { CliError } from '../cli-error.ts'
import { withFreshProof } from '../member/prove.ts'
import { withMember } from '../member/with-member.ts'
import { formatTable } from '../output/table.ts'
import { formatTime } from '../output/text.ts'
import { passwordOption } from './credential-options.ts'
import { serverOptions } from './options.ts'
import { defineVerb, type Verb } from './verb.ts'

const stateOf = ({ retired, current }: ListedDevice): string => {
  if (retired) return `${retired.reason} ${formatTime(retired.at)}`
  return current ? 'this one' : ''
}

const listVerb = (example: string): Verb =>
  defineVerb({
    example,
    arguments: [],
    options: serverOptions,
    run: (call) =>
      withMember(call, async ({ member }) => {
        const devices = await listDevices(member)
        const text = formatTable<ListedDevice>(
          [
            { title: 'Device', value: ({ id }) => id },
            { title: 'Label', value: ({ label }) => label },
            { title: 'Since', value: ({ enrolledAt }) => formatTime(enrolledAt) },
            { title: 'Unlocks itself', value: ({ hasMethod }) => (hasMethod ? 'yes' : '') },
            { title: 'State', value: stateOf },
          ],
          devices,
        )
        return {
          data: {
            devices: devices.map((device) => ({ ...device, retired: device.retired ?? null })),
          },
          text,
        }
      }),
  })

export const devicesVerb = listVerb('hearthold devices')
export const devicesListVerb = listVerb('hearthold devices list')

const deviceArgument = {
  name: 'device',
  summary: 'Its id, as hearthold devices shows it',
  required: true,
} as const

const checkId = (id: string): string => {
  if (/^[0-9a-f]{32}$/.test(id)) return id
  throw new CliError('usage', 'A device has 32 hex digits.', 'hearthold devices lists them.')
}

export const devicesForgetVerb = defineVerb({
  example: 'hearthold devices forget 0f3a91c2d4e5f60718293a4b5c6d7e8f',
  arguments: [deviceArgument],
  options: [...serverOptions, passwordOption],
  run: (call) => {
    const id = checkId(call.arguments.device)
    return withMember(call, async (connection) => {
      const { member, home, server, client } = connection
      const itself = member.device?.id === id
      await home.withLock('account', () =>
        withFreshProof(call, connection, call.options['password-file'], () =>
          forgetDevice(member, id),
        ),
      )
      if (itself) {
        await client.call(endSession).catch(() => undefined)
        await server.forgetSecrets()
        await home.removeDeviceSeed()
      }
      return {
        data: { forgotten: id, itself },
        text: itself
          ? 'This device is forgotten and signed out.\n'
          : 'The device is forgotten: it can no longer write or unlock by itself.\n',
      }
    })
  },
})

export const devicesRevokeVerb = defineVerb({
  example: 'hearthold devices revoke 0f3a91c2d4e5f60718293a4b5c6d7e8f',
  arguments: [deviceArgument],
  options: [...serverOptions, passwordOption],
  run: (call) => {
    const id = checkId(call.arguments.device)
    return withMember(call, async (connection) => {
      const { sessionsEnded } = await connection.home.withLock('account', () =>
        withFreshProof(call, connection, call.options['password-file'], () =>
          revokeDevice(connection.member, id),
        ),
      )
      return {
        data: { revoked: id, sessionsEnded },
        text: `The device is revoked; ${sessionsEnded} other sessions ended. All keys are new: it reads nothing that is written from now on.\nWhat it could read before, it may have kept.\n`,
      }
    })
  },
})
