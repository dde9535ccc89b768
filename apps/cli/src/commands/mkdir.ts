import { makeFolder } from '@hearthold/member'
import { openShareOf, parseSharePath, withAdvice } from '../member/share-path.ts'
import { withMember } from '../member/with-member.ts'
import { printable } from '../output/text.ts'
import { serverOptions } from './options.ts'
import { defineVerb } from './verb.ts'

export const mkdirVerb = defineVerb({
  example: 'hearthold mkdir Photos:/2026/summer',
  arguments: [
    { name: 'path', summary: 'SHARE:/folder; those above it are made too', required: true },
  ],
  options: serverOptions,
  run: (call) => {
    const { share: name, path } = parseSharePath(call.arguments.path)
    return withMember(call, async (connection) => {
      const share = await openShareOf(connection, name)
      const id = await withAdvice(() => makeFolder(share, path))
      return {
        data: { share: share.log, path, id },
        text: `The folder ${printable(path)} is there.\n`,
      }
    })
  },
})
